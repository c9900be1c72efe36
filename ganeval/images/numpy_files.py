"""`.npz` (`arr_0` images, optional `arr_1` labels: the layout of guided-diffusion) and `.npy` files; never with pickle."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ganeval.errors import MissingFileError, WrongInputError
from ganeval.images.arrays import checked_array, require_variety
from ganeval.images.imageset import ImageSet
from ganeval.images.labels import checked_labels

MAX_BYTES = 64 * 2**30
MAX_RATIO = 500  # of an archive; deflate reaches 1032 on nothing but zeros
IMAGE_KEYS = ("arr_0", "images", "x", "samples")
LABEL_KEYS = ("arr_1", "labels", "y", "label")


def from_numpy_file(path: Path) -> ImageSet:
    """uint8 (n, h, w), NHWC or NCHW images; of an .npz, other arrays (guided-diffusion's `mu`, `sigma`) are not read."""
    if not path.exists():
        raise MissingFileError(f"There is no file {path}. Check the path.")
    images, labels = _npz(path) if path.suffix.lower() == ".npz" else (_read(path, _npy), None)
    array = checked_array(images, str(path))
    require_variety(array, str(path))
    checked = None if labels is None else checked_labels(labels, len(array), str(path))
    return ImageSet.from_array(array, source=str(path), labels=checked)


def _npz(path: Path) -> tuple[Any, Any]:
    names = _read(path, _names)
    image_key = next((key for key in IMAGE_KEYS if key in names), None)
    if image_key is None:
        raise WrongInputError(
            f"{path} must hold images as {', '.join(IMAGE_KEYS[:-1])} or {IMAGE_KEYS[-1]}; it holds {', '.join(sorted(names)) or 'nothing'}. "
            "np.savez(path, images) stores them as arr_0."
        )
    label_key = next((key for key in LABEL_KEYS if key in names), None)
    return _read(path, _array, image_key), None if label_key is None else _read(path, _array, label_key)


def _names(path: Path) -> list[str]:
    """Of the arrays, once the archive has shown that it is no bomb."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    packed, total = path.stat().st_size, sum(info.file_size for info in members)
    if total > MAX_BYTES or total > MAX_RATIO * packed:
        raise WrongInputError(
            f"{path} unpacks to {total:,} bytes; at most {MAX_BYTES:,} and {MAX_RATIO} times what is stored can be images. "
            "Do not trust that file."
        )
    return [info.filename.removesuffix(".npy") for info in members]


def _array(path: Path, key: str) -> Any:
    with np.load(path, allow_pickle=False) as file:
        return file[key]


def _npy(path: Path) -> Any:
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _read(path: Path, how: Any, *args: str) -> Any:
    """`how(path, ...)`, with whatever numpy and zipfile raise about a broken file as an error that names it."""
    try:
        return how(path, *args)
    except WrongInputError:
        raise
    except Exception as error:  # of a damaged header numpy raises tokenizer, memory and overflow errors, too
        raise WrongInputError(
            f"{path} cannot be read as a numpy file without pickle: it is truncated, damaged, or holds Python objects. "
            "Store plain arrays: np.savez(path, images, labels)."
        ) from error
