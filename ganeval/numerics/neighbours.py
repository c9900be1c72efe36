"""Everything that neighbour metrics ask of (real, fake), from one tiled sweep over each pair of sets.

Distances inside real, inside fake and between the two; radii, nearest rows, and who lies in whose ball, for every
k up to one maximum. Memory O(tile^2 + n k) besides centred copies of the rows. Integers are exact: equal to brute force
by differences in double precision, whatever the size of the tiles.

Each step is a frozen value with `merge` over disjoint shares of the pairs, so that several processes can divide the
tiles: first `nearest_within` of both sets (merged), then `crossing` (merged), which needs the radii of the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.numerics.balls import Balls, Inside, Realism, clipped_squares, median_square, placed
from ganeval.numerics.jackknife import EIGHTHS, NEVER, THIRDS, Covered, kept_levels
from ganeval.numerics.nearest import Lists, Nearest, by_column
from ganeval.numerics.screens import screens
from ganeval.numerics.tiles import TILE, Tiles, full_grid

REALISM_K = 3  # Kynkaanniemi et al. 2019, section 5
FEW = 3  # nearest reals that are kept of each fake


@dataclass(frozen=True, eq=False)
class Crossing:
    """What pairs of a real and a fake row say, each array over all n real or all m fake rows.

    fake_to_real (m, at most 3) and real_to_fake (n, k + further) nearest rows of the other set; in_real: for each fake
    the real balls it lies in; in_fake: for each real the fake balls; realism (m,), see
    `ganeval.numerics.balls.Realism`; reached and covered (n, subsets) uint8, for the subsets of fakes that
    `ganeval.numerics.jackknife` keeps (EIGHTHS and
    THIRDS): the lowest k, less one, at which a real's ball holds a fake, and at which a real lies in a fake's ball.
    """

    fake_to_real: Nearest
    real_to_fake: Nearest
    in_real: Inside
    in_fake: Inside
    realism: NDArray[np.float64]
    reached: NDArray[np.uint8]
    covered: NDArray[np.uint8]

    @classmethod
    def none(cls, n: int, m: int, k: int, further: int = 0) -> Self:
        """The identity of `merge`, for radii of k nearest reals and k + further nearest fakes."""
        reached, covered = (np.full((n, deleted.subsets), NEVER, np.uint8) for deleted in (EIGHTHS, THIRDS))
        to_real, to_fake = Nearest.none(m, min(k, FEW)), Nearest.none(n, k + further)
        return cls(to_real, to_fake, Inside.none(m, k), Inside.none(n, k + further), np.zeros(m), reached, covered)

    def placed(self, n: int, m: int, at: tuple[int, int]) -> Crossing:
        """Of the reals and fakes from these on, as a share of what n reals and m fakes say."""
        start, first = at
        return Crossing(
            self.fake_to_real.placed(m, first, start),
            self.real_to_fake.placed(n, start, first),
            self.in_real.placed(m, first),
            self.in_fake.placed(n, start),
            placed(self.realism, m, first, 0.0),
            placed(self.reached, n, start, NEVER),
            placed(self.covered, n, start, NEVER),
        )

    def merge(self, other: Crossing) -> Crossing:
        """Of disjoint sets of pairs: exact, associative, commutative."""
        return Crossing(
            self.fake_to_real.merge(other.fake_to_real),
            self.real_to_fake.merge(other.real_to_fake),
            self.in_real.merge(other.in_real),
            self.in_fake.merge(other.in_fake),
            np.maximum(self.realism, other.realism),
            np.minimum(self.reached, other.reached),
            np.minimum(self.covered, other.covered),
        )


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The whole sweep: real (n, k) nearest other reals, fake (m, k + further) other fakes, and what crosses."""

    real: Nearest
    fake: Nearest
    crossing: Crossing

    @property
    def k(self) -> int:
        return self.real.squared.shape[1]


def crossing(
    real: torch.Tensor,
    fake: torch.Tensor,
    real_near: Nearest,
    fake_near: Nearest,
    *,
    tile: int = TILE,
    part: tuple[int, int] = (0, 1),
    strata: NDArray[np.int64] | None = None,
    at: tuple[int, int] | None = None,
) -> Crossing:
    """Sweep the pairs (real, fake) once; `part` = (i, of) takes the i-th share of the tiles, to be merged.

    strata (m,): classes of the fakes where the labels are balanced, for the jackknife. at: `real` and `fake` are the
    rows from these on of the sets that lists and strata are of, and what is found is a share of what all rows say.
    """
    start, first = at or (0, 0)
    reals, fakes = slice(start, start + len(real)), slice(first, first + len(fake))
    left, right = screens(real, fake)
    k, longer = real_near.squared.shape[1], fake_near.squared.shape[1]
    tiles = Tiles.sieved(left, right, tile)
    to_fake, to_real = Lists(left, right, longer), Lists(right, left, min(k, FEW))
    left_out = _LeftOut(len(real), fake_near, fakes, left.rows.device, strata)
    in_real, in_fake = (
        Balls(centres, targets, near.squared[rows], watch, clipped_squares(near.squared)[rows])
        for centres, targets, near, rows, watch in (
            (left, right, real_near, reals, left_out.real_ball),
            (right, left, fake_near, fakes, left_out.fake_ball),
        )
    )
    radii = real_near.squared[:, min(REALISM_K, k) - 1]
    realism = Realism(left, right, radii[reals], median_square(radii[:, None]))
    for a, b in full_grid(len(real), len(fake), tile, part):
        found = tiles.rough(a, b)
        to_fake.start(a, b, partial(tiles.upper, a, b, found))
        to_real.start(b, a, partial(tiles.upper_of_columns, a, b, found))
        real_limit = torch.maximum(to_fake.limit[a], in_real.largest[a])
        fake_limit = torch.maximum(to_real.limit[b], in_fake.largest[b])
        found, (i, j, value) = tiles.near(a, b, found, real_limit, fake_limit)
        in_real.take(a, b, i, j, value)
        in_fake.take(b, a, j, i, value)
        to_fake.take(i, j, value)
        to_real.take(*by_column(i, j, value))
        realism.offer(a, b, found, tiles)
    whole = Crossing(
        to_real.finish(),
        to_fake.finish(),
        in_real.finish(),
        in_fake.finish(),
        realism.finish(),
        left_out.reached.finish(),
        left_out.covered.finish(),
    )
    return whole if at is None else whole.placed(len(real_near.squared), len(fake_near.squared), at)


class _LeftOut:
    """Follows what stays covered when a group of fakes is left out: radii of real balls stay, those of fakes grow."""

    def __init__(
        self, n: int, fake_near: Nearest, fakes: slice, device: torch.device, strata: NDArray[np.int64] | None
    ) -> None:
        m = len(fake_near.index)
        thirds, eighths = THIRDS.kept(m, strata), EIGHTHS.kept(m, strata)
        self.levels = torch.from_numpy(kept_levels(thirds, fake_near.index[fakes])).to(device)
        self.kept, self.kept_eighths = (torch.from_numpy(kept[fakes]).to(device) for kept in (thirds, eighths))
        self.reached, self.covered = (Covered(n, deleted.subsets, device) for deleted in (EIGHTHS, THIRDS))

    def real_ball(self, real: torch.Tensor, fake: torch.Tensor, level: torch.Tensor) -> None:
        kept = self.kept_eighths[fake]
        self.reached.see(real, kept, level.to(torch.uint8)[:, None].expand_as(kept))

    def fake_ball(self, fake: torch.Tensor, real: torch.Tensor, level: torch.Tensor) -> None:
        self.covered.see(real, self.kept[fake], self.levels[fake, level])
