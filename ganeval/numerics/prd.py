"""Precision-recall curves of two histograms (Sajjadi et al. 2018, arXiv:1806.00035): numpy only, no torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ANGLES = 1001  # of the authors' code
_EDGE = 1e-10  # slopes 0 and infinity have no meaning


def prd_curve(real: NDArray[np.float64], fake: NDArray[np.float64], angles: int = ANGLES) -> NDArray[np.float64]:
    """(..., 2, angles) precision and recall of histograms (..., bins) that sum to one, along slopes 0 to infinity.

    Precision alpha = sum min(slope * real, fake), recall beta = alpha / slope (eq. 7 and 8 of the paper).

    >>> prd_curve(np.array([0.5, 0.5]), np.array([1.0, 0.0]), angles=3).round(6).tolist()
    [[0.0, 0.5, 1.0], [0.5, 0.5, 0.0]]
    """
    slopes = _slopes(angles)
    precision = np.stack([np.minimum(slope * real, fake).sum(-1) for slope in slopes], axis=-1)
    return np.stack([precision, precision / slopes], axis=-2).clip(0, 1)


def best_f(curve: NDArray[np.float64], beta: float) -> NDArray[np.float64]:
    """max over the curve of F_beta, from (..., 2, angles); beta > 1 weighs recall, beta < 1 precision.

    >>> float(best_f(np.array([[1.0], [0.5]]), 1.0).round(6))
    0.666667
    """
    return _f(curve, beta).max(-1)


def best_slope(curve: NDArray[np.float64], beta: float) -> float:
    """The slope at which a curve (2, angles) has its best F_beta."""
    return float(_slopes(curve.shape[1])[_f(curve, beta).argmax()])


def _f(curve: NDArray[np.float64], beta: float) -> NDArray[np.float64]:
    precision, recall = curve[..., 0, :], curve[..., 1, :]
    return (1 + beta**2) * precision * recall / (beta**2 * precision + recall + 1e-300)


def _slopes(angles: int) -> NDArray[np.float64]:
    return np.tan(np.linspace(_EDGE, np.pi / 2 - _EDGE, angles))
