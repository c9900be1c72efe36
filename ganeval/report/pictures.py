"""Pictures of the page: decoded once, checked, made small, and either embedded or laid beside the page.

A picture is never copied as it came: it is decoded (a broken one becomes a note, a huge one is refused before it is
unpacked) and written again as lossless WebP. Grey pictures are cut to 16 levels where the page would become large
otherwise: half the bytes, but smooth images get bands that their generator never drew. The page says so.
"""

from __future__ import annotations

import base64
import hashlib
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.core.files import open_regular, require_regular, write_atomic
from ganeval.core.tiling import JPEG
from ganeval.numerics.sheets import Sheet, sheet_of
from ganeval.runs.parsing import lfs_pointer

MAX_PIXELS = 64_000_000  # of one file; a larger one is refused before it is decoded
MAX_SIDE = 1280  # wider sprites are shrunk for the page
MAX_FILE = 64 * 2**20
GREY_LEVELS = 16


class BrokenPictureError(ValueError):
    """A picture file that cannot be shown; the text says why."""


@dataclass
class Pictures:
    """Where pictures go: into the page (`folder` is None) or into `folder`, by the hash of their content."""

    folder: Path | None = None
    quick: bool = False  # PNG: a fifth larger than lossless WebP, written in half the time
    few_levels: bool = False  # embedded grey pictures in 16 levels
    reduced: bool = False
    bytes: int = 0
    names: set[str] = field(default_factory=set)

    def add(self, pixels: NDArray[np.uint8]) -> str:
        """uint8 (h, w) or (h, w, 3) -> what an `img` element's `src` is."""
        content = self._encode(pixels)
        self.bytes += len(content)
        if self.folder is None:
            return f"data:image/{'png' if self.quick else 'webp'};base64," + base64.b64encode(content).decode("ascii")
        name = hashlib.sha256(content).hexdigest()[:24] + (".png" if self.quick else ".webp")
        if name not in self.names:
            self.names.add(name)
            write_atomic(self.folder / name, content)
        return f"{self.folder.name}/{name}"

    def _encode(self, pixels: NDArray[np.uint8]) -> bytes:
        from PIL import Image

        picture = Image.fromarray(self._levels(pixels))
        buffer = io.BytesIO()
        if self.quick:
            picture.save(buffer, "PNG", compress_level=4)
        else:
            picture.save(buffer, "WEBP", lossless=True, quality=0, method=2)
        return buffer.getvalue()

    def _levels(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self.folder is not None or not self.few_levels or pixels.ndim == 3:
            return pixels
        self.reduced = True
        return _LEVELS[pixels]


_LEVELS = np.round(np.round(np.arange(256) / 255 * (GREY_LEVELS - 1)) * 255 / (GREY_LEVELS - 1)).astype(np.uint8)


def load_picture(path: Path, span: tuple[int, int] | None = None, frame: int | None = None) -> NDArray[np.uint8]:
    """uint8 (h, w) for grey, (h, w, 3) for colour; raises `BrokenPictureError` with a sentence.

    `span`: offset and length of the picture inside the file; `frame`: which one of an animation.
    """
    try:
        size = span[1] if span else require_regular(path).stat().st_size
        _require_small(size, path.name)
        return _decoded(_part(path, span) if span else path, path.name, frame or 0)
    except BrokenPictureError:
        raise
    except Exception as error:  # damaged pictures make Pillow raise a dozen kinds
        raise BrokenPictureError((lfs_pointer(path) or f"{path.name} cannot be decoded ({error})") + ".") from error


def load_bytes(content: bytes, name: str) -> NDArray[np.uint8]:
    """The same of what an archive holds under that name."""
    _require_small(len(content), name)
    try:
        return _decoded(io.BytesIO(content), name)
    except BrokenPictureError:
        raise
    except Exception as error:  # as in `load_picture`
        raise BrokenPictureError(f"{name} cannot be decoded ({error}).") from error


def _require_small(size: int, name: str) -> None:
    if size > MAX_FILE:
        raise BrokenPictureError(f"{name} is larger than {MAX_FILE // 2**20} MiB and is not shown.")


def _decoded(file: Path | io.BytesIO, name: str, frame: int = 0) -> NDArray[np.uint8]:
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(file) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise BrokenPictureError(
                    f"{name} is {picture.width} x {picture.height} pixels; at most {MAX_PIXELS:,} are shown."
                )
            if frame:
                picture.seek(frame)
            return _pixels(picture)


def _part(path: Path, span: tuple[int, int]) -> io.BytesIO:
    with open_regular(path) as file:
        file.seek(span[0])
        return io.BytesIO(file.read(span[1]))


def _pixels(picture: Any) -> NDArray[np.uint8]:
    grey = picture.mode in ("1", "L", "LA", "I", "I;16")
    pixels = np.asarray(picture.convert("L" if grey else "RGB"))
    if pixels.ndim == 3 and (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all():
        return np.ascontiguousarray(pixels[..., 0])
    return pixels


def sheet_in(pixels: NDArray[np.uint8], path: Path, tile: tuple[int, int] | None = None) -> Sheet | None:
    """How the images of a contact sheet lie in a picture of that file; None where it is none. tile: their size, if
    known.
    """
    return sheet_of(pixels, tile, lossy=path.suffix.lower() in JPEG)


def shrink(pixels: NDArray[np.uint8], side: int = MAX_SIDE) -> NDArray[np.uint8]:
    """The picture itself, or an antialiased one whose longer side is `side`."""
    from PIL import Image

    longest = max(pixels.shape[:2])
    if longest <= side:
        return pixels
    picture = Image.fromarray(pixels)
    size = (max(1, picture.width * side // longest), max(1, picture.height * side // longest))
    return np.asarray(picture.resize(size, Image.Resampling.BOX))


def tiles_of(pixels: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    """Cut a sprite into uint8 (rows * columns, h, w) or (rows * columns, h, w, 3), row by row."""
    height, width = pixels.shape[0] // rows, pixels.shape[1] // columns
    cut = pixels[: rows * height, : columns * width]
    cut = cut.reshape(rows, height, columns, width, *pixels.shape[2:]).swapaxes(1, 2)
    return cut.reshape(rows * columns, height, width, *pixels.shape[2:])


def sprite_of(tiles: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Lay uint8 (n, h, w[, 3]) tiles out row by row; the last row is filled with black."""
    n, height, width = tiles.shape[:3]
    rows = -(-n // columns)
    full = np.zeros((rows * columns, *tiles.shape[1:]), np.uint8)
    full[:n] = tiles
    full = full.reshape(rows, columns, height, width, *tiles.shape[3:]).swapaxes(1, 2)
    return np.ascontiguousarray(full.reshape(rows * height, columns * width, *tiles.shape[3:]))


def class_rows(labels: Sequence[int], per_class: int) -> tuple[list[int], list[int]]:
    """Tile indices so that each row is one class, and the class of each row; every row has the same length.

    >>> class_rows([0, 1, 0, 1, 1], per_class=8)
    ([0, 2, 1, 3], [0, 1])
    """
    where: dict[int, list[int]] = {}
    for index, label in enumerate(labels):
        where.setdefault(label, []).append(index)
    length = min(per_class, *map(len, where.values()))
    classes = sorted(where)
    return [i for label in classes for i in where[label][:length]], classes
