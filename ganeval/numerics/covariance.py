"""A covariance by whatever says it in the fewest numbers: the matrix itself, or rows F with F'F = the covariance.

Where there are fewer rows than columns the matrix has no full rank and says less than the rows do, at a greater price.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch

from ganeval.numerics.fastest import eigensystem
from ganeval.numerics.moments import near_mean
from ganeval.numerics.symmetric import cholesky

RANK_TOLERANCE = 1e-11  # a direction with less than this share of the largest variance is a dead one


@dataclass(frozen=True, eq=False)
class Covariance:
    """Symmetric, positive semi-definite, float64: `matrix` (d, d), or else `rows` (r, d) with rows'rows the matrix.

    >>> two = Covariance(matrix=torch.tensor([[4.0, 0.0], [0.0, 9.0]], dtype=torch.float64))
    >>> two.trace, two.factor.tolist()
    (13.0, [[2.0, 0.0], [0.0, 3.0]])
    """

    matrix: torch.Tensor | None = None
    rows: torch.Tensor | None = None

    @cached_property
    def lower(self) -> torch.Tensor | None:
        """L (d, d) with L L' the matrix, where that is known and of full rank."""
        return None if self.matrix is None else full_rank_factor(self.matrix)

    @cached_property
    def factor(self) -> torch.Tensor:
        """F (r, d) with F'F the matrix, r <= d its numerical rank.

        >>> flat = Covariance(matrix=torch.diag(torch.tensor([4.0, 0.0, 9.0], dtype=torch.float64)))
        >>> flat.factor.abs().sum(dim=0).tolist()
        [2.0, 0.0, 3.0]
        """
        if self.rows is not None:
            return self.rows
        return self.lower.T if self.lower is not None else _living(self._known)

    @property
    def trace(self) -> float:
        return float(self._known.trace() if self.rows is None else torch.linalg.vector_norm(self.rows).square())

    def scaled(self, by: float) -> Covariance:
        """`by` times this, by > 0."""
        if self.rows is not None:
            return Covariance(rows=self.rows * math.sqrt(by))
        return Covariance(matrix=self._known * by)

    def to(self, device: torch.device | str) -> Covariance:
        matrix, rows = (None if part is None else part.to(device) for part in (self.matrix, self.rows))
        return Covariance(matrix, rows)

    @property
    def _known(self) -> torch.Tensor:
        if self.matrix is None:
            raise TypeError("A Covariance is given by its matrix or by its rows; got neither.")
        return self.matrix


def full_rank_factor(matrix: torch.Tensor) -> torch.Tensor | None:
    """The Cholesky factor L (d, d), matrix = L L'; None where the numerical rank is below d."""
    lower = cholesky(matrix)
    if lower is None:
        return None
    pivots = lower.diagonal().square()
    return lower if bool(pivots.min() > RANK_TOLERANCE * pivots.max()) else None


def rows_around_mean(rows: torch.Tensor, ddof: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Of rows (n, d): their mean (d,) and F (n - 1, d), float64, with F'F their covariance; for 2 <= n <= d.

    A Householder reflection turns the all-ones direction, in which the mean lies, into the first row, which is dropped:
    n - 1 rows that carry everything, so that their Gram matrix is not singular by construction.
    """
    n, centre, scale = len(rows), near_mean(rows), math.sqrt(len(rows) - ddof)
    moved = rows - centre
    mirror = moved.new_full((n,), 1 / math.sqrt(n))
    mirror[0] -= 1.0
    moved.addr_(mirror, mirror @ moved, beta=1 / scale, alpha=-2 / float(mirror.square().sum()) / scale)
    return centre + moved[0] * (scale / math.sqrt(n)), moved[1:]


def _living(matrix: torch.Tensor) -> torch.Tensor:
    values, vectors = eigensystem(matrix)
    alive = values > RANK_TOLERANCE * values.max()
    return values[alive].sqrt()[:, None] * vectors[:, alive].T
