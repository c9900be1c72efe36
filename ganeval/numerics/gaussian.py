"""The Frechet distance between two sets of rows, seen as Gaussians, and what each row contributes to it.

d^2 = |mu_r - mu_f|^2 + tr S_r + tr S_f - 2 tr (S_r S_f)^(1/2)     (Dowson and Landau 1982,
doi:10.1016/0047-259X(82)90077-X)

Its influence function, with the real set held fixed, follows from the derivative of the distance in S_f, which is
I - T with T the optimal map from fake to real (Rippl, Munk and Sturm 2016, arXiv:1507.04090, Theorem 2.3):

    psi(x) = 2 (mu_f - mu_r).(x - mu_f) + (x - mu_f)'(I - T)(x - mu_f), centred;  se = sd(psi) / sqrt(n).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch

from ganeval.errors import TooFewSamplesError, UndefinedError, WrongInputError
from ganeval.numerics.covariance import Covariance, rows_around_mean
from ganeval.numerics.moments import TILE, Moments
from ganeval.numerics.roots import root_trace, transport

RESOLUTION = 1e-10  # share of the total variance below which a difference of covariances is rounding
MEAN_RESOLUTION = 1e-28  # (50 eps)^2: the same for the squared difference of two means of that size


@dataclass(frozen=True, eq=False)
class Gaussian:
    """n rows as N(mean, covariance): mean (d,) float64. Holds 8 d min(n, d) bytes, twice that once it was factored.

    n is None where mean and covariance were published without it.
    """

    n: int | None
    mean: torch.Tensor
    covariance: Covariance

    @classmethod
    def of(cls, rows: torch.Tensor, tile: int = TILE) -> Self:
        """From rows (n, d): through the covariance where n > d, through the rows themselves where n <= d."""
        n, d = rows.shape
        if n < 2:
            raise TooFewSamplesError(f"A covariance needs at least 2 rows; got {n}. Pass more images.")
        if n > d:
            return cls.from_moments(Moments.of(rows, tile))
        mean, around = rows_around_mean(rows)
        return cls(n, mean, Covariance(rows=around))

    @classmethod
    def from_moments(cls, moments: Moments) -> Self:
        """From moments that were merged over shards or machines."""
        return cls(moments.n, moments.mean, Covariance(matrix=moments.covariance()))

    @classmethod
    def published(cls, mean: torch.Tensor, covariance: torch.Tensor, n: int | None = None) -> Self:
        """From a mean (d,) and a covariance (d, d), float64, that somebody else has computed."""
        return cls(n, mean, Covariance(matrix=covariance))

    def to(self, device: torch.device | str) -> Self:
        return replace(self, mean=self.mean.to(device), covariance=self.covariance.to(device))

    def biased(self) -> Self:
        """The same with covariances divided by n instead of n - 1."""
        if self.n is None:
            raise UndefinedError(
                "A covariance divided by n needs n, and these statistics do not say of how many rows they are. "
                "Use a convention that divides by n - 1, as they do."
            )
        return replace(self, covariance=self.covariance.scaled((self.n - 1) / self.n))


def frechet_distance(real: Gaussian, fake: Gaussian) -> float:
    """The squared Frechet (2-Wasserstein) distance of two Gaussians, in [0, inf).

    Never negative: a trace term below 1e-10 of the total variance is below what double precision can tell from zero
    (so is a shift below 1e-14 of the rows' size), and reads as zero: a set in another order is at distance 0.

    >>> rows = torch.tensor([[0.0], [2.0], [4.0]])
    >>> one = Gaussian.of(rows)
    >>> frechet_distance(one, Gaussian.of(rows + 3)), frechet_distance(one, Gaussian.of(2 * rows))
    (9.0, 8.0)
    """
    _same_width(real, fake)
    return _distance(real, fake, root_trace(fake.covariance, real.covariance))


def frechet_influence(
    real: Gaussian, fake: Gaussian, rows: torch.Tensor, tile: int = TILE
) -> tuple[float, torch.Tensor]:
    """The distance, and the influence psi (n,) float64 of each of `rows` (n, d), the rows that `fake` is made of.

    The quadratic forms are evaluated in float32 for float32 rows (relative error about 1e-6, far below the error of
    an estimated standard error), in float64 for float64 rows; the distance itself always in float64.
    """
    value, psi = frechet_pulls(real, fake, rows, tile)
    return value, psi - psi.mean()


def frechet_pulls(real: Gaussian, fake: Gaussian, rows: torch.Tensor, tile: int = TILE) -> tuple[float, torch.Tensor]:
    """`frechet_influence` of some of the rows that `fake` is made of, not yet centred."""
    _same_width(real, fake)
    dtype = torch.float64 if rows.dtype == torch.float64 else torch.float32
    root, q = transport(fake.covariance, real.covariance, dtype)
    pull = 2 * (fake.mean - real.mean)
    parts = [fake.mean.new_empty(0)]
    for start in range(0, len(rows), tile):
        exact = rows[start : start + tile].to(torch.float64) - fake.mean
        moved = (exact.to(dtype) @ q.T).square().sum(dim=1, dtype=torch.float64)
        parts.append(exact @ pull + exact.square().sum(dim=1) - moved)
    return _distance(real, fake, root), torch.cat(parts)


def _distance(real: Gaussian, fake: Gaussian, root: float) -> float:
    total = real.covariance.trace + fake.covariance.trace
    shapes = total - 2 * root
    shift = float((real.mean - fake.mean).square().sum())
    size = total + float(real.mean.square().sum() + fake.mean.square().sum())
    return (shift if shift > MEAN_RESOLUTION * size else 0.0) + (shapes if shapes > RESOLUTION * total else 0.0)


def _same_width(real: Gaussian, fake: Gaussian) -> None:
    if len(real.mean) != len(fake.mean):
        raise WrongInputError(f"Both sets need one width; got d = {len(real.mean)} and d = {len(fake.mean)}.")
