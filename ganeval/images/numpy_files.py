"""`.npz` (`arr_0` images, optional `arr_1` labels: the layout of guided-diffusion) and `.npy` files; never with pickle."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ganeval.errors import MissingFileError, WrongInputError
from ganeval.images.arrays import checked_array
from ganeval.images.imageset import ImageSet
from ganeval.images.labels import checked_labels

MAX_BYTES = 64 * 2**30
IMAGE_KEYS = ("arr_0", "images", "x", "samples")
LABEL_KEYS = ("arr_1", "labels", "y", "label")


def from_numpy_file(path: Path) -> ImageSet:
    """uint8 NHWC, NCHW or (n, h, w) images; one-hot labels are refused with the remedy."""
    if not path.exists():
        raise MissingFileError(f"There is no file {path}.")
    try:
        images, labels = (
            _npz(path) if path.suffix == ".npz" else (np.load(path, mmap_mode="r", allow_pickle=False), None)
        )
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError) as error:
        if isinstance(error, WrongInputError):
            raise
        raise WrongInputError(f"{path} cannot be read as a numpy file without pickle: {_first_line(error)}.") from error
    array = checked_array(images, str(path))
    checked = None if labels is None else checked_labels(labels, len(array), str(path))
    return ImageSet.from_array(array, source=str(path), labels=checked)


def _npz(path: Path) -> tuple[Any, Any]:
    _require_bounded(path)
    with np.load(path, allow_pickle=False) as file:
        image_key = next((key for key in IMAGE_KEYS if key in file), None)
        if image_key is None:
            raise WrongInputError(
                f"{path} must hold images under {' or '.join(IMAGE_KEYS)}; it holds {', '.join(sorted(file)) or 'nothing'}. "
                "np.savez(path, images) stores them as arr_0."
            )
        label_key = next((key for key in LABEL_KEYS if key in file), None)
        return file[image_key], None if label_key is None else file[label_key]


def _require_bounded(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        total = sum(info.file_size for info in archive.infolist())
    if total > MAX_BYTES or total > 1100 * max(path.stat().st_size, 1):
        raise WrongInputError(
            f"{path} unpacks from {path.stat().st_size:,} to {total:,} bytes; that is no image set. Do not trust that file."
        )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
