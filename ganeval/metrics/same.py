"""Are two sets the same distribution, as far as so many images can tell? Equivalence by the maximum mean discrepancy.

"No difference was found" proves nothing: with few images nothing is ever found. Here the burden is turned round, as in
a
bioequivalence test: the sets count as different until their squared MMD is shown to be smaller than a margin
(Chen et al. 2026, arXiv:2603.10886, on kernel tests of equivalence; derived anew here, with a margin that has a unit).

The unit is real against real. The mean embeddings of two samples of m real images differ, squared, by 2 V / m on
average, V = E k(x, x) - E k(x, x') being the kernel's variance of the real images. So MMD^2 / (2 V / m) is 1 where two
distributions differ as much as two sets of m real images do by chance, and the claim "the same, at m images" is that it
is below 1.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch

from ganeval.core.options import Within
from ganeval.errors import UndefinedError
from ganeval.features.gaussian_sums import gaussian_sums
from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.kernels import MEDIAN_ROWS, KernelSums, gaussian, median_distance
from ganeval.numerics.order import canonical_order
from ganeval.records.scores import Score

STEPS = 60  # of the power iteration
LIKE = 500  # images of the two real sets that are the unit
Z_ONE_SIDED = 1.6448536269514722  # 95 %


@metric(
    "same",
    better="lower",
    perfect=0.0,
    version=1,
    paper="arXiv:2603.10886",
    question="close",
    least_n=100,
)
def same(
    pair: Pair,
    *,
    like: Annotated[int, Within(2, 1_000_000_000)] = LIKE,
    bandwidth: Annotated[float, Within(0, 1e25, open=True)] | None = None,
) -> Score:
    """How far apart two sets are, in units of what two sets of `like` real images differ by: below 1 they are the same.

    The squared MMD with a Gaussian kernel (`mmd_rbf`), all pairs, unbiased, over 2 V / `like`, with V the kernel's
    variance of the real set. The upper end of the interval below 1 proves the claim, a rule `max = 1` in the gate
    judges it at its own level; a large value is no proof of a difference until the lower end is above 1. For a
    refactoring or an export give the images of before as the real ones.

    Returns: (-small, inf), unitless; 0 for equal distributions, 1 as far apart as two sets of `like` real images.
    Bias: none in n.
    Standard error: both sets random. The larger of that of the influences of every row (of pairs: added, so that what
    they share cancels) and the largest that a value of 1 can have: the squared MMD's witness has at most the variance
    of the kernel's first principal direction, and the noise of second order is added. So a value below 1 by chance has
    no small
    error by chance: at the margin the claim "the same" was wrong no more often than its level (docs/results/same.md).
    details: images, the largest number m for which "the same at m images" is proved at 95 %, None where there is none;
    bandwidth; kernel_variance.

    >>> from ganeval.features.rows import Features
    >>> rows = torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
    >>> float(same(Pair(Features.given(rows[:200]), Features.given(rows[200:] + 2)), like=50)) > 1
    True
    """
    real, m = pair.require_real().embeddings.double(), len(pair.fake)
    scale = median_distance(real) if bandwidth is None else bandwidth
    sums = gaussian_sums(pair, scale)
    variance = 1 - sums.real_real
    if variance <= 0:
        raise UndefinedError("All real rows are equal to this kernel, so there is no unit. Pass a smaller bandwidth.")
    unit = 2 * variance / like
    edge = pair.once(("edge", like, scale), lambda: _edge_error(real - real.mean(dim=0), unit, scale, m))
    error = max(edge, _error(sums, paired=pair.paired))
    upper = sums.mmd2 + Z_ONE_SIDED * error
    details = {
        "images": math.floor(2 * variance / upper) if upper > 2 * variance / 1e12 else None,
        "bandwidth": scale,
        "kernel_variance": variance,
    }
    return Score(sums.mmd2 / unit, se=error / unit, n=m, details=details)


def _error(sums: KernelSums, *, paired: bool) -> float:
    """Standard error of the MMD^2, both sets random."""
    of_fakes = 2 * (sums.fake_fake - sums.fake_real)
    of_reals = 2 * (sums.of_reals[:, 0] - sums.of_reals[:, 1])
    if paired:
        return float((of_fakes + of_reals).std() / math.sqrt(len(of_fakes)))
    return math.sqrt(float(of_fakes.var()) / len(of_fakes) + float(of_reals.var()) / len(of_reals))


def _edge_error(rows: torch.Tensor, unit: float, scale: float, m: int) -> float:
    """The largest standard error of an estimate whose true value is `unit`.

    The first-order part is 2 f(x) with f the witness, |f|^2 = unit in the kernel's space, so its variance is at most
    4 unit lambda_1; the second has 2 (1/n + 1/m)^2 sum lambda^2, lambda the eigenvalues of the kernel's covariance.
    """
    n, some = len(rows), rows[canonical_order(rows)[:: -(-len(rows) // MEDIAN_ROWS)].copy()]
    values = gaussian(scale)(some, some)
    values = values - values.mean(dim=0) - values.mean(dim=1, keepdim=True) + values.mean()
    k, share = len(some), 1 / n + 1 / m
    first = _largest_eigenvalue(values) / k
    squares = float(values.square().sum() - values.diagonal().square().sum()) / (k * (k - 1))
    return math.sqrt(4 * unit * first * share + 2 * squares * share**2)


def _largest_eigenvalue(matrix: torch.Tensor) -> float:
    """Of a positive semidefinite (k, k), by power iteration from its longest column."""
    vector = matrix[:, int(matrix.norm(dim=0).argmax())]
    for _ in range(STEPS):
        vector = matrix @ (vector / vector.norm())
    return float(vector.norm())
