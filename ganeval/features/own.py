"""What depends on the rows of one set alone: worked out once and kept with the rows, so that every pair they are in shares it.

In a training loop the real side is the same at every step, and the fakes of one step stand in several pairs (against the
real images, against those of training). Nothing here moves a number: what is kept is what would be worked out again.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Hashable
from typing import Any, Self, TypeVar

import torch

from ganeval.features.ranks import Ranks
from ganeval.features.shared import gaussian_of, merged
from ganeval.numerics.gaussian import Gaussian
from ganeval.numerics.nearest import Nearest, nearest_within

T = TypeVar("T")


class Own:
    """What was worked out of `rows` (n, d): kept with a mark of these, for their owner may write into them."""

    def __init__(self, rows: torch.Tensor) -> None:
        self.rows = rows
        self._found: dict[Hashable, Any] = {}
        self._mark: tuple[int, ...] | None = None  # of the rows that all of this was worked out of

    @classmethod
    def of_none(cls) -> Self:
        return cls(torch.empty(0, 0))

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """`compute()` the first time a key is asked for; it must read nothing but these rows and the key."""
        if key not in self._found:
            self.seal()
            self._found[key] = compute()
        return self._found[key]

    def seal(self) -> None:
        """From now on a change of the rows is noticed."""
        self._mark = self._mark or _mark(self.rows)

    def forget_if_changed(self) -> bool:
        """Whether the rows are others than those of the seal; what was worked out of them is forgotten then.

        >>> own = Own(torch.zeros(2, 1))
        >>> own.once("sum", lambda: float(own.rows.sum())), own.rows.add_(1).tolist(), own.forget_if_changed()
        (0.0, [[1.0], [1.0]], True)
        >>> own.once("sum", lambda: float(own.rows.sum()))
        2.0
        """
        if self._mark is None or self._mark == _mark(self.rows):
            return False
        self._found, self._mark = {}, None
        return True

    def gaussian(self, ranks: Ranks) -> Gaussian:
        """Mean and covariance factor: 8 d min(n, d) bytes. Processes that share the work must all hold it, or all make it."""
        if not ranks.agree(yes="gaussian" in self._found):
            self.seal()
            self._found["gaussian"] = gaussian_of(self.rows, ranks)
        return self._found["gaussian"]

    def nearest(self, k: int, ranks: Ranks) -> Nearest:
        """The k nearest other rows of each; of longer lists that are known the beginnings, which are the same.

        >>> from ganeval.features.ranks import ALONE
        >>> own = Own(torch.tensor([[0.0], [1.0], [3.0], [9.0]]))
        >>> own.nearest(2, ALONE).index.tolist()[0], own.nearest(1, ALONE).index.ravel().tolist()
        ([1, 2], [1, 0, 1, 2])
        """
        known: Nearest | None = self._found.get("nearest")
        if not ranks.agree(yes=known is not None and known.squared.shape[1] >= k):
            self.seal()
            part = (ranks.rank, ranks.size)
            known = self._found["nearest"] = merged(lambda: nearest_within(self.rows, k, part=part), ranks)
        assert known is not None
        return known.first(k)


def _mark(rows: torch.Tensor) -> tuple[int, ...]:
    """What changes with the rows: of those in the main memory a checksum, of others PyTorch's count of writes."""
    if rows.device.type == "cpu":
        plain = rows.detach().contiguous().flatten().view(torch.uint8).numpy()
        return (zlib.crc32(memoryview(plain)),)
    return () if rows.is_inference() else (rows._version,)
