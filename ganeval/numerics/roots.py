"""tr (A B)^(1/2) of two covariances, and the optimal map between two Gaussians, through symmetric forms only.

A B is not symmetric: its eigenvalues are real only on paper, and `sqrtm` or a general `eig` of it return complex
numbers, NaN or noise, slowly. With any factors A = F'F and B = G'G the eigenvalues of A B are the squares of the
singular values of F G', so

    tr (A B)^(1/2) = || F G' ||_*        (the nuclear norm: the sum of the singular values)

and a factor may be a Cholesky factor (full rank), a scaled root from `eigh` (dead directions), or the centred rows
themselves (fewer rows than columns: the n x n Gram route). Rows of a factor are called r: F is (r, d).
The map between the Gaussians is that of Gelbrich (1990), doi:10.1002/mana.19901470121, Proposition 2.1.
"""

from __future__ import annotations

import math

import torch

from ganeval.numerics.symmetric import inner, outer

EPS = torch.finfo(torch.float64).eps
RANK_TOLERANCE = 1e-11  # a direction with less than this share of the largest variance is a dead one
NORM_TOLERANCE = 1e-10  # above this estimated relative error a nuclear norm is computed again, the slower way


def factor(covariance: torch.Tensor) -> torch.Tensor:
    """F (r, d) float64 with F'F = covariance (d, d), r <= d its numerical rank.

    >>> factor(torch.diag(torch.tensor([4.0, 0.0, 9.0], dtype=torch.float64))).abs().sum(dim=0).tolist()
    [2.0, 0.0, 3.0]
    """
    lower, failed = torch.linalg.cholesky_ex(covariance)
    pivots = lower.diagonal().square()
    if not int(failed) and bool(pivots.min() > RANK_TOLERANCE * pivots.max()):
        return lower.T
    values, vectors = torch.linalg.eigh(covariance)
    alive = values > RANK_TOLERANCE * values.max()
    return values[alive].sqrt()[:, None] * vectors[:, alive].T


def factor_of_rows(rows: torch.Tensor, mean: torch.Tensor, ddof: int = 1) -> torch.Tensor:
    """F (n - 1, d) float64 with F'F the covariance of rows (n, d): for n <= d, where the covariance has no full rank.

    A Householder reflection turns the all-ones direction, which centring has emptied, into the first row, and drops
    it: n - 1 rows that carry everything, so that their Gram matrix is not singular by construction.
    """
    n = len(rows)
    centred = rows.to(torch.float64) - mean
    mirror = centred.new_full((n,), 1 / math.sqrt(n))
    mirror[0] -= 1.0
    reflected = centred - torch.outer(mirror, (2 / mirror.square().sum()) * (mirror @ centred))
    return reflected[1:] / math.sqrt(n - ddof)


def nuclear_norm(cross: torch.Tensor) -> float:
    """The sum of the singular values of cross (r, s), float64.

    Fast route: square roots of the eigenvalues of the smaller Gram matrix, each wrong by about eps max / (2 sigma);
    where those errors could add up to more than 1e-10 of the sum (dead directions), by singular values.
    """
    return _sum_of_roots(torch.linalg.eigvalsh(_smaller_gram(cross)), cross)


def root_trace(first: torch.Tensor, second: torch.Tensor) -> float:
    """tr (A B)^(1/2) of two symmetric positive semi-definite matrices (d, d).

    >>> eye = torch.eye(2, dtype=torch.float64)
    >>> round(root_trace(4 * eye, 9 * eye), 12)
    12.0
    """
    return nuclear_norm(factor(first) @ factor(second).T)


def transport(
    source: torch.Tensor, target: torch.Tensor, dtype: torch.dtype = torch.float64
) -> tuple[float, torch.Tensor]:
    """For factors F of A (source) and G of B (target): tr (A B)^(1/2), and Q (k, d) of that dtype with T = Q'Q.

    T is the map of the optimal transport from N(0, A) to N(0, B): T A T = B where A has full rank, the pseudo-inverse
    solution where it has not. With the thin decomposition F G' = U s V', Q = s^(-1/2) V' G.
    """
    cross = source @ target.T  # (r, s)
    fat = cross.shape[0] < cross.shape[1]
    squares, vectors = torch.linalg.eigh(_smaller_gram(cross))
    alive = squares > RANK_TOLERANCE * squares.max() if len(squares) else squares > 0
    sigma = squares[alive].sqrt()
    right = vectors[:, alive].T  # of U' where fat, of V' where not
    if fat:
        right = (right @ cross) / sigma[:, None]
    return _sum_of_roots(squares, cross), (right / sigma.sqrt()[:, None]).to(dtype) @ target.to(dtype)


def _smaller_gram(cross: torch.Tensor) -> torch.Tensor:
    return outer(cross) if cross.shape[0] < cross.shape[1] else inner([cross], cross.new_zeros(cross.shape[1]))


def _sum_of_roots(squares: torch.Tensor, cross: torch.Tensor) -> float:
    if len(squares) == 0:
        return 0.0
    sigma, top = squares.clamp(min=0).sqrt(), squares[-1]  # ascending
    doubt = torch.minimum(EPS * top / (2 * sigma), (EPS * top).sqrt())
    reliable = bool(doubt.nan_to_num().sum() <= NORM_TOLERANCE * sigma.sum())
    return float(sigma.sum() if reliable else torch.linalg.svdvals(cross).sum())
