"""Temperature scaling and the calibration error (Guo et al. 2017, arXiv:1706.04599). Numpy and scipy, no torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from ganeval.errors import WrongInputError

BINS = 15  # Guo et al. 2017, section 3
TEMPERATURES = (0.05, 20.0)


def negative_log_likelihood(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Mean of -log p(label), in nats, [0, inf).

    >>> round(negative_log_likelihood(np.zeros((4, 2)), np.array([0, 1, 1, 0])), 4)
    0.6931
    """
    return float(-log_softmax(logits.astype(np.float64), axis=1)[np.arange(len(labels)), labels].mean())


def fit_temperature(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """The T in [0.05, 20] that makes `logits / T` likeliest on held-out images; above 1 the network was too sure.

    It never changes which class wins. The bounds matter only where every held-out image is right or wrong alike.
    """
    if len(logits) != len(labels) or not len(labels):
        raise WrongInputError(
            f"A temperature needs one label per row of logits; got {len(logits)} rows, {len(labels)} labels."
        )
    low, high = np.log(TEMPERATURES)
    found = minimize_scalar(
        lambda t: negative_log_likelihood(logits / np.exp(t), labels), bounds=(low, high), method="bounded"
    )
    return float(np.exp(found.x))


def expected_calibration_error(logits: NDArray[np.floating], labels: NDArray[np.integer], bins: int = BINS) -> float:
    """Mean distance between confidence and accuracy, in [0, 1]: equal-width bins of the top probability.

    Biased upwards in n: each bin's distance is an absolute value, so even a perfect judge scores above 0.

    >>> sure = np.array([[9.0, -9.0]] * 4)
    >>> round(expected_calibration_error(sure, np.array([0, 0, 1, 1])), 4)  # 100 % sure, half of them right
    0.5
    """
    probabilities = softmax(logits.astype(np.float64), axis=1)
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bin_of = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(bin_of, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))
