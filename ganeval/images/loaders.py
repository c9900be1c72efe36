"""torch `Dataset` and `DataLoader`, or any sequence or iterable of images or (image, label) pairs."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganeval.errors import WrongInputError, printable
from ganeval.images.arrays import channels_first, checked_array, require_uint8, require_variety
from ganeval.images.decode import pixels
from ganeval.images.imageset import ImageSet
from ganeval.images.labels import checked_labels
from ganeval.images.tensors import as_numpy

MOST_IMAGES = 10_000_000  # of a source without a length: more is an endless sampler
TO_TENSOR = " Of torchvision's transforms, PILToTensor keeps uint8, ToTensor does not."


def from_dataset(source: Any) -> ImageSet:
    """Read the source once and keep the images: a loader may shuffle or augment, so a second pass would differ.

    An item is an image, or an image and its label: a PIL image, (h, w), (h, w, c) or (c, h, w). An item of a
    `DataLoader` with a batch size, and any item with four axes, is a batch of them.
    """
    where = type(source).__name__
    batched = getattr(source, "batch_size", None) is not None
    parts, labels, so_far = [], [], 0
    for number, item in enumerate(_items(source, where)):
        name = f"item {number} of {where}"
        image, label = _split(item, where)
        part = _part(image, name, batched=batched)
        if parts and part.shape[1:] != parts[0].shape[1:]:
            raise WrongInputError(
                f"All images of {where} must have one shape (c, h, w); item 0 has {parts[0].shape[1:]}, "
                f"item {number} has {part.shape[1:]}. Resize them with antialiasing, or measure them apart."
            )
        parts.append(part)
        so_far += len(part)
        _require_end(source, part, number, so_far, where)
        labels += [] if label is None else [_labels(label, len(part), name)]
    return _joined(parts, labels, where)


def _require_end(source: Any, part: NDArray[np.uint8], number: int, so_far: int, where: str) -> None:
    """Raise where the images cannot fit into memory, by what the source says of its length or has given already."""
    expected = max(so_far, operator.length_hint(source, 0) * len(part) if number == 0 else 0)
    if so_far > MOST_IMAGES or expected * part[0].nbytes > _memory():
        raise WrongInputError(
            f"{where} must end and fit into memory; it has {expected:,} images of {part[0].nbytes:,} bytes or more. Of an "
            "endless sampler take so many: itertools.islice(source, 1000)."
        )


def _memory() -> int:
    """Bytes of this machine; a terabyte where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 2**40


def _joined(parts: list[NDArray[np.uint8]], labels: list[NDArray[np.int64]], where: str) -> ImageSet:
    if not parts:
        raise WrongInputError(f"{where} must hold at least one image; it is empty.")
    if labels and len(labels) != len(parts):
        raise WrongInputError(
            f"Every item of {where} must have a label, or none; {len(labels)} of {len(parts)} items have. Add the "
            "others."
        )
    images = np.concatenate(parts)
    require_variety(images, where)
    return ImageSet.from_array(images, source=where, labels=np.concatenate(labels) if labels else None)


def _items(source: Any, where: str) -> Iterable[Any]:
    """A map-style data set has a length and indices; walking it by indices alone need not end."""
    if hasattr(source, "__iter__"):
        return source
    if not hasattr(source, "__len__"):
        raise WrongInputError(f"{where} must have a length or be iterable; it has neither. Add __len__ to it.")
    return (source[index] for index in range(len(source)))


def _split(item: Any, where: str) -> tuple[Any, Any]:
    if isinstance(item, (tuple, list)) and len(item) in (1, 2):
        return item[0], item[1] if len(item) == 2 else None
    if isinstance(item, (str, PurePath)):
        raise WrongInputError(
            f"Items of {where} must be images; got the text or path {printable(item, 60)!r}. "
            "Of paths of image files pass a list: image_set(list(paths))."
        )
    if isinstance(item, (tuple, list, dict, bytes)):
        what = f"a {type(item).__name__} of {len(item)}"
        raise WrongInputError(
            f"Items of {where} must be an image or (image, label); got {what}. Pass a generator that yields such items."
        )
    return item, None


def _part(image: Any, name: str, *, batched: bool) -> NDArray[np.uint8]:
    """One image or one batch -> (n, c, h, w)."""
    if isinstance(image, Image.Image):
        return pixels(image, name)[None]
    array = as_numpy(image)
    require_uint8(array, name, torch=hasattr(image, "detach"), hint=TO_TENSOR)
    if array.ndim == 4 and array.size:
        return np.ascontiguousarray(channels_first(array, name))
    if array.ndim == 3 and array.size:
        if batched:
            return array[:, None]
        if 1 in array.shape[::2] or 3 in array.shape[::2]:
            return np.ascontiguousarray(channels_first(array[None], name))
    return checked_array(array[None] if array.ndim == 2 and not batched else array, name)


def _labels(label: Any, n: int, name: str) -> NDArray[np.int64]:
    values = as_numpy(label)
    return checked_labels(values.reshape(1) if values.ndim == 0 else values, n, name)
