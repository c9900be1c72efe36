"""A tensor of images in a .pt file is opened as the same array is; anything else in one is refused in a sentence."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganeval import image_set
from ganeval.errors import WrongInputError

IMAGES = torch.arange(4 * 8 * 8, dtype=torch.uint8).reshape(4, 1, 8, 8)
LABELS = torch.tensor([0, 1, 1, 0])


@pytest.mark.parametrize(
    "stored", [IMAGES, {"images": IMAGES}, (IMAGES, LABELS), {"x": IMAGES, "labels": LABELS}, IMAGES[:, 0]]
)
def test_images_come_back(stored: Any, tmp_path: Path) -> None:
    torch.save(stored, tmp_path / "samples.pt")
    opened = image_set(tmp_path / "samples.pt")
    assert np.array_equal(opened.array(), IMAGES.numpy())
    labelled = isinstance(stored, tuple) or "labels" in stored if isinstance(stored, (tuple, dict)) else False
    assert (opened.labels is not None) == labelled
    assert opened.fingerprint == image_set(IMAGES.numpy(), labels=LABELS.numpy() if labelled else None).fingerprint


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ({"weight": torch.zeros(3, 3)}, "A network's weights are no images"),
        (IMAGES / 255, "uint8"),
        (torch.zeros(7), "must hold a tensor of images"),
        (Path("x"), "cannot be read as tensors alone"),
    ],
)
def test_what_holds_no_images_is_refused(stored: Any, said: str, tmp_path: Path) -> None:
    torch.save(stored, tmp_path / "samples.pt")
    with pytest.raises(WrongInputError, match=said):
        image_set(tmp_path / "samples.pt")


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "samples.pt").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(WrongInputError, match=r"samples\.pt cannot be read"):
        image_set(tmp_path / "samples.pt")


ONE = torch.zeros(1, dtype=torch.uint8)


@pytest.mark.parametrize("stored", [ONE.expand(10**6, 3, 256, 256), (IMAGES, LABELS[:1].expand(10**12))])
def test_one_stored_number_does_not_stand_for_a_memory_full_of_them(stored: Any, tmp_path: Path) -> None:
    torch.save(stored, tmp_path / "samples.pt")
    with pytest.raises(WrongInputError, match="that repeats"):
        image_set(tmp_path / "samples.pt")


def test_an_archive_of_tensors_that_unpacks_to_much_more_is_refused(tmp_path: Path) -> None:
    torch.save(torch.zeros(2**21, dtype=torch.uint8).reshape(-1, 1, 32, 32), tmp_path / "plain.pt")
    with (
        zipfile.ZipFile(tmp_path / "plain.pt") as plain,
        zipfile.ZipFile(tmp_path / "packed.pt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for info in plain.infolist():
            packed.writestr(info.filename, plain.read(info))
    with pytest.raises(WrongInputError, match="Do not trust that file"):
        image_set(tmp_path / "packed.pt")
