"""Delete-a-group jackknife of neighbour statistics: the sweep is done once, deletions are bits that travel with it.

Resampling rows with replacement makes duplicates, whose radius is 0, and so lowers recall by far more than its error;
deleting rows makes none. Fake rows are split into groups at random, many times over; one group of a split is left out
at a time, and the variance over the groups of one split, times one less than their number, estimates the variance over
fresh fake sets (Shao and Wu 1989). With balanced labels, every group takes as many images of each class.

How large a group? By Efron and Stein (1981) the estimate is too large, the more so the smaller the group, for what
several fakes do together is counted once for each of them; but of fewer rows the statistic is another one, whose
variance falls more slowly than 1 / n. For `recall`, whose balls belong to pairs of fakes, both meet where a third is
left out: eighths give 1.2 to 1.4 times the true error, halves 0.85, thirds 0.92 to 1.04 on two real embeddings
(`python -m studies coverage` measures it).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

NEVER = 255  # level of a row that nothing covers
_SEED = 20190415  # fixed: the same rows are left out whatever the machine or the number of processes


@dataclass(frozen=True)
class Deletion:
    """`splits` times the rows are split into `groups`; every subset lacks one group of one split."""

    groups: int
    splits: int

    @property
    def subsets(self) -> int:
        return self.groups * self.splits

    def kept(self, m: int, strata: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
        """(m, subsets): which of m rows stay in each of the subsets; groups take equally of all `strata` (m,)."""
        rng = np.random.default_rng(_SEED)
        group = np.stack([self._split(rng.permutation(m), strata) for _ in range(self.splits)], axis=1)
        return (group[:, :, None] != np.arange(self.groups)).reshape(m, self.subsets)

    def _split(self, order: NDArray[np.int64], strata: NDArray[np.int64] | None) -> NDArray[np.int64]:
        if strata is None:
            return order % self.groups
        group = np.empty_like(order)
        group[order[np.argsort(strata[order], kind="stable")]] = np.arange(len(order)) % self.groups
        return group

    def se(self, values: NDArray[np.float64], whole: float | None = None) -> float:
        """Standard error of a statistic from its values (subsets,) on the subsets of `kept`.

        whole: the value on all rows, for a statistic that grows with their number. A sum moves by what its lost group
        holds, a mean by groups / (groups - 1) times as much, which the formula expects: the growth makes up for it.

        >>> halves = Deletion(groups=2, splits=1)
        >>> halves.se(np.array([1.0, 3.0])), halves.se(np.array([1.0, 3.0]), whole=4.0)
        (1.0, 2.0)
        """
        spread = float(np.sqrt((self.groups - 1) * values.reshape(self.splits, self.groups).var(axis=1).mean()))
        mean = float(values.mean())
        growth = 1.0 if whole is None or mean <= 0 else whole / mean
        return spread * min(max(growth, 1.0), self.groups / (self.groups - 1))


EIGHTHS = Deletion(groups=8, splits=8)
THIRDS = Deletion(groups=3, splits=21)


def kept_levels(kept: NDArray[np.bool_], index: NDArray[np.int64]) -> NDArray[np.uint8]:
    """(m, k + 1, subsets): how many of the j nearest of each row stay, j = 0..k, for neighbour lists `index` (m, k)."""
    levels = np.zeros((len(index), index.shape[1] + 1, kept.shape[1]), np.uint8)
    for j in range(index.shape[1]):  # one neighbour at a time: the table is all the memory it takes
        np.add(levels[:, j], kept[index[:, j]], out=levels[:, j + 1])
    return levels


class Covered:
    """For each of n rows and each subset the lowest level at which a kept row covers it."""

    def __init__(self, n: int, subsets: int, device: torch.device) -> None:
        self.level = torch.full((n, subsets), NEVER, dtype=torch.uint8, device=device)

    def see(self, rows: torch.Tensor, kept: torch.Tensor, level: torch.Tensor) -> None:
        """`rows` (p,) are covered at `level` (p, subsets), in the subsets where `kept` (p, subsets)."""
        level = torch.where(kept, level, torch.full_like(level, NEVER))
        self.level.scatter_reduce_(0, rows[:, None].expand_as(level), level, "amin")

    def finish(self) -> NDArray[np.uint8]:
        return self.level.cpu().numpy()
