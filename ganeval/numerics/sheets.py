"""Contact sheets: one picture of many generated images, as torchvision's `save_image` lays them out.

With separators, side = k (tile + pad) + pad, or k (tile + pad) - pad without a border; each separator is one colour
from edge to edge. Without separators nothing is guessed, unless the size of a tile is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganeval.core.tiling import LEAST_TILES, MAX_PAD, USUAL_PAD, Layout, Size, layouts

LEAST_TILE = 8
COLOURS = 4  # that separators may have
NEAR = 48  # grey levels by which JPEG moves a separator
MOST = 0.97  # of a separator's pixels that are near its colour in a JPEG


@dataclass(frozen=True)
class Sheet(Layout):
    """How the tiles of a picture lie."""

    def tiles(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """uint8 (rows * columns, h, w[, 3]) without the separators; cells that were left empty at the end are cut
        off.
        """
        height, width = self.tile(pixels.shape[:2])
        cut = pixels[self.border :, self.border :]
        short = [
            (0, k * (side + self.pad) - have)
            for k, side, have in zip((self.rows, self.columns), (height, width), cut.shape, strict=False)
        ]
        cut = np.pad(cut, [*((0, max(0, more)) for _, more in short), *[(0, 0)] * (pixels.ndim - 2)])
        cut = cut[: self.rows * (height + self.pad), : self.columns * (width + self.pad)]
        cut = cut.reshape(self.rows, height + self.pad, self.columns, width + self.pad, *pixels.shape[2:]).swapaxes(
            1, 2
        )
        tiles = cut[:, :, :height, :width].reshape(self.rows * self.columns, height, width, *pixels.shape[2:])
        if not self.pad:
            return tiles
        drawn = np.flatnonzero((tiles != pixels[0, 0]).reshape(len(tiles), -1).any(axis=1))
        return tiles[: drawn[-1] + 1] if len(drawn) and self.border else tiles


def sheet_of(pixels: NDArray[np.uint8], tile: Size | None = None, *, lossy: bool = False) -> Sheet | None:
    """The finest division by separators of uint8 (h, w) or (h, w, 3); None where there is none.

    tile: the height and width of a tile where they are known; then also what has no separators is divided, and gaps
    that are wider than a separator, as those of a figure, divide nothing. lossy: whether
    the picture was a JPEG, whose separators are only nearly of one colour.

    >>> picture = np.zeros((32, 62), np.uint8)
    >>> picture[2:30, 2:30] = picture[2:30, 32:60] = np.arange(1, 29)
    >>> sheet_of(np.concatenate([picture, picture[2:]]))
    Sheet(rows=2, columns=2, pad=2, border=2)
    >>> sheet_of(np.arange(64, dtype=np.uint8).reshape(8, 8), (4, 4))
    Sheet(rows=2, columns=2, pad=0, border=0)
    """
    if (pixels == pixels[0, 0]).all():
        return None
    empty = [lines for colour in _colours(pixels, lossy=lossy) if (lines := _empty(pixels, colour, lossy=lossy))]
    if tile is not None:
        fitting = [Sheet(**vars(s)) for s in layouts(pixels.shape[:2], tile) if s.rows * s.columns > 1]
        known = next((s for s in fitting if not s.pad or any(_separates(s, lines) for lines in empty)), None)
        if known is not None:
            return known
    found = [(sheet, _are_exact(sheet, lines)) for lines in empty for sheet in _divisions(pixels.shape[:2], lines)]
    sure = [(sheet, exact) for sheet, exact in found if exact or (sheet.border and tile is None)]
    best = max(
        sure,
        key=lambda s: (s[0].border > 0, s[0].rows * s[0].columns, s[1], s[0].pad == USUAL_PAD, s[0].pad),
        default=None,
    )
    return None if best is None else best[0]


Lines = tuple[NDArray[np.bool_], NDArray[np.bool_]]  # rows and columns that are of one colour from edge to edge


def _colours(pixels: NDArray[np.uint8], *, lossy: bool) -> list[NDArray[np.uint8]]:
    """What separators may be made of: the colour of the corner, and of every line that has but one."""
    if lossy:
        return [np.full(pixels.shape[2:], grey, np.uint8) for grey in (0, 255)] + [pixels[0, 0]]
    rows = pixels[(pixels == pixels[:, :1]).reshape(len(pixels), -1).all(axis=1), 0]
    found, counts = np.unique(np.concatenate([pixels[0, :1], rows]), axis=0, return_counts=True)
    return list(found[np.argsort(-counts, kind="stable")[:COLOURS]])


def _empty(pixels: NDArray[np.uint8], colour: NDArray[np.uint8], *, lossy: bool) -> Lines:
    if lossy:
        near = (np.abs(pixels.astype(np.int16) - colour) <= NEAR).reshape(*pixels.shape[:2], -1).all(axis=2)
        return near.mean(axis=1) >= MOST, near.mean(axis=0) >= MOST
    same = (pixels == colour).reshape(*pixels.shape[:2], -1).all(axis=2)
    return same.all(axis=1), same.all(axis=0)


def _divisions(size: Size, empty: Lines) -> Iterator[Sheet]:
    """Square tiles with separators between them."""
    for pad in range(1, MAX_PAD + 1):
        for border in (pad, 0):
            for rows in _counts(empty[0], pad, border):
                for columns in _counts(empty[1], pad, border):
                    sheet = Sheet(rows, columns, pad, border)
                    height, width = sheet.tile(size)
                    if height == width and rows * columns >= LEAST_TILES and (border or min(rows, columns) > 1):
                        yield sheet


def _counts(empty: NDArray[np.bool_], pad: int, border: int) -> Iterator[int]:
    """The k for which every separator of k tiles lies on empty lines."""
    whole = len(empty) - 2 * border + pad
    for k in range(1, whole // (LEAST_TILE + pad) + 1):
        if whole % k == 0 and _are_empty(empty, _separators(len(empty), k, pad, border), pad):
            yield k


def _separators(length: int, k: int, pad: int, border: int) -> NDArray[np.int64]:
    """Where the separators of k tiles begin, those of the border with them."""
    period = (length - 2 * border + pad) // k
    return border - pad + np.arange(0 if border else 1, k + 1 if border else k) * period


def _are_empty(empty: NDArray[np.bool_], starts: NDArray[np.int64], pad: int) -> bool:
    return bool(empty[(starts[:, None] + np.arange(pad)).ravel()].all())


def _separates(sheet: Sheet, empty: Lines) -> bool:
    """Whether the separators of this layout lie on empty lines."""
    return all(
        _are_empty(lines, _separators(len(lines), k, sheet.pad, sheet.border), sheet.pad)
        for lines, k in zip(empty, (sheet.rows, sheet.columns), strict=True)
    )


def _are_exact(sheet: Sheet, empty: Lines) -> bool:
    """Whether the lines beside some separator between two tiles are not empty: it is no wider than it seems."""
    for lines, k in zip(empty, (sheet.rows, sheet.columns), strict=True):
        starts = _separators(len(lines), k, sheet.pad, sheet.border)
        inner = starts[1:-1] if sheet.border else starts
        if len(inner) and lines[np.concatenate([inner - 1, inner + sheet.pad])].all():
            return False
    return True
