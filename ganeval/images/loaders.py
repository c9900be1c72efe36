"""torch `Dataset` and `DataLoader`, or any sequence or iterable of images or (image, label) pairs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import WrongInputError
from ganeval.images.arrays import checked_array
from ganeval.images.imageset import ImageSet
from ganeval.images.labels import checked_labels


def from_dataset(source: Any) -> ImageSet:
    """Walk the source once and keep the images: a loader may shuffle or augment, so a second walk would differ.

    Each item is one image (h, w), (h, w, c), (c, h, w) or a PIL image, or a batch of them; or a pair with its label(s).
    """
    where = type(source).__name__
    batches, labels = [], []
    for number, item in enumerate(_items(source)):
        image, label = _split(item, where)
        batch = _batch(image, f"item {number} of {where}")
        batches.append(batch)
        if label is not None:
            labels.append(_labels(label, len(batch), f"item {number} of {where}"))
    if not batches:
        raise WrongInputError(f"{where} must hold at least one image; it is empty.")
    _require_one_shape(batches, where)
    images = checked_array(np.concatenate(batches), where)
    if labels and len(labels) != len(batches):
        raise WrongInputError(
            f"Either every item of {where} has a label or none has; {len(labels)} of {len(batches)} have."
        )
    return ImageSet.from_array(images, source=where, labels=np.concatenate(labels) if labels else None)


def _items(source: Any) -> Iterable[Any]:
    """A map-style data set has a length and indices but often no end to its iterator."""
    if hasattr(source, "__len__") and hasattr(source, "__getitem__") and not hasattr(source, "__iter__"):
        return _indexed(source)
    return source


def _indexed(source: Any) -> Iterator[Any]:
    for index in range(len(source)):
        yield source[index]


def _split(item: Any, where: str) -> tuple[Any, Any]:
    if isinstance(item, (tuple, list)):
        if len(item) not in (1, 2):
            raise WrongInputError(f"Items of {where} must be an image or (image, label); got {len(item)} parts.")
        return item[0], item[1] if len(item) == 2 else None
    if isinstance(item, dict):
        raise WrongInputError(
            f"Items of {where} must be an image or (image, label); got a dict with keys {sorted(item)}."
        )
    return item, None


def _batch(image: Any, where: str) -> NDArray[np.uint8]:
    array = np.asarray(image.detach().cpu() if hasattr(image, "detach") else image)
    if array.ndim == 2 or (array.ndim == 3 and (array.shape[0] in (1, 3) or array.shape[2] in (1, 3))):
        array = array[None]
    if array.dtype == np.uint8 and array.size > 1 and array.min() == array.max():
        return _uniform(array)  # one blank image is data; only a set of nothing else is refused
    return checked_array(array, where)


def _uniform(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if array.ndim == 3:
        return array[:, None]
    return array if array.shape[1] in (1, 3) else np.ascontiguousarray(array.transpose(0, 3, 1, 2))


def _labels(label: Any, n: int, where: str) -> NDArray[np.int64]:
    values = np.asarray(label.cpu() if hasattr(label, "cpu") else label)
    return checked_labels(values.reshape(1) if values.ndim == 0 else values, n, where)


def _require_one_shape(batches: list[NDArray[np.uint8]], where: str) -> None:
    first = batches[0].shape[1:]
    for number, batch in enumerate(batches):
        if batch.shape[1:] != first:
            raise WrongInputError(
                f"All images of {where} must have one shape; item 0 is {first}, item {number} is {batch.shape[1:]}."
            )
