"""Where and how fast: device, batch size, cache, processes. Nothing here moves a number. No torch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from ganeval.core.options import checked_whole
from ganeval.errors import WrongInputError


@dataclass(frozen=True, kw_only=True)
class Compute:
    """What a measurement runs on. Two different values give the same numbers, within the tolerance of the device.

    >>> Compute(device="cpu").batch_size is None
    True
    """

    device: str = field(default="auto", metadata={"help": "auto (CUDA, then MPS, then CPU), cpu, cuda, cuda:1, mps."})
    batch_size: int | None = field(
        default=None,
        metadata={"help": "Images in one network call; left out, the network says. Halved when memory runs out."},
    )
    workers: int | None = field(
        default=None,
        metadata={
            "help": "Threads that decode image files; 0 uses none. Left out: the cores of this machine, 16 at most."
        },
    )
    cache: bool = field(default=True, metadata={"help": "Keep features on disk, addressed by content."})
    cache_gib: float = field(
        default=4.0,
        metadata={
            "help": "GiB of features: those of one set that are larger lie in memory-mapped files on the cache's disk, "
            "and the cache keeps no more than this."
        },
    )
    ranks: Any = field(default=None, metadata={"flag": False})  # `ganeval.features.ranks.current()` under torchrun
    progress: bool = field(default=True, metadata={"flag": False})  # a bar on a terminal; never in CI

    def __post_init__(self) -> None:
        for name, least in (("batch_size", 1), ("workers", 0)):
            value = getattr(self, name)
            if value is not None:
                checked_whole(value, name, least)
        if not _finite(self.cache_gib):
            raise WrongInputError(f"cache_gib must be a number of GiB of at least 0; got {self.cache_gib!r}.")
        for name in ("cache", "progress"):
            if not isinstance(getattr(self, name), bool):
                raise WrongInputError(f"{name} must be true or false; got {getattr(self, name)!r}.")
        if self.ranks is not None and not hasattr(self.ranks, "together"):
            raise WrongInputError(
                f"ranks must be what ganeval.features.ranks.current() returns under torchrun; got {self.ranks!r:.100}. "
                "Leave it out in one process."
            )


def _finite(value: Any) -> bool:
    try:
        return not isinstance(value, (bool, str)) and 0 <= float(value) < math.inf
    except (TypeError, ValueError, OverflowError):
        return False


HERE = Compute()  # the fastest device of this machine, alone
