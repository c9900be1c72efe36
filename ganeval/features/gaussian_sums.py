"""Sums of a Gaussian kernel over all pairs of rows: once for the metrics that ask for one width, and of the real rows
among themselves once for all sets that are compared with them.
"""

from __future__ import annotations

from ganeval.features.pair import Pair
from ganeval.numerics.kernels import KernelSums, gaussian, kernel_sums, within_sums


def gaussian_sums(pair: Pair, bandwidth: float) -> KernelSums:
    """Over the real and the fake rows in float64, centred: distances do not change, their rounding gets smaller."""
    return pair.once(("gaussian sums", bandwidth), lambda: _sums(pair, bandwidth))


def _sums(pair: Pair, bandwidth: float) -> KernelSums:
    known, kernel = pair.require_real(), gaussian(bandwidth)
    real, fake = known.embeddings.double(), pair.fake.embeddings.double()
    centre = real.mean(dim=0)
    real, fake = real - centre, fake - centre
    within = known.own.once(("gaussian", bandwidth), lambda: within_sums(real, kernel))
    return kernel_sums(real, fake, kernel, within=within)
