"""A scan of neighbourhoods: where has one of two sets too many rows, and is it more than chance?

Every row is the centre of balls with 24, 48, 96 ... rows of both sets. With k rows in a ball, c of them of the second
set, and q the second set's share of all N rows, the ball's statistic is (N / k) min(1, 2 P(X <= c), 2 P(X >= c)) with
X binomial(k, q): how improbable the count is, times how many such balls there is room for, so that small balls, of
which there are many, do not drown large ones. The null is the smallest statistic anywhere after the sides have been
exchanged at random, so a ball is judged against the best of all balls (Kulldorff 1997, doi:10.1080/03610929708831995;
maxT: Westfall and Young 1993). Where both sets are one distribution, every exchange is as likely as the truth: the test
is exact whatever the rows look like. Rows must come in an order that does not depend on their side: it breaks ties.

A ball that is told of is drawn wider, to less than its double, as long as that makes it more surely one-sided: what is
missing has as many rows as it has, not 24 or 48. Statistic and null are those of the ball that was counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.numerics.intervals import normal_quantile
from ganeval.numerics.kernels import product_rows
from ganeval.numerics.tiles import spans

SMALLEST, WIDEST = 24, 400  # rows of a ball: fewer, all of one side, are no evidence among thousands of balls
SHARE = 4  # at most one row in so many lies in a ball
LEAST = SMALLEST * SHARE  # rows of both sets together
BYTES = 3  # counts of up to 255 rows that one float32 holds exactly
NEAR = 0.25  # of the median distance to the nearest row: rows that repeat each other


@dataclass(frozen=True, eq=False)
class Neighbourhoods:
    """The rows nearest to each of N rows (N, d), itself first: distance (N, k) and index (N, k)."""

    rows: torch.Tensor
    distance: torch.Tensor
    index: torch.Tensor

    @classmethod
    def of(cls, rows: torch.Tensor, tile: int = 1024) -> Neighbourhoods:
        """Of rows (N, d), as many as the widest ball holds."""
        rows = product_rows(rows)
        rows = rows - rows.mean(dim=0)  # distances do not change, their rounding gets smaller
        width = ball_sizes(len(rows))[-1]
        parts = [torch.cdist(rows[a], rows).topk(width, largest=False, sorted=True) for a in spans(len(rows), tile)]
        return cls(rows, torch.cat([part.values for part in parts]), torch.cat([part.indices for part in parts]))


@dataclass(frozen=True, eq=False)
class Sets:
    """members: the index of the rows of each set, in the order of the search. radius (b,): of the ball around the first
    of them; absent where the sets are no balls.
    """

    members: list[NDArray[np.int64]]
    radius: NDArray[np.float64] | None = None

    def some(self, which: NDArray[np.int64]) -> Sets:
        """Those of these numbers."""
        radius = None if self.radius is None else self.radius[which]
        return Sets([self.members[i] for i in which.tolist()], radius)


@dataclass(frozen=True, eq=False)
class Scan:
    """Statistics (b,) of sets of rows, and the best one after each exchange of sides (permutations,).

    some: the sets of these numbers. Of thousands of balls only those that are told of are ever drawn.
    """

    statistic: NDArray[np.float64]
    null: NDArray[np.float64]
    some: Callable[[NDArray[np.int64]], Sets]

    @property
    def sets(self) -> Sets:
        """All of them."""
        return self.some(np.arange(len(self.statistic)))


def ball_sizes(rows: int) -> list[int]:
    """
    >>> ball_sizes(96), ball_sizes(4000)
    ([24], [24, 48, 96, 192, 384])
    """
    return [SMALLEST << i for i in range(8) if SMALLEST << i <= min(WIDEST, rows // SHARE)]


def scan_balls(near: Neighbourhoods, is_fake: torch.Tensor) -> Scan:
    """The best ball around every row; is_fake (N, 1 + permutations) bool, the truth first.

    The rarer the count of a ball the smaller its statistic, so the best ball of a size after an exchange is the one
    with the fewest fakes or the one with the most.
    """
    sizes, rows = ball_sizes(len(is_fake)), len(is_fake)
    share, truth, null = float(is_fake[:, 0].double().mean()), [], np.full(is_fake.shape[1] - 1, np.inf)
    for size, (fakes, ends) in zip(sizes, _fakes_within(near.index, sizes, is_fake), strict=True):
        table = _tails(size, share) * (rows / size)
        truth.append(table[fakes])
        null = np.minimum(null, table[ends[:, 1:]].min(axis=0))
    statistic, best = np.min(truth, axis=0), np.array(sizes)[np.argmin(truth, axis=0)]

    def some(which: NDArray[np.int64]) -> Sets:
        index = near.index[which].numpy()
        size = _drawn_wider(is_fake[:, 0].numpy()[index], best[which], share)
        radius = near.distance.double().numpy()[which, size - 1]
        return Sets([row[:end] for row, end in zip(index, size, strict=True)], radius)

    return Scan(statistic, null, some)


def _fakes_within(
    index: torch.Tensor, sizes: Sequence[int], is_fake: torch.Tensor
) -> Iterator[tuple[NDArray[np.int16], NDArray[np.int16]]]:
    """For each size the fakes among the rows nearest to each, (N,), and after each exchange the fewest and the most in
    any ball, (2, 1 + permutations); index (N, k), nearest first.

    Three exchanges are counted in one float32, 8 bits each: between two sizes lie fewer than 256 rows, and 24 bits are
    exact. It is the reading of rows that costs.
    """
    exchanges = is_fake.shape[1]
    thirds = torch.nn.functional.pad(is_fake, (0, -exchanges % BYTES)).float().chunk(BYTES, dim=1)
    packed = thirds[0] + 256 * thirds[1] + 65536 * thirds[2]
    counts = np.zeros((BYTES, len(index), packed.shape[1]), np.int16)
    for low, high in pairwise((0, *sizes)):
        ring = torch.nn.functional.embedding_bag(index[:, low:high].contiguous(), packed, mode="sum")
        whole = ring.to(torch.int32).numpy()
        for byte in range(BYTES):
            counts[byte] += ((whole >> (8 * byte)) & 255).astype(np.int16)
        ends = np.stack([counts.min(axis=1), counts.max(axis=1)])
        yield counts[0, :, 0].copy(), ends.reshape(2, -1)[:, :exchanges]


def _drawn_wider(fake: NDArray[np.bool_], size: NDArray[np.int64], share: float) -> NDArray[np.int64]:
    """For each ball the size, from its own to less than its double, at which it is most surely one-sided.

    fake (b, k): of the rows nearest to each centre, nearest first.
    """
    of = np.arange(1, fake.shape[1] + 1)
    sure = one_sided(fake.cumsum(axis=1), of, share)
    allowed = (size[:, None] <= of) & (of < 2 * size[:, None])
    return 1 + np.where(allowed, sure, -np.inf).argmax(axis=1)


def one_sided(fakes: NDArray[np.int64], of: NDArray[np.int64], share: float) -> NDArray[np.float64]:
    """How surely rows are of one side: the 95 % lower bound of that side's share, 0 at its share of all, at most 1.

    fakes: so many rows of `of` are of the second set, which makes `share` of all rows. The bound is Wilson's
    (`ganeval.numerics.intervals.wilson`).

    >>> one_sided(np.array([12, 24, 0]), np.array([12, 24, 24]), 0.5).round(2).tolist()
    [0.52, 0.72, 0.72]
    """
    z2 = normal_quantile(0.95) ** 2
    bounds = []
    for count, usual in ((fakes, share), (of - fakes, 1 - share)):
        half = np.sqrt(z2 * (count * (of - count) / of + z2 / 4))
        bounds.append(((count + z2 / 2 - half) / (of + z2) - usual) / (1 - usual))
    return np.maximum(*bounds)


def scan_repeats(near: Neighbourhoods, is_fake: torch.Tensor) -> Scan:
    """Balls of one small radius: rows that repeat each other, of which a set without repeats has next to none."""
    radius = NEAR * float(near.distance[:, 1].median())
    size = (near.distance <= radius).sum(dim=1)
    rows = torch.nonzero(size > 1).flatten()
    members = [near.index[row, : size[row]] for row in rows.tolist()]
    if not members:
        return Scan(np.empty(0), np.ones(is_fake.shape[1] - 1), Sets([], np.empty(0)).some)
    start = torch.cat([size.new_zeros(1), size[rows].cumsum(0)[:-1]])
    counts = torch.nn.functional.embedding_bag(torch.cat(members), is_fake.float(), start, mode="sum")
    found = _statistics(counts, size[rows].numpy(), len(is_fake), float(is_fake[:, 0].double().mean()))
    return Scan(*found, Sets([part.numpy() for part in members], np.full(len(members), radius)).some)


def scan_lonely(near: Neighbourhoods, is_fake: torch.Tensor) -> Scan:
    """The 24, 48, 96 ... rows that lie furthest from their neighbours: what is scattered has no ball of its own."""
    sizes, order = ball_sizes(len(is_fake)), near.distance[:, SMALLEST - 1].argsort(descending=True, stable=True)
    counts = is_fake[order].float().cumsum(dim=0)[torch.tensor(sizes) - 1]
    found = _statistics(counts, np.array(sizes), len(is_fake), float(is_fake[:, 0].double().mean()))
    return Scan(*found, Sets([order[:size].numpy() for size in sizes]).some)


def scan_sets(sets: Sequence[NDArray[np.int64]], is_fake: torch.Tensor) -> Scan:
    """Sets of rows that were made without looking at the sides; `sets` holds the rows of each."""
    sizes = np.array([len(rows) for rows in sets])
    counts = torch.stack([is_fake[torch.from_numpy(rows)].sum(dim=0) for rows in sets]).float()
    found = _statistics(counts, sizes, len(is_fake), float(is_fake[:, 0].double().mean()))
    return Scan(*found, Sets(list(sets)).some)


def _statistics(
    counts: torch.Tensor, sizes: NDArray[np.int64], rows: int, share: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(b,) and the best after each exchange, from counts (b, 1 + p) in sets of `sizes` (b,) of so many rows."""
    distinct, which = np.unique(sizes, return_inverse=True)
    start = np.concatenate([[0], np.cumsum(distinct + 1)[:-1]])
    table = np.concatenate([_tails(int(size), share) * (rows / size) for size in distinct])
    found = table[start[which][:, None] + counts.round().long().numpy()]  # whole numbers under 2^24 are exact
    return found[:, 0], found[:, 1:].min(axis=0)


def _tails(size: int, share: float) -> NDArray[np.float64]:
    """Two-sided p-values of the counts 0 ... size under binomial(size, share).

    >>> _tails(2, 0.5).tolist()
    [0.5, 1.0, 0.5]
    """
    return np.minimum(1, 2 * np.minimum(above(size, share), above(size, 1 - share)[::-1]))


def above(size: int, share: float) -> NDArray[np.float64]:
    """The chance of each count 0 ... size, or of more, under binomial(size, share).

    >>> above(2, 0.5).tolist()
    [1.0, 0.75, 0.25]
    """
    from scipy.special import bdtrc

    return np.concatenate([[1.0], bdtrc(np.arange(size), size, share)])
