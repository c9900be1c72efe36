"""How tiles of a known size may fill a picture: rows and columns, with separators and a border or without."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Size = tuple[int, int]  # height, width
MAX_PAD = 8
LEAST_TILES = 4
JPEG = (".jpg", ".jpeg")  # pictures whose separators are only nearly of one colour
USUAL_PAD = 2  # pixels of torchvision's separators: of wider ones most sizes fit by chance


@dataclass(frozen=True)
class Layout:
    """Rows and columns of tiles, pixels of a separator between two, and of the border around all."""

    rows: int
    columns: int
    pad: int
    border: int = 0

    def tile(self, size: Size) -> Size:
        """(height, width) of a tile of a picture of that size."""
        height, width = (
            (side - 2 * self.border + self.pad) // k - self.pad
            for side, k in zip(size, (self.rows, self.columns), strict=True)
        )
        return height, width


def layouts(picture: Size, tile: Size) -> Iterator[Layout]:
    """Every layout of tiles of that size that fills the picture; the widest separators first, none last."""
    for pad in range(MAX_PAD, -1, -1):
        for border in (pad, 0) if pad else (0,):
            inner = [side - 2 * border + pad for side in picture]
            if all(side > 0 and side % (t + pad) == 0 for side, t in zip(inner, tile, strict=True)):
                rows, columns = (side // (t + pad) for side, t in zip(inner, tile, strict=True))
                yield Layout(rows, columns, pad, border)


def may_hold(picture: Size, tile: Size) -> bool:
    """Whether a picture of this size may be made of several tiles of that one, with separators as they are usual.

    >>> may_hold((82, 82), (8, 8)), may_hold((40, 160), (8, 8)), may_hold((44, 44), (8, 8)), may_hold((8, 8), (8, 8))
    (True, True, True, False)
    >>> may_hold((299, 299), (256, 256))
    False
    """
    return any(found.rows * found.columns >= LEAST_TILES and found.pad <= USUAL_PAD for found in layouts(picture, tile))
