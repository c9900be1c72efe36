"""What processes that measure together work out in shares: each sweeps its tiles and sums its rows,
and all get the whole.

Sweeps are merged exactly, so neighbours are those of one process to the last bit; moments agree to 1e-10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import reduce
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import torch

from ganeval.features.ranks import Ranks
from ganeval.numerics.gaussian import Gaussian
from ganeval.numerics.logits import Verdicts
from ganeval.numerics.moments import Moments


class Mergeable(Protocol):
    """A frozen value of arrays, whose shares make the whole."""

    def merge(self, other: Self) -> Self: ...


S = TypeVar("S", bound=Mergeable)


def gaussian_of(rows: torch.Tensor, ranks: Ranks) -> Gaussian:
    """`Gaussian.of` rows (n, d) that every rank holds: each sums a part of them."""
    if ranks.size == 1 or len(rows) <= rows.shape[1]:
        return Gaussian.of(rows)
    start, stop = ranks.span(len(rows))
    return Gaussian.from_moments(merged_moments(ranks.together(lambda: Moments.of(rows[start:stop])), ranks))


def merged_moments(mine: Moments, ranks: Ranks) -> Moments:
    """The moments of the rows of all ranks, on each of them: two sums, of d and of d^2 numbers."""
    if ranks.size == 1:
        return mine
    n = int(ranks.sum(torch.tensor([mine.n], dtype=torch.float64)).item())
    mean = ranks.sum(mine.mean * (mine.n / n))
    shift = mine.mean - mean if mine.n else torch.zeros_like(mean)
    return Moments(n, mean, ranks.sum(mine.scatter + torch.outer(shift, shift) * mine.n))


def merged_verdicts(mine: Verdicts, ranks: Ranks) -> Verdicts:
    """The sums of all ranks, on each of them."""
    if ranks.size == 1:
        return mine
    n = int(ranks.sum(torch.tensor([mine.n], dtype=torch.float64)).item())
    return Verdicts(n, ranks.sum(mine.total))


def merged(share: Callable[[], S], ranks: Ranks) -> S:
    """The shares of all ranks as one; where one of them fails, all of them end."""
    mine = ranks.together(share)
    if ranks.size == 1:
        return mine
    return reduce(lambda one, other: one.merge(other), (_of(rank, mine, ranks) for rank in range(ranks.size)))


def _of(rank: int, mine: Any, ranks: Ranks) -> Any:
    """The value of one rank on every rank, whose own has the same shapes: three at a time, not one of each rank."""
    if not isinstance(mine, np.ndarray):
        return type(mine)(*(_of(rank, getattr(mine, f.name), ranks) for f in fields(mine)))
    values = torch.from_numpy(np.ascontiguousarray(mine))
    return ranks.broadcast(values if rank == ranks.rank else torch.empty_like(values), rank).numpy()
