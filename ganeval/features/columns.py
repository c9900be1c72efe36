"""Rows of one pass, put where they will stay: in memory, or in memory-mapped files where they are too large for it."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import torch

from ganeval.core.extractor import Embedded
from ganeval.core.folders import cache_root
from ganeval.errors import GanevalError
from ganeval.features.embedding import columns


class Columns:
    """Room for n rows of each column that a network gives, filled in order; more than `most` bytes of one lie on the
    cache's disk, in a file without a name that is gone with this process.
    """

    def __init__(self, n: int, most: float) -> None:
        self.n, self.most = n, most
        self._rows: dict[str, torch.Tensor] = {}
        self._filled = 0

    def add(self, part: Embedded) -> None:
        found = columns(part)
        size = min(len(part.embeddings), self.n - self._filled)
        for name, rows in found.items():
            if name not in self._rows:
                self._rows[name] = self._room(rows.shape[1], rows.device)
            self._rows[name][self._filled : self._filled + size] = rows[:size]
        self._filled += size

    @property
    def rows(self) -> dict[str, torch.Tensor]:
        """float32 (n, d) by name."""
        return self._rows

    def _room(self, width: int, device: torch.device) -> torch.Tensor:
        if device.type != "cpu" or 4 * self.n * width <= self.most:
            return torch.empty(self.n, width, device=device)
        return _mapped(self.n, width)


def _mapped(n: int, width: int) -> torch.Tensor:
    """(n, width) float32 on the disk."""
    folder = cache_root() / "spool"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.truncate(4 * n * width)
            return torch.from_file(str(Path(file.name)), shared=True, size=math.prod((n, width))).view(n, width)
    except (OSError, RuntimeError) as error:
        raise GanevalError(
            f"Features of {4 * n * width:,} bytes had to be put on the disk, which could not take them ({error}). Make "
            "room, name another disk in XDG_CACHE_HOME, or raise cache_gib."
        ) from error
