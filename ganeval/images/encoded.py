"""Encoded images, wherever their bytes lie: decoded row by row, in any thread, and told apart without being decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ganeval.core.files import open_regular
from ganeval.errors import WrongInputError, printable
from ganeval.images.decode import decode
from ganeval.images.fitting import Fit, require_shape
from ganeval.images.leaves import LEAF

MAX_FILE = 256 * 2**20
LOOKED_AHEAD = 8  # single images that are kept for the pass over all of them


@dataclass(frozen=True, eq=False)
class Encoded:
    """`names` of one source, all of one `shape` (c, h, w).

    read: name -> the encoded bytes, or the path of the file that holds them; raises where that file has changed.
    outline: names -> a digest of what the source says of its files (names, sizes, checksums): equal for equal files,
    found without reading them.
    clocks: names -> a digest of when their files were last written, which changes with any later write; "" where
    nobody can promise that.
    fit: what each image goes through when it is decoded.
    """

    names: Sequence[str]
    read: Callable[[str], bytes | Path]
    source: str
    shape: tuple[int, int, int]
    outline: Callable[[Sequence[str]], str]
    clocks: Callable[[Sequence[str]], str]
    fit: Fit | None = None
    bytes_seen: NDArray[np.uint8] = field(
        init=False, repr=False
    )  # (n, 32): SHA-256 of the bytes that were decoded last
    _ahead: dict[int, NDArray[np.uint8]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bytes_seen", np.zeros((len(self.names), LEAF), dtype=np.uint8))

    def take(self, rows: NDArray[np.int64]) -> Self:
        """The images at `rows`, in that order, still encoded."""
        names = [self.names[int(row)] for row in rows]
        return type(self)(names, self.read, self.source, self.shape, self.outline, self.clocks, self.fit)

    def load(self, start: int, stop: int) -> NDArray[np.uint8]:
        """uint8 (m, c, h, w) of rows start..stop."""
        if stop - start == 1:
            return self._looked_at(start)[None]
        batch = np.empty((min(stop, len(self.names)) - start, *self.shape), dtype=np.uint8)
        self.load_into(batch, start)
        return batch

    def load_into(self, batch: NDArray[np.uint8], start: int) -> None:
        """Fill `batch` (m, c, h, w) with the rows from `start` on; threads may fill parts of one batch at once."""
        for at in range(len(batch)):
            batch[at] = self._decoded(start + at)

    def digests(self, rows: Sequence[int]) -> list[bytes]:
        """SHA-256 of the bytes of each row; nothing is decoded."""
        return [hashlib.sha256(self._bytes(row)).digest() for row in rows]

    def _looked_at(self, row: int) -> NDArray[np.uint8]:
        """One image that is asked for alone, before the others: it need not be decoded again with them."""
        image = self._decoded(row)
        if len(self._ahead) < LOOKED_AHEAD:
            self._ahead[row] = image
        return image

    def _decoded(self, row: int) -> NDArray[np.uint8]:
        kept = self._ahead.pop(row, None)
        if kept is not None:
            self.read(self.names[row])  # raises where the file has changed since
            return kept
        data = self._bytes(row)
        image = decode(data, self._where(row))
        if self.fit is not None:
            image = self.fit(image)
            require_shape(image, self.shape, self._where(row))
        if image.shape != self.shape:
            raise WrongInputError(f"{self._where(row)} has changed since it was opened. Open the image set again.")
        self.bytes_seen[row] = np.frombuffer(hashlib.sha256(data).digest(), dtype=np.uint8)
        return image

    def _bytes(self, row: int) -> bytes:
        found = self.read(self.names[row])
        if isinstance(found, bytes):
            return found
        with open_regular(found) as file:
            data = file.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise WrongInputError(f"{self._where(row)} must have at most {MAX_FILE:,} bytes. Do not trust that file.")
        return data

    def _where(self, row: int) -> str:
        return printable(f"{self.source}/{self.names[row]}")
