"""Temperature scaling and the calibration error (Guo et al. 2017, arXiv:1706.04599). Numpy and scipy, no torch.

Differs from Guo et al. in a prior on the temperature: classifiers of digits make so few errors that theirs is noise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import WrongInputError

BINS = 15  # Guo et al. 2017, section 3
PRIOR_DEVIATION = 0.25  # of log T: two times out of three T lies within 22 % of 1
LOG_TEMPERATURES = (-4.0, 4.0)


def negative_log_likelihood(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Mean of -log p(label), in nats, [0, inf).

    >>> round(negative_log_likelihood(np.zeros((4, 2)), np.array([0, 1, 1, 0])), 4)
    0.6931
    """
    from scipy.special import log_softmax

    return float(-log_softmax(logits.astype(np.float64), axis=1)[np.arange(len(labels)), labels].mean())


def fit_temperature(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """The temperature T that `logits / T` should have, from held-out images; above 1 the network was too sure.

    The mode of the posterior under a normal prior on log T with mean 0 and deviation 1/4. Where many held-out images
    are wrong this is Guo's maximum likelihood; where one or two are, likelihood alone would follow their accidents
    (for a digit classifier with 1 error in 2,000 it says 0.45, and doubles the calibration error on other images).
    T changes no decision, and is never 0 or infinite, even where every held-out image is right.
    """
    from scipy.optimize import minimize_scalar

    if len(logits) != len(labels) or not len(labels):
        raise WrongInputError(
            f"A temperature needs one label per row of logits; got {len(logits)} rows, {len(labels)} labels."
        )

    def surprise(log_t: float) -> float:
        fit = len(labels) * negative_log_likelihood(logits / np.exp(log_t), labels)
        return fit + (log_t / PRIOR_DEVIATION) ** 2 / 2

    found = minimize_scalar(surprise, bounds=LOG_TEMPERATURES, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def expected_calibration_error(logits: NDArray[np.floating], labels: NDArray[np.integer], bins: int = BINS) -> float:
    """Mean distance between confidence and accuracy, in [0, 1]: equal-width bins of the top probability.

    Biased upwards in n: each bin's distance is an absolute value, so even a perfect classifier scores above 0.

    >>> sure = np.array([[9.0, -9.0]] * 4)
    >>> round(expected_calibration_error(sure, np.array([0, 0, 1, 1])), 4)  # 100 % sure, half of them right
    0.5
    """
    from scipy.special import softmax

    probabilities = softmax(logits.astype(np.float64), axis=1)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bin_of = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(bin_of, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))
