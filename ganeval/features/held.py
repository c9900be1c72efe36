"""Rows that stay where they are: under `torchrun` each rank keeps those that it made, and no rank ever has all of them.

What is asked of them is worked out in steps. In step s the rows of rank s are sent to all others, each works out what
its own rows and these say about one another, and forgets them: memory on a rank is its own share and one more. Sweeps
are merged exactly, so neighbours are those of one process to the last bit; sums agree to 1e-10.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ganeval.features.ranks import Ranks
from ganeval.features.shared import merged, merged_moments
from ganeval.numerics.gaussian import Gaussian
from ganeval.numerics.kernels import Kernel, KernelSums, cross_sums, evenly_spaced, product_rows, within_sums
from ganeval.numerics.moments import Moments
from ganeval.numerics.nearest import Nearest, nearest_across, nearest_within
from ganeval.numerics.neighbours import Crossing, crossing
from ganeval.numerics.order import row_keys


@dataclass(frozen=True, eq=False)
class Held:
    """The rows (m, d) of a set that this rank keeps; `counts` has the m of every rank, in the order of the set."""

    rows: torch.Tensor
    counts: tuple[int, ...]
    ranks: Ranks

    @classmethod
    def of_share(cls, rows: torch.Tensor, ranks: Ranks) -> Held:
        """The rows that each rank has brought, in the order of the ranks."""
        counts = ranks.gather(torch.tensor([len(rows)], device=rows.device), [1] * ranks.size)
        return cls(rows, tuple(counts.tolist()), ranks)

    @classmethod
    def of_whole(cls, rows: torch.Tensor, ranks: Ranks) -> Held:
        """Each rank's share of rows that all of them have."""
        spans = [Ranks(rank, ranks.size).span(len(rows)) for rank in range(ranks.size)]
        start, stop = spans[ranks.rank]
        return cls(rows[start:stop], tuple(b - a for a, b in spans), ranks)

    def __len__(self) -> int:
        return sum(self.counts)

    @property
    def starts(self) -> list[int]:
        """The number of the first row of each rank."""
        return [sum(self.counts[:rank]) for rank in range(self.ranks.size)]

    def stand_in(self) -> torch.Tensor:
        """A tensor of the shape and type of all rows without their numbers: whoever reads one of them gets an error."""
        return torch.empty(len(self), self.rows.shape[1], dtype=self.rows.dtype, device="meta")

    def gather(self, column: torch.Tensor) -> torch.Tensor:
        """One value a row (m, ...) of each rank, as those of all rows, on every rank."""
        return self.ranks.gather(column, self.counts)

    def every(self, step: int) -> torch.Tensor:
        """Rows 0, step, 2 step ... of the whole set, on every rank."""
        first = -self.starts[self.ranks.rank] % step
        return self.ranks.gather(self.rows[first::step])

    def mean(self) -> torch.Tensor:
        """(d,) float64, of all rows."""
        return self.ranks.sum(self.rows.sum(dim=0, dtype=torch.float64)) / len(self)

    def evenly_spaced(self, about: int) -> torch.Tensor:
        """About so many rows of the whole set, evenly spaced along a direction, on every rank; those that one process
        would choose.
        """
        keys = self.gather(torch.from_numpy(row_keys(self.rows))).numpy()
        chosen = torch.from_numpy(evenly_spaced(np.argsort(keys, kind="stable"), about).copy())  # a tie is a repeat
        here = chosen - self.starts[self.ranks.rank]
        mine = ((here >= 0) & (here < len(self.rows))).nonzero().squeeze(1)
        found = self.rows.new_zeros(len(chosen), self.rows.shape[1])
        found[mine] = self.rows[here[mine].to(self.rows.device)]
        return self.ranks.sum(found)

    def blocks(self) -> Iterator[tuple[int, torch.Tensor]]:
        """The rows of each rank in turn, on every rank, one after the other."""
        for rank, count in enumerate(self.counts):
            block = self.rows if rank == self.ranks.rank else self.rows.new_empty(count, self.rows.shape[1])
            yield rank, self.ranks.broadcast(block.contiguous(), rank)

    def reach(self) -> tuple[float, float]:
        """The smallest and the largest number in any row."""
        ends = self.rows.aminmax() if len(self.rows) else (self.rows.new_zeros(()), self.rows.new_zeros(()))
        ends = self.ranks.gather(torch.stack([end.double() for end in ends])[None], [1] * self.ranks.size)
        there = ends[torch.tensor(self.counts) > 0]
        return float(there[:, 0].min()), float(there[:, 1].max())

    def all_equal(self) -> bool:
        first = self.every(len(self))
        return self.ranks.agree(yes=bool((self.rows == first).all()))

    def gaussian(self) -> Gaussian:
        """Of all rows; where there are no more of them than columns, from the rows, which are then few."""
        if len(self) <= self.rows.shape[1]:
            return Gaussian.of(self.gather(self.rows))
        return Gaussian.from_moments(merged_moments(self.ranks.together(lambda: Moments.of(self.rows)), self.ranks))

    def nearest(self, k: int) -> Nearest:
        """For each of all rows its k nearest others, on every rank."""
        found = Nearest.none(len(self), k)
        for rank, block in self.blocks():
            found = found.merge(self.ranks.together(lambda r=rank, b=block: self._near(r, b, k)))
        return merged(lambda: found, self.ranks)

    def _near(self, rank: int, block: torch.Tensor, k: int) -> Nearest:
        """What the rows of this rank and those of another say; each of the two looks at every other tile."""
        mine, starts = self.ranks.rank, self.starts
        if not len(block) or not len(self.rows):
            return Nearest.none(len(self), k)
        if rank == mine:
            return nearest_within(block, k).placed(len(self), starts[mine], starts[mine])
        (one, a), (two, b) = sorted([(mine, self.rows), (rank, block)], key=lambda pair: pair[0])
        ours, theirs = nearest_across(a, b, k, part=(int(mine == two), 2))
        return ours.placed(len(self), starts[one], starts[two]).merge(
            theirs.placed(len(self), starts[two], starts[one])
        )


def crossing_of(real: Held, fake: Held, real_near: Nearest, fake_near: Nearest, strata: Any) -> Crossing:
    """`ganeval.numerics.neighbours.crossing` of all rows: each rank has its own fakes, the reals are sent round."""
    starts, here = real.starts, fake.starts[fake.ranks.rank]

    def with_block(rank: int, block: torch.Tensor) -> Crossing | None:
        if not len(block) or not len(fake.rows):
            return None
        return crossing(block, fake.rows, real_near, fake_near, strata=strata, at=(starts[rank], here))

    k, longer = real_near.squared.shape[1], fake_near.squared.shape[1]
    found = Crossing.none(len(real), len(fake), k, longer - k)
    for rank, block in real.blocks():
        some = fake.ranks.together(lambda r=rank, b=block: with_block(r, b))
        found = found if some is None else found.merge(some)
    return merged(lambda: found, fake.ranks)


def sums_of(real: Held, fake: Held, kernel: Kernel, within: Callable[[], torch.Tensor]) -> KernelSums:
    """`ganeval.numerics.kernels.kernel_sums` of all rows. within: `within_of` real, where it may be known already."""
    n, m = len(real), len(fake)
    of_fakes, of_reals = (fake.rows.new_zeros(count, dtype=torch.float64) for count in (m, n))
    first, mine = fake.starts[fake.ranks.rank], product_rows(fake.rows)
    for rank, block in real.blocks():
        start = real.starts[rank]
        some, back = fake.ranks.together(lambda b=block: cross_sums(mine, product_rows(b), kernel))
        of_fakes[first : first + len(some)] += some
        of_reals[start : start + len(back)] += back
    of_fakes, of_reals = fake.ranks.sum(of_fakes), fake.ranks.sum(of_reals)
    reals = within()
    return KernelSums(
        real_real=float(reals.sum()) / (n * (n - 1)),
        fake_fake=within_of(fake, kernel) / (m - 1),
        fake_real=of_fakes / n,
        of_reals=torch.stack([reals / (n - 1), of_reals / m], dim=1),
    )


def within_of(held: Held, kernel: Kernel) -> torch.Tensor:
    """`ganeval.numerics.kernels.within_sums` of all rows, on every rank."""
    sums, starts, mine = held.rows.new_zeros(len(held), dtype=torch.float64), held.starts, product_rows(held.rows)
    here = held.ranks.rank

    def of_block(rank: int, block: torch.Tensor) -> list[tuple[int, torch.Tensor]]:
        if rank == here:
            return [(starts[here], within_sums(mine, kernel))]
        lower, upper = (mine, block) if here < rank else (block, mine)
        cut = len(lower) // 2  # of a pair of ranks the first takes one half of its rows, the second the other
        half = slice(0, cut) if here < rank else slice(cut, len(lower))
        some, back = cross_sums(lower[half], upper, kernel)
        return [(starts[min(here, rank)] + half.start, some), (starts[max(here, rank)], back)]

    for rank, block in held.blocks():
        for start, some in held.ranks.together(lambda r=rank, b=block: of_block(r, product_rows(b))):
            sums[start : start + len(some)] += some
    return held.ranks.sum(sums)
