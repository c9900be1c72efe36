"""What a data set is: a name, class names, splits, a licence, and a function that reads one split from files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganeval.core.registry import Registry, unknown_name
from ganeval.datasets._search import RemoteFile, find_file
from ganeval.errors import UnknownNameError


@dataclass(frozen=True, eq=False)
class Split:
    """One split in memory: images uint8 (n, c, h, w) in [0, 255], labels int64 (n,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Dataset:
    """A registered data set. `load(split)` returns a `Split`; `read` gets the paths of the split's files."""

    name: str
    classes: tuple[str, ...]
    splits: tuple[str, ...]
    shape: tuple[int, int, int]  # (c, h, w)
    licence: str
    read: Callable[[str, Mapping[str, Path]], Split]  # (split, paths of its files by name) -> Split
    files: Mapping[str, tuple[RemoteFile, ...]] = field(default_factory=dict)  # split -> files it needs
    positive: int | None = None  # class index that "recall" is about in two-class medical sets

    def load(self, split: str) -> Split:
        """Read one split; fetches its files when neither GANEVAL_DATA nor the cache has them."""
        if split not in self.splits:
            raise UnknownNameError(unknown_name(f"split of {self.name}", split, self.splits))
        return self.read(split, {f.name: find_file(f) for f in self.files.get(split, ())})


DATASETS = Registry(Dataset, "ganeval.datasets", "data set")
