"""What depends on the rows of one set alone: worked out once and kept with the rows,
so that every pair they are in shares it.

In a training loop the real side is the same at every step, and the fakes of one step stand in several pairs (against
the real images, against those of training). Nothing here moves a number: what is kept is what would be worked out
again.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Hashable
from typing import Any, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.features.held import Held, crossing_of
from ganeval.features.ranks import Ranks
from ganeval.features.shared import gaussian_of, merged
from ganeval.numerics.gaussian import Gaussian
from ganeval.numerics.nearest import Nearest, nearest_within
from ganeval.numerics.neighbours import Crossing, crossing

T = TypeVar("T")


class Own:
    """What was worked out of `rows` (n, d): kept with a mark of these, for their owner may write into them.

    held: the ranks' shares, where none has all rows.
    """

    def __init__(self, rows: torch.Tensor, held: Held | None = None) -> None:
        self.rows, self.held = rows, held
        self.entry = ""  # of the cache, where the rows lie in it
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
        self._found, self._mark, self.entry = {}, None, ""
        return True

    def gaussian(self, ranks: Ranks) -> Gaussian:
        """Mean and covariance factor: 8 d min(n, d) bytes. Processes that share the work must all hold it,
        or all make it.
        """
        if not ranks.agree(yes="gaussian" in self._found):
            self.seal()
            self._found["gaussian"] = gaussian_of(self.rows, ranks) if self.held is None else self.held.gaussian()
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
            known = self._found["nearest"] = self._nearest(k, ranks)
        assert known is not None
        return known.first(k)

    def _nearest(self, k: int, ranks: Ranks) -> Nearest:
        if self.held is not None:
            return self.held.nearest(k)
        return merged(lambda: nearest_within(self.rows, k, part=(ranks.rank, ranks.size)), ranks)

    def reach(self) -> tuple[float, float]:
        """The smallest and the largest number in any row."""
        low, high = self.rows.aminmax() if self.held is None else self.held.reach()
        return float(low), float(high)

    def every(self, step: int) -> torch.Tensor:
        """Rows 0, step, 2 step ..."""
        return self.rows[::step] if self.held is None else self.held.every(step)

    def all_equal(self) -> bool:
        """Whether all rows are one and the same."""
        return bool((self.rows == self.rows[0]).all()) if self.held is None else self.held.all_equal()

    def shares(self, ranks: Ranks) -> Held:
        """The ranks' shares of the rows, whether or not they have more."""
        return Held.of_whole(self.rows, ranks) if self.held is None else self.held


def crossed(
    real: Own, fake: Own, real_near: Nearest, fake_near: Nearest, strata: NDArray[np.int64] | None, ranks: Ranks
) -> Crossing:
    """What pairs of a real and a fake row say; each rank takes a share of the tiles, or of rows that it alone has."""
    if real.held is not None or fake.held is not None:
        return crossing_of(real.shares(ranks), fake.shares(ranks), real_near, fake_near, strata)
    part = ranks.rank, ranks.size
    return merged(lambda: crossing(real.rows, fake.rows, real_near, fake_near, part=part, strata=strata), ranks)


def _mark(rows: torch.Tensor) -> tuple[int, ...]:
    """What changes with the rows: of those in the main memory a checksum, of others PyTorch's count of writes."""
    if rows.device.type == "cpu":
        plain = rows.detach().contiguous().flatten().view(torch.uint8).numpy()
        return (zlib.crc32(plain.data),)
    return () if rows.is_inference() else (rows._version,)  # noqa: SLF001 - PyTorch documents it under this name
