"""Contact sheets: one picture of many generated images with separators between them, as torchvision's `save_image`
writes.

side = k (tile + pad) + pad, where every separator is one colour from edge to edge. Without separators nothing is
guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_PAD = 8
LEAST_TILE = 8
LEAST_TILES = 4


@dataclass(frozen=True)
class Sheet:
    """How the tiles of a picture lie: rows, columns, and pixels of a separator."""

    rows: int
    columns: int
    pad: int

    def tiles(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """uint8 (rows * columns, h, w[, 3]) without the separators; cells that were left empty at the end are cut
        off.
        """
        height, width = (
            (side - self.pad) // k for side, k in zip(pixels.shape, (self.rows, self.columns), strict=False)
        )
        cut = pixels[self.pad :, self.pad :]
        cut = cut.reshape(self.rows, height, self.columns, width, *pixels.shape[2:]).swapaxes(1, 2)
        cut = cut[:, :, : height - self.pad, : width - self.pad]
        tiles = cut.reshape(self.rows * self.columns, *cut.shape[2:])
        drawn = np.flatnonzero((tiles != pixels[0, 0]).reshape(len(tiles), -1).any(axis=1))
        return tiles[: drawn[-1] + 1] if len(drawn) else tiles


def sheet_of(pixels: NDArray[np.uint8]) -> Sheet | None:
    """The finest division by separators of uint8 (h, w) or (h, w, 3); None where there is none.

    >>> picture = np.zeros((32, 62), np.uint8)
    >>> picture[2:30, 2:30] = picture[2:30, 32:60] = np.arange(1, 29)
    >>> sheet_of(np.concatenate([picture, picture[2:]]))
    Sheet(rows=2, columns=2, pad=2)
    """
    ground = (pixels == pixels[0, 0]).reshape(*pixels.shape[:2], -1).all(axis=2)
    found = [
        Sheet(rows, columns, pad)
        for pad in range(1, MAX_PAD + 1)
        for rows in _divisions(ground.all(axis=1), pad)
        for columns in _divisions(ground.all(axis=0), pad)
        if rows * columns >= LEAST_TILES and _square(pixels, rows, columns, pad)
    ]
    return None if ground.all() else max(found, key=lambda s: (s.rows * s.columns, s.pad), default=None)


def _divisions(empty: NDArray[np.bool_], pad: int) -> Iterator[int]:
    """The k for which every separator of k tiles lies on empty lines."""
    inner = len(empty) - pad
    for k in range(1, inner // (LEAST_TILE + pad) + 1):
        starts = np.arange(k + 1) * (inner // k)
        if inner % k == 0 and empty[(starts[:, None] + np.arange(pad)).ravel()].all():
            yield k


def _square(pixels: NDArray[np.uint8], rows: int, columns: int, pad: int) -> bool:
    return (pixels.shape[0] - pad) * columns == (pixels.shape[1] - pad) * rows
