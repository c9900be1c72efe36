"""Tiled sums of a kernel over all pairs of rows: what an unbiased MMD^2 and its standard error are made of.

MMD^2 = mean_{i != j} k(r_i, r_j) + mean_{i != j} k(f_i, f_j) - 2 mean k(r_i, f_j)   (Gretton et al. 2012, JMLR 13, eq.
3)

Memory is one tile of products whatever n. Products are float64; for float32 rows wider than 512 columns they are
float32 (1e-7 relative each, averaged over n^2 pairs) because there they cost more than everything else. Sums are
float64 always.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.errors import TooFewSamplesError, UndefinedError
from ganeval.numerics.order import canonical_order
from ganeval.numerics.products import product

Kernel = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # rows (a, d), rows (b, d) -> (a, b)
TILE = (
    512  # rows: a tile on the diagonal is worked out whole, so small ones save; 1.14 times as fast as 1024 at d = 2048
)
MEDIAN_ROWS = 1000  # rows that the median heuristic looks at
NARROW = 512  # up to this width products are always float64


@dataclass(frozen=True, eq=False)
class KernelSums:
    """Means over all pairs: real with real, and of each fake row with the other fakes and with the reals.

    real_real: mean over i != j. fake_fake, fake_real (m,): one mean per fake row, its own pair left out.
    of_reals (n, 2): the same two means of each real row, with the other reals and with the fakes.
    """

    real_real: float
    fake_fake: torch.Tensor
    fake_real: torch.Tensor
    of_reals: torch.Tensor

    @property
    def mmd2(self) -> float:
        """The unbiased estimate of MMD^2, in [-small, inf)."""
        return self.real_real + float(self.fake_fake.mean()) - 2 * float(self.fake_real.mean())

    @property
    def influence(self) -> torch.Tensor:
        """(m,) first-order influence of each fake row, the real set held fixed; mean zero."""
        pull = 2 * (self.fake_fake - self.fake_real)
        return pull - pull.mean()


def kernel_sums(
    real: torch.Tensor, fake: torch.Tensor, kernel: Kernel, tile: int = TILE, within: torch.Tensor | None = None
) -> KernelSums:
    """All pairs of real (n, d) and fake (m, d), the symmetric halves once. within: `within_sums` of real,
    where known.
    """
    for name, rows in (("real", real), ("fake", fake)):
        if len(rows) < 2:
            raise TooFewSamplesError(f"A kernel distance needs at least 2 {name} rows; got {len(rows)}.")
    real, fake = product_rows(real), product_rows(fake)
    n, m = len(real), len(fake)
    within = within_sums(real, kernel, tile) if within is None else within
    of_fakes, of_reals = cross_sums(fake, real, kernel, tile)
    return KernelSums(
        real_real=float(within.sum()) / (n * (n - 1)),
        fake_fake=within_sums(fake, kernel, tile) / (m - 1),
        fake_real=of_fakes / n,
        of_reals=torch.stack([within / (n - 1), of_reals / m], dim=1),
    )


def product_rows(rows: torch.Tensor) -> torch.Tensor:
    """The rows in the dtype in which their products are taken."""
    wide = rows.dtype != torch.float64 and rows.shape[1] > NARROW
    return rows.to(torch.float32 if wide else torch.float64)


def within_sums(rows: torch.Tensor, kernel: Kernel, tile: int = TILE) -> torch.Tensor:
    """(n,) float64: sum of k(x_i, x_j) over j != i. Each tile above the diagonal serves both of its sides."""
    sums = rows.new_zeros(len(rows), dtype=torch.float64)
    for i in range(0, len(rows), tile):
        for j in range(i, len(rows), tile):
            values = kernel(rows[i : i + tile], rows[j : j + tile])
            if i == j:
                values.fill_diagonal_(0)
            else:
                sums[j : j + tile] += values.sum(dim=0, dtype=torch.float64)
            sums[i : i + tile] += values.sum(dim=1, dtype=torch.float64)
    return sums


def cross_sums(
    rows: torch.Tensor, others: torch.Tensor, kernel: Kernel, tile: int = TILE
) -> tuple[torch.Tensor, torch.Tensor]:
    """(n,) and (m,) float64: sums of k(x_i, y_j) over all j, and over all i."""
    sums, back = (r.new_zeros(len(r), dtype=torch.float64) for r in (rows, others))
    for i in range(0, len(rows), tile):
        for j in range(0, len(others), tile):
            values = kernel(rows[i : i + tile], others[j : j + tile])
            sums[i : i + tile] += values.sum(dim=1, dtype=torch.float64)
            back[j : j + tile] += values.sum(dim=0, dtype=torch.float64)
    return sums, back


def cubic(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """(x.y / d + 1)^3, KID's kernel (Binkowski et al. 2018, section 4)."""
    return product(x, y, y.new_zeros(len(y))).mul_(1 / x.shape[1]).add_(1).pow_(3)


def gaussian(bandwidth: float) -> Kernel:
    """exp(-|x - y|^2 / (2 bandwidth^2)); squared distances through products, clipped at 0."""

    def kernel(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        squares = x.square().sum(dim=1)[:, None] + y.square().sum(dim=1)[None, :]
        return squares.addmm_(x, y.T, alpha=-2).clamp_(min=0).mul_(-0.5 / bandwidth**2).exp_()

    return kernel


def median_distance(rows: torch.Tensor) -> float:
    """Between pairs of about `MEDIAN_ROWS` rows (n, d), evenly spaced along a direction: a bandwidth for `gaussian`."""
    if len(rows) < 2:
        raise TooFewSamplesError(f"A median distance needs at least 2 real rows; got {len(rows)}.")
    chosen = evenly_spaced(canonical_order(rows), MEDIAN_ROWS)
    return of_evenly_spaced(rows[torch.from_numpy(chosen.copy()).to(rows.device)])


def evenly_spaced(order: NDArray[np.int64], about: int) -> NDArray[np.int64]:
    """About so many of these indices."""
    return order[:: max(1, math.ceil(len(order) / about))]


def of_evenly_spaced(rows: torch.Tensor) -> float:
    """The median distance of all pairs of these rows."""
    median = float(torch.pdist(rows).median())
    if median == 0:
        raise UndefinedError("Half of the real rows are equal, so their median distance is 0. Pass bandwidth=.")
    return median
