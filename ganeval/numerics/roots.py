"""tr (A B)^(1/2) of two covariances, and the optimal map between two Gaussians, through symmetric forms only.

A B is not symmetric: its eigenvalues are real only on paper, and `sqrtm` or a general `eig` of it return complex
numbers, NaN or noise, slowly. With any factors A = F'F and B = G'G the eigenvalues of A B are those of G A G' and of
F B F', and the squares of the singular values of F G', so

    tr (A B)^(1/2) = || F G' ||_*        (the nuclear norm: the sum of the singular values)

and a factor may be a Cholesky factor (full rank), a scaled root from `eigh` (dead directions), or the centred rows
themselves (fewer rows than columns: the n x n Gram route, by PyTorch alone: a change to SciPy's threads and back costs
more than half a product saves). One factor is enough where the other covariance is at hand.
The map between the Gaussians is that of Gelbrich (1990), doi:10.1002/mana.19901470121, Proposition 2.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ganeval.numerics.covariance import RANK_TOLERANCE, Covariance
from ganeval.numerics.fastest import eigensystem, eigenvalues
from ganeval.numerics.symmetric import congruence, outer

EPS = torch.finfo(torch.float64).eps
NORM_TOLERANCE = 1e-10  # above this estimated relative error a nuclear norm is computed again, the slower way


def root_trace(first: Covariance, second: Covariance) -> float:
    """tr (A B)^(1/2).

    >>> eye = torch.eye(2, dtype=torch.float64)
    >>> round(root_trace(Covariance(matrix=4 * eye), Covariance(matrix=9 * eye)), 12)
    12.0
    """
    crossed = _crossed(first, second)
    return _settled(crossed, eigenvalues(crossed.gram))


def transport(source: Covariance, target: Covariance, dtype: torch.dtype = torch.float64) -> tuple[float, torch.Tensor]:
    """For A (source) and B (target): tr (A B)^(1/2), and Q (k, d) of that dtype with T = Q'Q.

    T is the map of the optimal transport from N(0, A) to N(0, B): T A T = B where A has full rank, the pseudo-inverse
    solution where it has not. With the thin decomposition F G' = U s V', Q = s^(-1/2) V' G = s^(-3/2) U' F B.
    """
    crossed = _crossed(source, target)
    squares, vectors = eigensystem(crossed.gram)
    alive = squares > RANK_TOLERANCE * squares.max() if len(squares) else squares > 0
    weights = vectors[:, alive].T / squares[alive].pow(crossed.power)[:, None]
    return _settled(crossed, squares, vectors), weights.to(dtype) @ crossed.carrier.to(dtype)


@dataclass(frozen=True, eq=False)
class _Crossed:
    """gram: symmetric, its eigenvalues s^2 those of A B; Q = (s^2)^(-power) W' carrier, W its eigenvectors.

    With N the factor of `near` and M that of `far`, gram = N M' M N'.
    """

    gram: torch.Tensor
    carrier: torch.Tensor  # (r, d)
    power: float
    near: Covariance
    far: Covariance

    def across(self, vectors: torch.Tensor) -> torch.Tensor:
        """M N' W: as long as the roots are, and not squared."""
        return self.far.factor @ (self.near.factor.T @ vectors)


def _crossed(source: Covariance, target: Covariance) -> _Crossed:
    if source.matrix is not None:
        return _Crossed(_sandwich(target, source.matrix), target.factor, 0.25, target, source)
    if target.matrix is not None:
        carrier = source.factor @ target.matrix
        return _Crossed(carrier @ source.factor.T, carrier, 0.75, source, target)
    cross = source.factor @ target.factor.T
    if cross.shape[0] < cross.shape[1]:
        return _Crossed(outer(cross), cross @ target.factor, 0.75, source, target)
    return _Crossed(outer(cross.T), target.factor, 0.25, target, source)


def _sandwich(target: Covariance, matrix: torch.Tensor) -> torch.Tensor:
    """G A G'."""
    if target.lower is not None:
        return congruence(target.lower, matrix)
    return target.factor @ matrix @ target.factor.T


def _settled(crossed: _Crossed, squares: torch.Tensor, vectors: torch.Tensor | None = None) -> float:
    """The sum of the roots of the eigenvalues `squares` of crossed.gram, in ascending order.

    Beside the largest an eigenvalue is exact to EPS times that one, so that small roots drown. Where they weigh, they
    are taken from the vectors that belong to them, moved across: those are not squared, and the large ones' share in
    them is known and taken away (a Schur complement).
    """
    sigma, doubt = _roots(squares)
    allowed = NORM_TOLERANCE * float(sigma.sum())
    if float(doubt.sum()) <= allowed:
        return float(sigma.sum())
    if vectors is None:
        squares, vectors = eigensystem(crossed.gram)
        sigma, doubt = _roots(squares)
    few = int((doubt.flip(0).cumsum(0) > allowed / 2).sum())  # the smallest, that cannot be neglected
    small, large = crossed.across(vectors).tensor_split([few], dim=1)
    small = small - large @ ((large.T @ small) / squares[few:, None])
    rest, doubt = _roots(eigenvalues(outer(small.T.contiguous())))
    if float(doubt.sum()) > allowed / 2:
        rest = torch.linalg.svdvals(small)
    return float(sigma[few:].sum() + rest.sum())


def _roots(squares: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The roots of eigenvalues in ascending order, and by how much each may be wrong."""
    if len(squares) == 0:
        return squares, squares
    sigma, top = squares.clamp(min=0).sqrt(), squares[-1]
    return sigma, torch.minimum(EPS * top / (2 * sigma), (EPS * top).sqrt()).nan_to_num()
