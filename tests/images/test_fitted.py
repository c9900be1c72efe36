"""`image_set(..., fit=)`: images that are cropped or resized as they are read, one rule for every kind of source."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganeval import fid
from ganeval.errors import MixedSizesError, WrongInputError
from ganeval.images import image_set

RNG = np.random.default_rng(0)
SIZES = [(9 + i % 4, 11 + i % 3) for i in range(30)]
MIXED = [RNG.integers(0, 255, (*size, 3), dtype=np.uint8) for size in SIZES]


def corner(image: np.ndarray) -> np.ndarray:
    """The 8 x 8 pixels at the top left."""
    return image[:, :8, :8]


CORNERS = np.stack([corner(image.transpose(2, 0, 1)) for image in MIXED])


def folder(root: Path, images: list[np.ndarray]) -> Path:
    root.mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image).save(root / f"{i}.png")
    return root


def packed(root: Path, kind: str) -> Path | list[Path]:
    files = sorted(root.iterdir(), key=lambda path: int(path.stem))
    if kind == "list":
        return files
    path = root.with_suffix(f".{kind}")
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in files:
                archive.write(file, file.name)
    else:
        with tarfile.open(path, "w") as tar:
            for file in files:
                tar.add(file, file.name)
    return path


@pytest.mark.parametrize("kind", ["folder", "list", "zip", "tar"])
def test_files_of_several_sizes_are_one_set_when_each_is_made_to_fit(kind: str, tmp_path: Path) -> None:
    root = folder(tmp_path / "x", MIXED)
    source = root if kind == "folder" else packed(root, kind)
    with pytest.raises(MixedSizesError, match="must have one size") as refused:
        image_set(source)
    assert refused.value.side == 9
    images = image_set(source, fit=corner)
    assert images.shape == (3, 8, 8)
    assert np.array_equal(images.array(), CORNERS)
    assert images.fingerprint == image_set(CORNERS).fingerprint
    assert np.array_equal(image_set(source, fit=corner, n=7).array(), image_set(CORNERS, n=7).array())


def test_files_that_are_still_of_several_sizes_are_refused_when_they_are_read(tmp_path: Path) -> None:
    images = image_set(folder(tmp_path / "x", MIXED), fit=lambda image: image[:, 1:])
    with pytest.raises(WrongInputError, match=r"one size; of .*1\.png it made 9 x 12, of the first image 8 x 11"):
        images.array()


@pytest.mark.parametrize("source", [CORNERS, torch.from_numpy(CORNERS), (CORNERS, np.arange(30) % 3)], ids=type)
def test_images_in_memory_go_through_it_too(source: Any) -> None:
    images = image_set(source, fit=lambda image: image[:, ::2, ::2])
    assert np.array_equal(images.array(), CORNERS[:, :, ::2, ::2])
    assert (images.labels is None) is (not isinstance(source, tuple))


def test_what_was_made_to_fit_is_never_taken_for_the_files_that_it_was_made_of(tmp_path: Path) -> None:
    root = folder(tmp_path / "x", [image[:9, :11] for image in MIXED])
    small, other = (image_set(root, fit=lambda image, by=by: image[:, by : by + 8, :8]) for by in (0, 1))
    assert len({image_set(root).fingerprint, small.fingerprint, other.fingerprint}) == 3
    assert fid(small, other, extractor="pixels") > 0
    assert fid(small, CORNERS, extractor="pixels") == pytest.approx(0, abs=1e-6)


def test_a_generator_fits_its_images_itself() -> None:
    with pytest.raises(WrongInputError, match="fit= is for images that lie somewhere"):
        image_set(lambda n, labels, rng: torch.zeros(n, 1, 8, 8, dtype=torch.uint8), n=10, fit=corner)
    with pytest.raises(WrongInputError, match="one image of uint8"):
        image_set(CORNERS, fit=lambda image: image / 255)
