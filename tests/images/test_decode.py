"""Pictures of every mode either decode exactly or are refused; whatever a damaged file does, its name is said."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ganeval.errors import GanevalError, WrongInputError
from ganeval.images.decode import decode, header

RNG = np.random.default_rng(2)
GREY = RNG.integers(0, 256, (7, 9), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (7, 9, 3), dtype=np.uint8)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "GIF", "WEBP"])
def test_lossless_formats_give_back_the_pixels(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    if kind != "WEBP":
        assert (decode(encoded(Image.fromarray(GREY), kind, **options), "x")[0] == GREY).all()
    if kind != "GIF":
        assert (decode(encoded(Image.fromarray(COLOUR), kind, **options), "x") == COLOUR.transpose(2, 0, 1)).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "LA", "RGBA"])
def test_a_mode_that_converts_exactly_is_converted(mode: str) -> None:
    image = Image.fromarray(COLOUR).convert(mode)
    expected = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    pixels = decode(encoded(image), "x")
    assert header(encoded(image), "x") == pixels.shape
    assert (np.broadcast_to(pixels, expected.shape) == expected).all()
    assert pixels.flags.c_contiguous


def test_a_grey_palette_has_one_channel() -> None:
    palette = Image.fromarray(GREY).convert("P")
    assert (decode(encoded(palette), "x") == GREY).all()


def test_an_unused_transparent_colour_changes_nothing() -> None:
    image = Image.fromarray(np.full((4, 4), 9, dtype=np.uint8))
    assert (decode(encoded(image, transparency=8), "x") == 9).all()
    with pytest.raises(WrongInputError, match="partly transparent"):
        decode(encoded(image, transparency=9), "x")


@pytest.mark.parametrize("mode", ["I;16", "I", "F", "CMYK", "YCbCr", "LAB"])
def test_a_mode_that_would_lose_something_is_refused(mode: str) -> None:
    image = Image.new(mode, (4, 4)) if mode != "I;16" else Image.fromarray(GREY.astype(np.uint16))
    data = encoded(image, "TIFF")
    with pytest.raises(WrongInputError, match="must be 8-bit grey or RGB"):
        decode(data, "x")


def test_a_format_whose_decoder_starts_a_program_is_not_opened() -> None:
    postscript = encoded(Image.fromarray(GREY), "EPS")
    with pytest.raises(WrongInputError, match=r"x\.png cannot be decoded"):
        header(postscript, "x.png")


@pytest.mark.parametrize("size", [(9_000, 9_000), (9_600, 9_600), (20_000, 20_000)])
def test_a_giant_is_refused_by_its_header(size: tuple[int, int]) -> None:
    data = bytearray(encoded(Image.new("1", (8, 8)), "PPM"))
    giant = data.replace(b"8 8", f"{size[0]} {size[1]}".encode())
    with pytest.raises(WrongInputError, match="at most 67,108,864 pixels"):
        header(bytes(giant), "x.png")


def test_a_truncated_file_on_disk_is_named_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    path.write_bytes(encoded(Image.fromarray(GREY))[:70])
    with pytest.raises(WrongInputError, match=r"here/cut\.png cannot be decoded"):
        decode(path, "here/cut.png")
    path.unlink()


SAMPLES = [
    encoded(Image.fromarray(GREY)),
    encoded(Image.fromarray(COLOUR).convert("P"), transparency=3),
    encoded(Image.fromarray(COLOUR), "JPEG"),
    encoded(Image.fromarray(COLOUR), "BMP"),
    encoded(Image.fromarray(GREY), "GIF"),
    encoded(Image.fromarray(COLOUR), "TIFF", compression="raw"),
    encoded(Image.fromarray(GREY), "PPM"),
]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=5),
    st.integers(0, 10_000),
)
def test_damaged_bytes_either_decode_or_are_refused_by_name(
    sample: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(sample)
    for at, value in changes:
        data[at % len(data)] = value
    try:
        pixels = decode(bytes(data[: cut % (2 * len(data))]), "the file")
    except GanevalError as error:
        said = str(error)
    else:
        said = "the file"
        assert pixels.dtype == np.uint8
        assert pixels.shape[0] in (1, 3)
    assert "the file" in said
