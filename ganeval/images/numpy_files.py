"""`.npz` (`arr_0` images, optional `arr_1` labels: the layout of guided-diffusion) and `.npy` files; never with
pickle.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ganeval.core.files import MAX_RATIO, open_regular, require_regular, stored_bytes
from ganeval.errors import GanevalError, WrongInputError, printable
from ganeval.images.arrays import from_array
from ganeval.images.imageset import ImageSet
from ganeval.images.labels import checked_labels
from ganeval.images.stamps import Stamps
from ganeval.runs.layout import IMAGE_KEYS, LABEL_KEYS

MAX_BYTES = 64 * 2**30

_ADVICE = (
    "np.savez(path, images) stores them as arr_0.",
    "A mean and a covariance can stand for the real images of fid and its relatives: real=, --real.",
)


def from_numpy_file(path: Path) -> ImageSet:
    """uint8 (n, h, w), NHWC or NCHW images and what `LABEL_KEYS` name; other arrays of an .npz are not read.

    Statistics beside the images (`mu`, `sigma`) are no images: `ganeval.features.published` reads them, and whoever
    measures says what was used for what.
    """
    require_regular(path)
    where = printable(path)
    stamps = Stamps(str(path), [path.name], lambda _: path)
    images, labels = _npz(path, where) if path.suffix.lower() == ".npz" else (read_safely(path, npy_in), None)
    opened = replace(from_array(images, source=where), source=str(path), require_unchanged=stamps.require_all)
    return opened if labels is None else opened.with_labels(checked_labels(labels, len(opened), where))


def _npz(path: Path, where: str) -> tuple[Any, Any]:
    names = read_safely(path, names_in)
    twice = [printable(name) for name, times in Counter(names).items() if times > 1]
    if twice:
        raise WrongInputError(f"{where} holds two arrays named {twice[0]}; one of them would be lost. Write it again.")
    image_key, label_key = _one_of(IMAGE_KEYS, names, where), _one_of(LABEL_KEYS, names, where)
    if image_key is None:
        held = ", ".join(sorted(printable(name, 40) for name in names)[:20]) or "nothing"
        raise WrongInputError(
            f"{where} must hold images as {', '.join(IMAGE_KEYS[:-1])} or {IMAGE_KEYS[-1]}; it holds {held}. "
            f"{_ADVICE['mu' in names]}"
        )
    return read_safely(path, array_in, image_key), None if label_key is None else read_safely(path, array_in, label_key)


def _one_of(keys: tuple[str, ...], names: Collection[str], where: str) -> str | None:
    """The key among `names`; two of them would leave one unread."""
    found = [key for key in keys if key in names]
    if len(found) > 1:
        raise WrongInputError(
            f"{where} holds both {found[0]} and {found[1]}; only one can be meant. Store one of them."
        )
    return found[0] if found else None


def names_in(path: Path) -> list[str]:
    """The names of the arrays of an .npz, once the archive has shown that it is no bomb."""
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        members = archive.infolist()
    packed, total = path.stat().st_size, sum(info.file_size for info in members)
    require_bounded(path, total, packed)
    return [info.filename.removesuffix(".npy") for info in members]


def require_bounded(path: Path, total: int, packed: int) -> None:
    if total > MAX_BYTES or total > MAX_RATIO * packed:
        raise WrongInputError(
            f"{printable(path)} unpacks to {total:,} bytes; at most {MAX_BYTES:,} and {MAX_RATIO} times what is stored "
            "can be images. Do not trust that file."
        )


def array_in(path: Path, key: str) -> Any:
    """One array of an .npz whose names were looked at."""
    with open_regular(path) as opened, np.load(opened, allow_pickle=False) as file:
        return file[key]


def npy_in(path: Path) -> Any:
    """The array of an .npy, as a memory map."""
    found = path.stat()
    require_bounded(path, found.st_size, stored_bytes(found))
    return np.load(path, mmap_mode="r", allow_pickle=False)


def read_safely(path: Path, how: Any, *args: str) -> Any:
    """`how(path, ...)`, with whatever numpy and zipfile raise about a broken file as an error that names it."""
    try:
        return how(path, *args)
    except GanevalError:
        raise
    except Exception as error:  # of a damaged header numpy raises tokenizer, memory and overflow errors, too
        raise WrongInputError(
            f"{printable(path)} cannot be read as a numpy file without pickle: it is truncated, damaged, or holds "
            "Python objects. Store plain arrays: np.savez(path, images, labels)."
        ) from error
