"""Pixels that can be had only once, kept where they can be read again: few in memory, many in a file that no other
process sees and that is gone with this one, however it ends.
"""

from __future__ import annotations

import math
import shutil
import tempfile
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ganeval.core.folders import cache_root
from ganeval.errors import GanevalError

IN_MEMORY = 4 * 2**20  # bytes of pixels that are kept without a file


class Spool:
    """Rows of one shape at places 0, 1, ..., written in any order and read back as they were."""

    def __init__(self, shape: tuple[int, int, int], *, in_memory: int = IN_MEMORY) -> None:
        self.shape = shape
        self._row = math.prod(shape)
        self._in_memory = in_memory
        self._held: dict[int, NDArray[np.uint8]] = {}
        self._bytes = 0
        self._file: BinaryIO | None = None
        self._lock = threading.Lock()

    def write(self, start: int, pixels: NDArray[np.uint8]) -> None:
        """Keep uint8 (m, c, h, w) `pixels` as the rows from `start` on."""
        with self._lock:
            self._bytes += pixels.nbytes
            self._held[start] = np.array(pixels, order="C")
            if self._file is not None or self._bytes > self._in_memory:
                self._move_out()

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """The rows start..stop, all of which were written."""
        with self._lock:
            return self._from_memory(start, stop) if self._file is None else self._from_file(start, stop)

    def _from_memory(self, start: int, stop: int) -> NDArray[np.uint8]:
        found = np.empty((stop - start, *self.shape), dtype=np.uint8)
        for first, rows in self._held.items():
            low, high = max(first, start), min(first + len(rows), stop)
            if low < high:
                found[low - start : high - start] = rows[low - first : high - first]
        return found

    def _from_file(self, start: int, stop: int) -> NDArray[np.uint8]:
        assert self._file is not None
        self._file.seek(start * self._row)
        data = self._file.read((stop - start) * self._row)
        return np.frombuffer(data, dtype=np.uint8).reshape(-1, *self.shape)

    def _move_out(self) -> None:
        try:
            if self._file is None:
                self._file = _nameless()
                weakref.finalize(self, self._file.close)
            for first, rows in self._held.items():
                self._file.seek(first * self._row)
                self._file.write(rows.data)
            self._file.flush()
        except OSError as error:
            raise GanevalError(
                f"{self._bytes:,} bytes of images had to be put on the disk, which could not take them "
                f"({error.strerror}). Make room, or name another disk in XDG_CACHE_HOME."
            ) from error
        self._held.clear()


def room() -> int:
    """Bytes that the disk of spools has left."""
    return shutil.disk_usage(_folder()).free


def _folder() -> Path:
    """The cache's disk: /tmp may lie in memory."""
    folder = cache_root() / "spool"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return folder if folder.is_dir() else Path(tempfile.gettempdir())


def _nameless() -> BinaryIO:
    try:
        return tempfile.TemporaryFile(dir=_folder())
    except OSError:  # a cache that may not be written
        return tempfile.TemporaryFile()
