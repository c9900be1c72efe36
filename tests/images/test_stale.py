"""A kept image set notices that what it was made of has changed: memory is measured afresh, changed files are
refused.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganeval
from ganeval.errors import WrongInputError
from ganeval.images import image_set

REAL = np.random.default_rng(0).integers(0, 256, (40, 6, 6), dtype=np.uint8)
OLD, NEW = np.random.default_rng(1).integers(0, 256, (2, 40, 6, 6), dtype=np.uint8)
NEW = NEW // 8


def distance(fake: object) -> float:
    return float(ganeval.kid(REAL, fake, extractor="pixels"))


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def colour(images: np.ndarray) -> np.ndarray:
    return np.stack([images] * 3, axis=-1)


MEMORY = {
    "grey array": lambda: (x := OLD.copy(), lambda: x.__setitem__(..., NEW)),
    "NCHW array": lambda: (x := OLD[:, None].copy(), lambda: x.__setitem__(..., NEW[:, None])),
    "every second row": lambda: (x := np.repeat(OLD, 2, axis=0)[::2], lambda: x.__setitem__(..., NEW)),
    "tensor": lambda: (x := torch.from_numpy(OLD.copy()), lambda: x.copy_(torch.from_numpy(NEW))),
}


@pytest.mark.parametrize("kind", MEMORY)
def test_pixels_that_changed_in_memory_are_measured_afresh(kind: str) -> None:
    images, change = MEMORY[kind]()
    kept = image_set(images)
    assert distance(kept) == distance(OLD)
    change()
    assert distance(kept) == distance(NEW) != distance(OLD)


def test_colour_images_with_their_channels_last_are_measured_afresh() -> None:
    images = colour(OLD)
    kept = image_set(images)
    before = kept.fingerprint
    images[...] = colour(NEW)
    assert kept.fingerprint == image_set(colour(NEW)).fingerprint != before
    assert (kept.array()[:, 0] == NEW).all()


def test_a_set_with_labels_of_a_set_that_changed_changes_too() -> None:
    images = OLD.copy()
    kept = image_set(images).with_labels(np.zeros(40, dtype=np.int64))
    before = kept.fingerprint
    images[0] = 0
    assert kept.fingerprint != before


def write_folder(path: Path, images: np.ndarray) -> Path:
    (path / "s").mkdir(exist_ok=True)
    for i, image in enumerate(images):
        (path / "s" / f"{i}.png").write_bytes(png(image))
    return path / "s"


def write_zip(path: Path, images: np.ndarray) -> Path:
    with zipfile.ZipFile(path / "s.zip", "w") as archive:
        for i, image in enumerate(images):
            archive.writestr(f"{i}.png", png(image))
    return path / "s.zip"


def write_npz(path: Path, images: np.ndarray) -> Path:
    np.savez(path / "s.npz", images)
    return path / "s.npz"


def write_npy(path: Path, images: np.ndarray) -> Path:
    np.save(path / "s.npy", images)
    return path / "s.npy"


def write_npy_through_a_memory_map(path: Path, images: np.ndarray) -> Path:
    if not (path / "s.npy").exists():
        return write_npy(path, images)
    mapped = np.load(path / "s.npy", mmap_mode="r+")
    mapped[...] = images
    mapped.flush()
    return path / "s.npy"


FILES = [write_folder, write_zip, write_npz, write_npy, write_npy_through_a_memory_map]


@pytest.mark.parametrize("write", FILES)
def test_files_that_changed_are_refused_until_the_set_is_opened_again(
    write: Callable[[Path, np.ndarray], Path], tmp_path: Path
) -> None:
    where = write(tmp_path, OLD)
    kept = image_set(where)
    assert distance(kept) == distance(kept) == distance(OLD)
    write(tmp_path, NEW)
    with pytest.raises(WrongInputError, match=r"has changed since .* was opened. Open the image set again"):
        distance(kept)
    assert distance(image_set(where)) == distance(NEW)


def test_a_file_whose_time_was_set_back_is_noticed(tmp_path: Path) -> None:
    file = write_folder(tmp_path, OLD) / "7.png"
    kept = image_set(tmp_path / "s")
    before = file.stat()
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(WrongInputError, match=r"7\.png has changed"):
        kept.fingerprint  # noqa: B018 - looking is the act


def test_a_file_that_is_gone_is_noticed(tmp_path: Path) -> None:
    (write_folder(tmp_path, OLD) / "7.png").rename(tmp_path / "elsewhere.png")
    kept = image_set(tmp_path / "s")
    (tmp_path / "s" / "8.png").unlink()
    with pytest.raises(WrongInputError, match=r"8\.png has changed"):
        distance(kept)


def test_a_file_that_changes_while_the_set_is_read_is_noticed(tmp_path: Path) -> None:
    kept = image_set(write_folder(tmp_path, OLD))
    batches = kept.batches(10)
    next(batches)
    write_folder(tmp_path, NEW)
    with pytest.raises(WrongInputError, match="has changed"):
        next(batches)
