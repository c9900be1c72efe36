"""Rows of which all others say that they belong to one of two sets: what is foreign in many small ways.

Foreign rows that a network strews among its classes fill no ball of their own, but each has a few of its kind near.
Kernel ridge regression learns the sides (0 or 1) from all rows but one and predicts that one, for every row in turn;
with a centred Gaussian kernel K, a penalty r and A = (K + r I)^-1 the predictions are y - A y / diag(A) (Allen 1974,
doi:10.1080/00401706.1974.10489157). The 24, 48, 96 ... rows that are most surely predicted as fakes are counted, and
those that are predicted as real: how improbable is it that so many are?

Width, penalty and A come from the rows of both sets together, and everything else is done again for each exchange of
sides, so where both sets are one distribution every exchange is as likely as the truth: exact, as the scan of balls is.
A set counts only where its rows are on the side that was *predicted*. Where the same rows stand on both sides, or both
have equally many of each class, the others always speak for the wrong side (whoever is left out is missed on its own),
far more surely than in any exchange; that is no difference between two sets, and is not counted.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.numerics.scan import Neighbourhoods, Scan, Sets, above, ball_sizes

WIDTH = 0.5  # of the kernel, in median distances of rows that differ
PENALTY = 10.0  # r: of a row's own kernel value, which is 1
FEW, MEDIAN_ROWS = 4000, 1000  # rows of which n x n numbers are decomposed, and of which a median is taken


def scan_likely(near: Neighbourhoods, is_fake: torch.Tensor) -> Scan:
    """Sets of the surest rows of either side; is_fake (N, 1 + permutations) bool, the truth first.

    Of more than `FEW` rows the first are looked at.
    """
    is_fake = is_fake[:FEW]
    foretold = predicted(near.rows[:FEW], is_fake.float())
    share = float(is_fake[:, 0].double().mean())
    ends = [_surest(foretold, is_fake, share), _surest(-foretold, ~is_fake, 1 - share)]
    statistic = np.concatenate([found[:, 0] for found, _ in ends])
    null = np.concatenate([found[:, 1:] for found, _ in ends]).min(axis=0)
    return Scan(statistic, null, Sets([part for _, parts in ends for part in parts]).some)


def predicted(rows: torch.Tensor, sides: torch.Tensor) -> torch.Tensor:
    """(N, c): each column of sides (N, c), less its mean, at each row (N, d) as the other rows foretell it.

    >>> found = predicted(torch.tensor([[0.0], [0.1], [5.0], [5.1]]), torch.tensor([[1.0], [1.0], [0.0], [0.0]]))
    >>> (found > 0).flatten().tolist()
    [True, True, False, False]
    """
    apart = torch.pdist(rows[:MEDIAN_ROWS])
    width = WIDTH * float(apart[apart > 0].median().nan_to_num(1.0))  # of equal rows any width says the same
    kernel = torch.cdist(rows, rows).div_(width).square_().neg_().exp_().float()  # 16 million numbers: in place
    kernel -= kernel.mean(dim=0)
    kernel -= kernel.mean(dim=1, keepdim=True)
    kernel.diagonal().add_(PENALTY)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(kernel))
    sides = sides - sides.mean(dim=0)
    return sides - (inverse @ sides) / inverse.diagonal()[:, None]


def _surest(
    foretold: torch.Tensor, belongs: torch.Tensor, share: float
) -> tuple[NDArray[np.float64], list[NDArray[np.int64]]]:
    """Twice the chance, (sizes, 1 + permutations), that so many of the rows with the largest prediction belong to the
    side of that `share`, and these rows of the truth.
    """
    sizes = ball_sizes(len(foretold))
    order = foretold.T.contiguous().topk(sizes[-1], sorted=True).indices
    counts = belongs.T.gather(1, order).long().cumsum(dim=1).numpy()
    chance = np.stack([2 * above(size, share)[counts[:, size - 1]] for size in sizes])
    return chance.clip(max=1), [order[0, :size].numpy() for size in sizes]
