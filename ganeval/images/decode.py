"""One encoded image (PNG, JPEG ...) -> uint8 (c, h, w), without a silent conversion.

Exact, and therefore done: 1-bit and palette images are expanded, an alpha channel that is opaque everywhere is left
out. Not exact, and therefore refused: transparency, 16-bit and CMYK images, and animations of which no frame was
asked for. An orientation in EXIF is not applied: pixels come as they are stored, as in torchvision.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganeval.core.files import open_regular
from ganeval.errors import GanevalError, WrongInputError
from ganeval.images.strict import undisturbed

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm"})
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")  # and no decoder that would start another program
MAX_PIXELS = 64 * 2**20
PALETTES = ("RGB", "BGR", "BGRX")  # of files, as they are stored
PNG = b"\x89PNG\r\n\x1a\n"
HEAD = 4096  # bytes that are looked at before a decoder is


def is_image_name(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122 - asked for each of a million names


def header(data: bytes | Path, where: str) -> tuple[int, int, int]:
    """(c, h, w), without decoding a pixel: whether a transparent image is opaque everywhere shows
    when it is decoded.
    """

    def look() -> tuple[int, int, int]:
        with _opened(data, where) as image:
            return _channels(image, where), image.height, image.width

    return undisturbed(look)


def decode(data: bytes | Path, where: str) -> NDArray[np.uint8]:
    """uint8 (c, h, w) in C order; many threads may decode at once."""

    def look() -> NDArray[np.uint8]:
        with _opened(data, where) as image:
            return pixels(image, where)

    return undisturbed(look)


def decode_frame(path: Path, frame: int, where: str) -> NDArray[np.uint8]:
    """uint8 (c, h, w) of one frame of an animation, as it is shown: grey where it has no colours."""

    def look() -> NDArray[np.uint8]:
        with _opened(path, where, still=False) as image:
            image.seek(frame)
            array = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
        return array[:1] if (array == array[:1]).all() else np.ascontiguousarray(array)

    return undisturbed(look)


def pixels(image: Image.Image, where: str) -> NDArray[np.uint8]:
    """uint8 (c, h, w) of an image that Pillow has opened."""
    grey = _channels(image, where) == 1
    if image.mode in ("LA", "RGBA") or "transparency" in image.info:
        _require_opaque(image, where)
    opaque = image.convert("RGBA") if "transparency" in image.info else image
    array = np.asarray(opaque.convert("L" if grey else "RGB"))
    return array[None] if grey else np.ascontiguousarray(array.transpose(2, 0, 1))


@contextmanager
def _opened(data: bytes | Path, where: str, *, still: bool = True) -> Iterator[Image.Image]:
    """The image; whatever goes wrong inside the decoder, also later while pixels are read, is an error of this file."""
    try:
        with io.BytesIO(data) if isinstance(data, bytes) else open_regular(data) as file:
            _require_eight_bits(file.read(HEAD), where)
            file.seek(0)
            with Image.open(file, formats=FORMATS) as image:
                _require_bounded(image, where)
                if still:
                    _require_still(image, where)
                yield image
    except GanevalError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise WrongInputError(_too_large(where, f"more than {MAX_PIXELS:,}")) from error
    except Exception as error:  # decoders of damaged files raise struct, zlib, key, type and other errors
        raise WrongInputError(
            f"{where} cannot be decoded: it is truncated, damaged or no image. Write it again or remove it."
        ) from error


def _require_eight_bits(head: bytes, where: str) -> None:
    """Pillow reads 16-bit colours as 8-bit ones without a word, and the comments of a PGM byte by byte."""
    depth = 8
    if head.startswith(PNG):
        depth = head[24] if len(head) > 24 else 8
    elif re.match(rb"P[1-6]\s", head):
        values = re.sub(rb"#[^\r\n]*[\r\n]?", b" ", head).split(maxsplit=4)
        wanted = 3 if head[1:2] in b"14" else 4
        if len(values) < wanted or (len(head) == HEAD and len(values) == wanted):
            raise WrongInputError(f"{where} must begin with its size, in the first {HEAD:,} bytes. Drop its comments.")
        depth = 16 if wanted == 4 and values[3].isdigit() and int(values[3][:9]) > 255 else 8
    if depth > 8:
        raise WrongInputError(
            f"{where} must be 8-bit grey or RGB; it has {depth} bits a channel. Convert it by a rule of your own first."
        )


def _require_bounded(image: Image.Image, where: str) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise WrongInputError(_too_large(where, f"{image.width} x {image.height}"))


def _require_still(image: Image.Image, where: str) -> None:
    if getattr(image, "is_animated", False):
        raise WrongInputError(f"{where} must be a single image; it is an animation. Save its frames as files.")


def _too_large(where: str, found: str) -> str:
    return f"{where} must have at most {MAX_PIXELS:,} pixels; it has {found}. Do not trust that file, or scale it down."


def _channels(image: Image.Image, where: str) -> int:
    if image.mode == "P":
        colours = _palette(image)
        return 1 if (colours == colours[:, :1]).all() else 3
    if image.mode in ("1", "L", "LA"):
        return 1
    if image.mode in ("RGB", "RGBA"):
        return 3
    raise WrongInputError(
        f"{where} must be 8-bit grey or RGB; its mode is {image.mode!r}. Convert it by a rule of your own first."
    )


def _palette(image: Image.Image) -> NDArray[np.uint8]:
    """(colours, 3), red, green and blue in some order; Pillow's own `getpalette` decodes the image for it."""
    stored = None if image.palette is None else image.palette.getdata()
    if stored is None or stored[0] not in PALETTES or len(stored[1]) % len(stored[0]):
        stored = "RGB", bytes(image.getpalette() or b"")
    return np.frombuffer(stored[1], dtype=np.uint8).reshape(-1, len(stored[0]))[:, :3]


def _require_opaque(image: Image.Image, where: str) -> None:
    if image.convert("RGBA").getchannel("A").getextrema() != (255, 255):
        raise WrongInputError(f"{where} is partly transparent. Flatten it onto a background first.")
