"""The k nearest rows: exact, tiled, mergeable. Ties go to the lower index, so the answer does not depend on the tiling.

A row keeps the few candidates whose lower bound does not exceed the k-th smallest upper bound seen so far; tiles are
filtered by that limit before anything is sorted. Candidates end as exact squares. A row whose buffer ran over while
the bounds could not yet tell (many duplicates, a tight cluster far from the centre) is done again in double precision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.numerics.screens import Screen, screens
from ganeval.numerics.tiles import (
    TILE,
    Pairs,
    Tiles,
    exact_squares,
    exact_squares_of_repeats,
    first_equal,
    full_grid,
    spans,
    upper_grid,
)

SPARE = 6  # candidates kept beyond k
_FIRST = 256  # columns of the first look, from which the first limit comes


@dataclass(frozen=True, eq=False)
class Nearest:
    """For each of n rows its k nearest others, nearest first.

    squared (n, k) float64 squared distances, infinite where there are fewer than k; index (n, k) int64, -1 there.
    """

    squared: NDArray[np.float64]
    index: NDArray[np.int64]

    @classmethod
    def none(cls, n: int, k: int) -> Self:
        """The identity of `merge`: n rows that have seen nothing."""
        return cls(np.full((n, k), np.inf), np.full((n, k), -1, np.int64))

    def merge(self, other: Nearest) -> Nearest:
        """The k nearest of both: exact, associative, commutative; a neighbour seen twice counts once."""
        squared = np.concatenate([self.squared, other.squared], axis=1)
        index = np.concatenate([self.index, other.index], axis=1)
        return _sorted(squared, index, self.squared.shape[1])

    def placed(self, n: int, start: int, others: int) -> Nearest:
        """Of the rows from `start` on of n, with neighbours numbered from `others` on; the rest has seen nothing."""
        whole = Nearest.none(n, self.squared.shape[1])
        here = slice(start, start + len(self.squared))
        whole.squared[here], whole.index[here] = self.squared, np.where(self.index < 0, -1, self.index + others)
        return whole

    def first(self, k: int) -> Nearest:
        """The k nearest of at least as many."""
        if self.squared.shape[1] == k:
            return self
        return Nearest(np.ascontiguousarray(self.squared[:, :k]), np.ascontiguousarray(self.index[:, :k]))

    @property
    def distance(self) -> NDArray[np.float64]:
        return np.sqrt(self.squared)


def _sorted(squared: NDArray[np.float64], index: NDArray[np.int64], k: int) -> Nearest:
    """The k first by (distance, index), repeats of one index dropped."""
    order = np.lexsort((index, squared))
    squared, index = np.take_along_axis(squared, order, 1), np.take_along_axis(index, order, 1)
    again = np.zeros(index.shape, bool)
    again[:, 1:] = (index[:, 1:] == index[:, :-1]) & (index[:, 1:] >= 0)
    if again.any():
        return _sorted(np.where(again, np.inf, squared), np.where(again, -1, index), k)
    return Nearest(np.ascontiguousarray(squared[:, :k]), np.ascontiguousarray(index[:, :k]))


def nearest_within(rows: torch.Tensor, k: int, *, tile: int = TILE, part: tuple[int, int] = (0, 1)) -> Nearest:
    """The k nearest other rows of each row of (n, d); a row is no neighbour of itself, its duplicates are, at distance
    0.

    `part` = (i, of) looks at the i-th share of the tiles only; merging all shares gives the whole, exactly.

    >>> nearest_within(torch.tensor([[0.0], [1.0], [3.0]]), 1).index.ravel().tolist()
    [1, 0, 1]
    """
    (screen,) = screens(rows)
    tiles, lists = Tiles.sieved(screen, screen, tile, same=True), Lists(screen, screen, k, same=True)
    for a, b in upper_grid(len(rows), tile, part):
        found = tiles.rough(a, b)
        lists.start(a, b, partial(tiles.upper, a, b, found))
        if a != b:
            lists.start(b, a, partial(tiles.upper_of_columns, a, b, found))
        _, pairs = tiles.near(a, b, found, lists.limit[a], lists.limit[b] if a != b else None)
        lists.take(*pairs)
        if a != b:
            lists.take(*by_column(*pairs))
    return lists.finish()


def nearest_between(
    rows: torch.Tensor, others: torch.Tensor, k: int, *, tile: int = TILE, part: tuple[int, int] = (0, 1)
) -> Nearest:
    """The k nearest of `others` (m, d) for each of `rows` (n, d); equal rows are neighbours at distance 0."""
    left, right = screens(rows, others)
    tiles, lists = Tiles.sieved(left, right, tile), Lists(left, right, k)
    for a, b in full_grid(len(rows), len(others), tile, part):
        found = tiles.rough(a, b)
        lists.start(a, b, partial(tiles.upper, a, b, found))
        _, pairs = tiles.near(a, b, found, lists.limit[a], None)
        lists.take(*pairs)
    return lists.finish()


def nearest_across(
    rows: torch.Tensor, others: torch.Tensor, k: int, *, tile: int = TILE, part: tuple[int, int] = (0, 1)
) -> tuple[Nearest, Nearest]:
    """The k nearest of `others` for each of `rows`, and the other way round, from one look at the tiles."""
    left, right = screens(rows, others)
    tiles, there, back = Tiles.sieved(left, right, tile), Lists(left, right, k), Lists(right, left, k)
    for a, b in full_grid(len(rows), len(others), tile, part):
        found = tiles.rough(a, b)
        there.start(a, b, partial(tiles.upper, a, b, found))
        back.start(b, a, partial(tiles.upper_of_columns, a, b, found))
        _, pairs = tiles.near(a, b, found, there.limit[a], back.limit[b])
        there.take(*pairs)
        back.take(*by_column(*pairs))
    return there.finish(), back.finish()


def by_column(i: torch.Tensor, j: torch.Tensor, value: torch.Tensor) -> Pairs:
    """Pairs in row order as pairs of the transposed tile, in its row order."""
    order = j.argsort(stable=True)
    return j[order], i[order], value[order]


class Lists:
    """Candidates for the k nearest of `right`, for every row of `left`, filled from tiles in any order."""

    def __init__(self, left: Screen, right: Screen, k: int, *, same: bool = False) -> None:
        self.left, self.right, self.k, self.same = left, right, k, same
        self.width = k + SPARE
        shape, like = (len(left), self.width), left.rows
        self.lower = like.new_full(shape, torch.inf)
        self.index = torch.full(shape, -1, dtype=torch.int64, device=like.device)
        self.limit = like.new_full((len(left),), torch.finfo(like.dtype).max)  # an upper bound of the k-th square
        self.dropped = like.new_full((len(left),), torch.inf)  # the smallest lower bound that found no room

    def start(self, a: slice, b: slice, upper: Callable[[int], torch.Tensor]) -> None:
        """Give rows `a` that have no limit yet a first one, from upper bounds of so many distances to rows `b`."""
        few = min(_FIRST, b.stop - b.start)
        if few >= self.k and bool((self.limit[a] == torch.finfo(self.limit.dtype).max).all()):
            found = upper(few).topk(self.k, largest=False, sorted=False).values.amax(dim=1)
            self.limit[a] = torch.minimum(self.limit[a], found)  # a row itself stands at infinity

    def take(self, i: torch.Tensor, j: torch.Tensor, value: torch.Tensor) -> None:
        """See the pairs (i, j) with lower bounds `value`; i ascends."""
        near = (value <= self.limit[i]).nonzero().squeeze(1)
        if len(near):
            rows, r = torch.unique_consecutive(i[near], return_inverse=True)
            self._insert(rows, r, j[near], value[near])

    def _insert(self, rows: torch.Tensor, r: torch.Tensor, index: torch.Tensor, value: torch.Tensor) -> None:
        """Offer `value` and `index` to the rows `rows[r]`; r ascends."""
        count = torch.bincount(r, minlength=len(rows))
        place = torch.arange(len(r), device=r.device) - (count.cumsum(0) - count)[r] + self.width
        shape = (len(rows), self.width + int(count.max()))
        pool, names = value.new_full(shape, torch.inf), index.new_full(shape, -1)
        pool[:, : self.width], names[:, : self.width] = self.lower[rows], self.index[rows]
        pool[r, place], names[r, place] = value, index
        best, at = pool.topk(self.width + 1, largest=False)
        self.dropped[rows] = torch.minimum(self.dropped[rows], best[:, -1])
        best, index = best[:, :-1], names.gather(1, at[:, :-1])
        self.lower[rows], self.index[rows] = best, index
        upper = best + self.right.slack[index] + self.left.slack[rows, None]
        self.limit[rows] = torch.minimum(self.limit[rows], upper.kthvalue(self.k).values)

    def finish(self) -> Nearest:
        """Exact squares of what is left, sorted."""
        r, c = (self.lower <= self.limit[:, None]).nonzero(as_tuple=True)
        index = self.index[r, c]
        squared = torch.full(self.lower.shape, torch.inf, dtype=torch.float64, device=r.device)
        squared[r, c] = exact_squares(self.left, r, self.right, index)
        names = torch.full_like(self.index, -1)
        names[r, c] = index
        found = _sorted(squared.cpu().numpy(), names.cpu().numpy(), self.k)
        dropped, limit = (values.double().cpu().numpy() for values in (self.dropped, self.limit))
        unsure = dropped <= np.minimum(found.squared[:, -1], limit)
        if unsure.any():
            self._again(np.flatnonzero(unsure), found)
        found.squared[...] /= self.left.unit
        return found

    def _again(self, rows: NDArray[np.int64], found: Nearest) -> None:
        """Search all others once more for `rows`, by bounds in double precision; writes into `found`."""
        at = torch.from_numpy(rows).to(self.left.rows.device)
        left, right = screens(self.left.source[at], self.right.source, dtype=torch.float64)
        rescale = self.left.unit / left.unit
        originals = first_equal(left.source), first_equal(right.source)
        tiles = Tiles(left, right, TILE)
        for a in spans(len(left), max(1, min(TILE, TILE * TILE // len(right)))):
            lower = torch.cat([tiles.lower(a, b).clone() for b in spans(len(right), TILE)], dim=1)  # one buffer for all
            if self.same:
                lower[torch.arange(len(lower), device=at.device), at[a]] = torch.inf
            upper = (lower + right.slack).add_(left.slack[a, None])
            r, c = (lower <= upper.kthvalue(self.k, dim=1).values[:, None]).nonzero(as_tuple=True)
            exact = exact_squares_of_repeats(left, originals[0][r + a.start], right, originals[1][c]) * rescale
            best = _sorted(*_padded(r.cpu().numpy(), c.cpu().numpy(), exact.cpu().numpy(), len(lower)), self.k)
            found.squared[rows[a]], found.index[rows[a]] = best.squared, best.index


def _padded(
    r: NDArray[np.int64], c: NDArray[np.int64], value: NDArray[np.float64], n: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Lists of unequal length as (n, longest), r ascending; inf and -1 where a list has ended."""
    count = np.bincount(r, minlength=n)
    place = np.arange(len(r)) - (count.cumsum() - count)[r]
    squared, index = np.full((n, count.max()), np.inf), np.full((n, count.max()), -1)
    squared[r, place], index[r, place] = value, c
    return squared, index
