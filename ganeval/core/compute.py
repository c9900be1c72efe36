"""Where and how fast: device, batch size, cache, processes. Nothing here moves a number. No torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


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


HERE = Compute()  # the fastest device of this machine, alone
