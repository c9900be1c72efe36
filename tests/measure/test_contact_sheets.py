"""Pictures of many images are no images: measured as such, a network that resizes says a number without a word."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganeval import Protocol, fid, image_set, measure
from ganeval.errors import WrongInputError

DIGITS = image_set("digits:train").array()


def sheet(first: int, *, pad: int, value: int, rows: int = 4, columns: int = 6) -> Image.Image:
    """As torchvision's `save_image` lays images out."""
    h, w = (side + pad for side in DIGITS.shape[2:])
    pixels = np.full((rows * h + pad, columns * w + pad), value, np.uint8)
    for i, image in enumerate(DIGITS[first : first + rows * columns, 0]):
        top, left = pad + i // columns * h, pad + i % columns * w
        pixels[top : top + image.shape[0], left : left + image.shape[1]] = image
    return Image.fromarray(pixels)


@pytest.mark.parametrize("extractor", ["wavelet", "pixels", "digits"])
@pytest.mark.parametrize("kind", ["folder", "zip", "RGB"])
@pytest.mark.parametrize(("pad", "value"), [(2, 0), (2, 255), (1, 128)])
def test_contact_sheets_of_images_of_the_real_size_are_refused(
    extractor: str, kind: str, pad: int, value: int, tmp_path: Path
) -> None:
    for i in range(12):
        sheet(24 * i, pad=pad, value=value).convert("RGB" if kind == "RGB" else "L").save(tmp_path / f"{i}.png")
    place = tmp_path
    if kind == "zip":
        place = tmp_path / "sheets.zip"
        with zipfile.ZipFile(place, "w") as packed:
            for path in tmp_path.glob("*.png"):
                packed.write(path, path.name)
    with pytest.raises(WrongInputError, match=r"holds contact sheets: its .* pixels are 4 x 6 images of 8 x 8 with"):
        fid("digits:test", place, extractor=extractor)


@pytest.mark.parametrize("side", [34, 42, 64])
def test_larger_images_that_are_no_sheets_are_measured(side: int, tmp_path: Path) -> None:
    """Also such whose size a sheet could have, such with a dark frame, and such with one dark line."""
    rng = np.random.default_rng(0)
    for i in range(30):
        pixels = rng.integers(1, 256, (side, side), dtype=np.uint8)
        if i % 3 == 0:
            pixels[:2] = pixels[-2:] = pixels[:, :2] = pixels[:, -2:] = 0
        pixels[side // 2] = 0 if i % 3 else pixels[side // 2]
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    protocol = Protocol(real="digits:test", extractor="wavelet", metrics=("kid",), floor=False)
    assert measure(tmp_path, protocol)["kid"].ok


def test_one_picture_is_no_set_and_what_to_pass_is_said(tmp_path: Path) -> None:
    sheet(0, pad=2, value=0).save(tmp_path / "samples.png")
    with pytest.raises(WrongInputError, match=r"samples\.png is one picture, and a set is many\. Pass its folder"):
        image_set(tmp_path / "samples.png")
