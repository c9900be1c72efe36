"""One encoded image (PNG, JPEG ...) -> uint8 (c, h, w), without a silent conversion."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ganeval.errors import WrongInputError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm"})
MAX_PIXELS = 64 * 2**20
GREY_MODES = frozenset({"1", "L"})
BROKEN = (OSError, SyntaxError, ValueError, UnidentifiedImageError, EOFError, Image.DecompressionBombError)


def is_image_name(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES


def header(data: bytes | Path, where: str) -> tuple[int, int, int]:
    """(c, h, w) from the header alone."""
    try:
        with _opened(data, where) as image:
            return _channels(image, where), image.height, image.width
    except BROKEN as error:
        raise _broken(where, error) from error


def decode(data: bytes | Path, where: str) -> NDArray[np.uint8]:
    """uint8 (c, h, w). 1-bit and palette images are expanded exactly; alpha must be opaque; 16-bit images are refused."""
    try:
        with _opened(data, where) as image:
            channels = _channels(image, where)
            pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except BROKEN as error:
        raise _broken(where, error) from error
    return pixels[None] if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _opened(data: bytes | Path, where: str) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            image = Image.open(io.BytesIO(data) if isinstance(data, bytes) else data)
        except Image.DecompressionBombWarning as error:
            raise WrongInputError(f"{where} is too large an image to be safe: {error}.") from error
    if image.width * image.height > MAX_PIXELS:
        raise WrongInputError(
            f"{where} must have at most {MAX_PIXELS:,} pixels; it has {image.width} x {image.height}."
        )
    return image


def _channels(image: Image.Image, where: str) -> int:
    mode = image.mode
    if mode in GREY_MODES:
        return 1
    if mode == "RGB":
        return 3
    if mode == "P":
        if "transparency" in image.info:
            raise WrongInputError(f"{where} is a palette image with transparency. Save it as opaque RGB or grey.")
        colours = np.asarray(image.getpalette() or [], dtype=np.uint8).reshape(-1, 3)
        return 1 if (colours == colours[:, :1]).all() else 3
    if mode in ("RGBA", "LA"):
        if image.getchannel("A").getextrema() != (255, 255):
            raise WrongInputError(f"{where} has a transparent alpha channel. Flatten it onto a background first.")
        return 3 if mode == "RGBA" else 1
    raise WrongInputError(f"{where} must be 8-bit grey or RGB; it is in mode {mode}. Convert it first.")


def _broken(where: str, error: Exception) -> WrongInputError:
    if isinstance(error, WrongInputError):
        return error
    return WrongInputError(f"{where} cannot be decoded: {error}. It is truncated or no image; remove or restore it.")
