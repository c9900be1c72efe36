"""Which balls around one set of rows contain which rows of another: exact counts for every k at once, tile by tile.

Balls are closed (<=): duplicated images have radius 0 and must still count (Kynkaanniemi et al. 2019, eq. 2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.numerics.nearest import Nearest
from ganeval.numerics.screens import Screen, screens
from ganeval.numerics.tiles import (
    TILE,
    Tiles,
    exact_squares,
    exact_squares_of_repeats,
    first_equal,
    full_grid,
)

EPSILON = 1e-5  # Kynkaanniemi's guard against division by zero, here in units of the median radius
_BATCH = 1 << 16  # pairs handled at once
_MANY = TILE * TILE // 64  # undecided pairs of one tile from which bounds in double precision pay


@dataclass(frozen=True, eq=False)
class Inside:
    """For each of t rows, the balls of radius "distance to the j-th nearest", j = 1..k, that contain it.

    count (t, k) how many; clipped (t, k) how many when no radius exceeds the median one (Salvy et al. 2025);
    smallest (t, k) the smallest radius among them, infinite where there is none.
    """

    count: NDArray[np.int64]
    clipped: NDArray[np.int64]
    smallest: NDArray[np.float64]

    @classmethod
    def none(cls, t: int, k: int) -> Self:
        """The identity of `merge`."""
        return cls(np.zeros((t, k), np.int64), np.zeros((t, k), np.int64), np.full((t, k), np.inf))

    def placed(self, t: int, start: int) -> Inside:
        """Of the rows from `start` on of t rows."""
        return Inside(
            *(placed(mine, t, start, none) for mine, none in zip(vars(self).values(), (0, 0, np.inf), strict=True))
        )

    def merge(self, other: Inside) -> Inside:
        """Of disjoint sets of pairs: counts add up."""
        return Inside(self.count + other.count, self.clipped + other.clipped, np.minimum(self.smallest, other.smallest))


def placed(values: NDArray[Any], n: int, start: int, none: float) -> NDArray[Any]:
    """One value a row of the rows from `start` on of n; the others have `none`.

    >>> placed(np.array([5]), 3, 1, 0).tolist()
    [0, 5, 0]
    """
    whole = np.full((n, *values.shape[1:]), none, values.dtype)
    whole[start : start + len(values)] = values
    return whole


def median_square(squared: NDArray[np.float64]) -> NDArray[np.float64]:
    """The square of the median radius of each column of squared radii (n, k).

    Where the two middle radii are equal (or one) it is their square itself: a root squared again is another number.
    """
    ordered = np.sort(squared, axis=0)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return np.where(low == high, low, ((np.sqrt(low) + np.sqrt(high)) / 2) ** 2)


def clipped_squares(squared: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared radii (n, k), none above the median radius of its column."""
    return np.minimum(squared, median_square(squared))


Watch = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], None]


class Balls:
    """Balls around the rows of `centres`, squared radii (n, k) ascending; counts rows of `targets` inside.

    `watch` is shown every pair with the target inside: centres (p,), targets (p,), and how many radii are too small.
    """

    def __init__(
        self,
        centres: Screen,
        targets: Screen,
        squared: NDArray[np.float64],
        watch: Watch,
        clipped: NDArray[np.float64] | None = None,
    ) -> None:
        """clipped (n, k): `clipped_squares` of more rows than these centres."""
        self.centres, self.targets, self.watch = centres, targets, watch
        clipped = clipped_squares(squared) if clipped is None else clipped
        device, k = centres.rows.device, squared.shape[1]
        self.radii = torch.from_numpy(squared).to(device) * centres.unit
        self.clipped = torch.from_numpy(clipped).to(device) * centres.unit
        self.all_radii = torch.cat([self.radii, self.clipped], dim=1)
        self.largest = rounded_up(self.radii[:, -1], centres.rows.dtype)
        shape = (len(targets), k + 1)  # the last column: in no ball
        self.levels = torch.zeros(shape, dtype=torch.int64, device=device)
        self.clipped_levels = torch.zeros(shape, dtype=torch.int64, device=device)
        self.smallest = torch.full((len(targets), k), torch.inf, dtype=torch.float64, device=device)

    def take(self, a: slice, b: slice, i: torch.Tensor, j: torch.Tensor, lower: torch.Tensor) -> None:
        """See the pairs (i, j) of one tile of balls `a` and targets `b`, with their lower bounds."""
        near = (lower <= self.largest[i]).nonzero().squeeze(1)
        for at in near.split(_BATCH):
            squares = self._decided(i[at], j[at], lower[at].double(), a, b)
            self._count(i[at], j[at], squares)

    def _decided(self, i: torch.Tensor, j: torch.Tensor, lower: torch.Tensor, a: slice, b: slice) -> torch.Tensor:
        """Numbers on the same side of every radius as the true squares: the exact ones where the bound cannot tell."""
        slack = self.centres.slack[i].double() + self.targets.slack[j].double()
        open_ = self._undecided(i, lower, slack)
        if len(open_) > _MANY:
            lower, slack = self._sharper(i, j, a, b)
            open_ = self._undecided(i, lower, slack)
        many = len(open_) > _MANY
        lower[open_] = self._repeats(i[open_], j[open_], a, b) if many else self._exact(i[open_], j[open_])
        return lower

    def _undecided(self, i: torch.Tensor, lower: torch.Tensor, slack: torch.Tensor) -> torch.Tensor:
        radii, low = self.all_radii[i], lower[:, None]
        return ((low <= radii) & (radii < low + slack[:, None])).any(1).nonzero().squeeze(1)

    def _exact(self, i: torch.Tensor, j: torch.Tensor) -> torch.Tensor:
        return exact_squares(self.centres, i, self.targets, j)

    def _sharper(self, i: torch.Tensor, j: torch.Tensor, a: slice, b: slice) -> tuple[torch.Tensor, torch.Tensor]:
        """Lower bounds and slack of pairs within one tile, from a product in double precision."""
        left, right = screens(self.centres.source[a], self.targets.source[b], dtype=torch.float64)
        i, j, rescale = i - a.start, j - b.start, self.centres.unit / left.unit
        everything = slice(0, len(left)), slice(0, len(right))
        lower = Tiles(left, right, max(len(left), len(right))).lower(*everything)[i, j]
        return lower * rescale, (left.slack[i] + right.slack[j]) * rescale

    def _repeats(self, i: torch.Tensor, j: torch.Tensor, a: slice, b: slice) -> torch.Tensor:
        """Exact squares where so many pairs are undecided that most must be repeats of a few rows."""
        originals = first_equal(self.centres.source[a]) + a.start, first_equal(self.targets.source[b]) + b.start
        return exact_squares_of_repeats(
            self.centres, originals[0][i - a.start], self.targets, originals[1][j - b.start]
        )

    def _count(self, i: torch.Tensor, j: torch.Tensor, squares: torch.Tensor) -> None:
        radii = self.radii[i]
        level = (radii < squares[:, None]).sum(1)
        _tally(self.levels, j, level)
        _tally(self.clipped_levels, j, (self.clipped[i] < squares[:, None]).sum(1))
        inside = torch.where(radii < squares[:, None], torch.inf, radii)
        self.smallest.scatter_reduce_(0, j[:, None].expand_as(inside), inside, "amin")
        within = (level < radii.shape[1]).nonzero().squeeze(1)
        self.watch(i[within], j[within], level[within])

    def finish(self) -> Inside:
        count, clipped = (levels[:, :-1].cumsum(1).cpu().numpy() for levels in (self.levels, self.clipped_levels))
        smallest = (self.smallest / self.centres.unit).sqrt().cpu().numpy()
        return Inside(count, clipped, smallest)


def _tally(levels: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> None:
    """levels[row, column] += 1 for every pair; integers, so the order does not matter."""
    flat = rows * levels.shape[1] + columns
    levels.view(-1).scatter_add_(0, flat, torch.ones_like(flat))


def rounded_up(squares: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """`squares` in `dtype`, never smaller than they were."""
    return torch.nextafter(squares.to(dtype), squares.new_full((), torch.inf, dtype=dtype))


class Realism:
    """max over balls of radius / distance, for every target (Kynkaanniemi et al. 2019, eq. 3).

    Only balls of at most the median radius take part, as in the paper: the others are loose.
    """

    def __init__(
        self, centres: Screen, targets: Screen, squared: NDArray[np.float64], middle: NDArray[np.float64] | None = None
    ) -> None:
        """middle (1,): `median_square` of more rows than these centres."""
        self.centres, self.targets = centres, targets
        radii = torch.from_numpy(squared).to(centres.rows.device) * centres.unit
        middle = median_square(squared[:, None]) if middle is None else middle
        median = torch.from_numpy(middle).to(radii) * centres.unit
        self.least = (EPSILON**2 * median).clamp_min(1e-300)
        self.radii = torch.where(radii <= median, radii.maximum(self.least), 0.0)  # 0: takes no part
        self.weight = (1 / self.radii).clamp_max(1e30).to(centres.rows.dtype)
        self.best = torch.full((len(targets),), torch.inf, dtype=torch.float64, device=radii.device)

    def offer(self, a: slice, b: slice, lower: torch.Tensor, tiles: Tiles) -> None:
        """See the tile of balls `a` and targets `b`; overwrites it."""
        ratio = lower.mul_(self.weight[a, None])
        if bool(self.best[b].isinf().any()):
            self._settle(ratio.argmin(0) + a.start, torch.arange(b.start, b.stop, device=ratio.device))
        limit = rounded_up(self.best[b] * (1 + 1e-6), ratio.dtype)
        i, j, _ = tiles.below(ratio, None, limit)
        if tiles.coarse is not None:
            closer = (tiles.of_pairs(a, b, i, j).mul_(self.weight[a][i]) <= limit[j]).nonzero().squeeze(1)
            i, j = i[closer], j[closer]
        self._settle(i + a.start, j + b.start)

    def _settle(self, i: torch.Tensor, j: torch.Tensor) -> None:
        squares = exact_squares(self.centres, i, self.targets, j).maximum(self.least)
        ratio = torch.where(self.radii[i] > 0, squares / self.radii[i], torch.inf)
        self.best.scatter_reduce_(0, j, ratio, "amin")

    def finish(self) -> NDArray[np.float64]:
        return self.best.rsqrt().cpu().numpy()


def own_clipped_counts(rows: torch.Tensor, near: Nearest, k: int) -> NDArray[np.int64]:
    """For each of `rows` (n, d) the clipped balls of the other rows that contain it, (n,).

    The neighbour lists answer it, except for rows with more ties at their radius than the list is long.
    """
    limit = clipped_squares(near.squared)[:, k - 1]
    inside = near.squared <= limit[:, None]
    tied = np.flatnonzero(inside[:, -1])
    inside[tied] = False
    count = np.bincount(near.index[inside], minlength=len(rows))
    return count + _count_around(rows, tied, limit[tied]) if len(tied) else count


def _count_around(rows: torch.Tensor, centres: NDArray[np.int64], squared: NDArray[np.float64]) -> NDArray[np.int64]:
    """For each row the balls of these squared radii around other rows that contain it, (n,)."""
    left, right = screens(rows[torch.from_numpy(centres).to(rows.device)], rows)
    tiles, balls = Tiles(left, right, TILE), Balls(left, right, squared[:, None], lambda *_: None)
    for a, b in full_grid(len(left), len(right), TILE):
        i, j, lower = tiles.below(tiles.lower(a, b), balls.largest[a], None)
        balls.take(a, b, i + a.start, j + b.start, lower)
    own = np.bincount(centres, minlength=len(rows))
    return balls.finish().count[:, 0] - own
