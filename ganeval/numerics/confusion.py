"""What a classifier's verdicts say about the truth, given its own confusion on real images.

A classifier that errs on e % of real images also misreads about e % of perfect fakes. With M[t, p] = P(judged p | true
t) from the real test split and h_c the shares judged p among the fakes asked for class c, the true shares pi_c solve
M' pi_c = h_c (Rogan and Gladen 1978, doi:10.1093/oxfordjournals.aje.a112510, in matrix form). This assumes that the
classifier errs on fakes as it does on real images, which is why the raw rate stands beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import UndefinedError, WrongInputError

WORST_CONDITION = 100.0  # beyond it errors grow a hundredfold: the classifier cannot tell some classes apart


@dataclass(frozen=True)
class CorrectedRate:
    """The share of fakes that truly are of the class asked for; `value` lies in [0, 1], `se` covers both samples."""

    value: float
    se: float


def corrected_rate(counts: NDArray[np.int64], confusion: NDArray[np.int64]) -> CorrectedRate:
    """counts (k, k): fakes, rows asked for, columns judged. confusion (k, k): real images, rows true, columns judged.

    se: sampling of the fakes, stratified by the class asked for, and of the classifier's own test (delta method).

    >>> perfect_judge, fakes = np.diag([100, 100]), np.array([[90, 10], [0, 100]])
    >>> corrected_rate(fakes, perfect_judge).value
    0.95
    >>> forgetful_judge = np.array([[90, 10], [0, 100]])
    >>> round(corrected_rate(fakes, forgetful_judge).value, 12)
    1.0
    """
    judged = _row_shares(confusion)
    if np.linalg.cond(judged) > WORST_CONDITION:
        raise UndefinedError("The classifier's confusion matrix is nearly singular: it cannot tell some classes apart.")
    undo = np.linalg.inv(judged)  # (judged p, true t); h' undo = pi'
    asked = counts.sum(axis=1)
    used = asked > 0
    weights = asked / asked.sum()
    shares = np.divide(counts, asked[:, None], out=np.zeros(counts.shape), where=used[:, None])  # h_c in rows
    gains = undo.T  # gains[c, p]: what one fake asked for c and judged p adds
    rates = (shares * gains).sum(axis=1)
    spread = (shares * gains**2).sum(axis=1) - rates**2
    sampling = float((weights[used] ** 2 * spread[used] / asked[used]).sum())
    value = float(np.clip((weights * rates).sum(), 0.0, 1.0))
    return CorrectedRate(
        value, math.sqrt(max(sampling, 0.0) + _judge_variance(weights, shares @ undo, gains, confusion))
    )


def _judge_variance(
    weights: NDArray[np.floating],
    truth: NDArray[np.floating],
    gains: NDArray[np.floating],
    confusion: NDArray[np.int64],
) -> float:
    # d value = - sum_c w_c gains_c dM' truth_c, with the rows of M independent multinomials.
    slopes = (weights[:, None] * truth).T @ gains  # (true t, judged p)
    judged, tests = _row_shares(confusion), confusion.sum(axis=1)
    spread = (judged * slopes**2).sum(axis=1) - (judged * slopes).sum(axis=1) ** 2
    return max(float((spread / tests).sum()), 0.0)


def _row_shares(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    totals = np.asarray(confusion).sum(axis=1)
    if (totals == 0).any():
        raise WrongInputError(
            f"The classifier's confusion matrix needs test images of every class; class {int(totals.argmin())} has "
            "none."
        )
    return confusion / totals[:, None]
