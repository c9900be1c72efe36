"""torch `Dataset` and `DataLoader`, or any sequence or iterable of images or (image, label) pairs."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganeval.errors import WrongInputError, printable
from ganeval.images.arrays import channels_first, checked_array, require_uint8
from ganeval.images.decode import pixels
from ganeval.images.imageset import ImageSet
from ganeval.images.labels import checked_labels
from ganeval.images.leaves import Seen, leaves, root
from ganeval.images.spool import IN_MEMORY, Spool, room
from ganeval.images.tensors import as_numpy
from ganeval.images.variety import require_variety

MOST_IMAGES = 10_000_000  # of a source without a length: more is an endless sampler
AT_ONCE, MANY = 2**22, 4096  # bytes, or items, that are put together
TO_TENSOR = " Of torchvision's transforms, PILToTensor keeps uint8, ToTensor does not."
WITHIN = ("batch_sampler", "sampler", "dataset", "state")  # where a loader keeps which share of the images is its own
SHARES = (("num_replicas", "rank"), ("num_processes", "process_index"))  # as torch and accelerate call them
DEPTH = 4


def from_dataset(source: Any) -> ImageSet:
    """Read the source once and keep the images: a loader may shuffle or augment, so a second pass would differ.

    An item is an image, or an image and its label: a PIL image, (h, w), (h, w, c) or (c, h, w). An item of a
    `DataLoader` with a batch size, and any item with four axes, is a batch of them. Many images are kept on the disk.
    """
    where = type(source).__name__
    batched = getattr(source, "batch_size", None) is not None
    _require_whole(source, where)
    kept, labels, number = _Kept(where), [], -1
    for number, item in enumerate(_items(source, where)):
        name = f"item {number} of {where}"
        image, label = _split(item, where)
        part = _part(image, name, batched=batched)
        if number == 0:
            _require_end(operator.length_hint(source, 0) * len(part), part, where)
        kept.add(part, number)
        labels += [] if label is None else [_labels(label, len(part), name)]
    if labels and len(labels) != number + 1:
        raise WrongInputError(
            f"Every item of {where} must have a label, or none; {len(labels)} of {number + 1} items have. Add the "
            "others."
        )
    return kept.images(np.concatenate(labels) if labels else None)


def _require_whole(source: Any, where: str) -> None:
    """Refuse a loader that gives each process a share of the images, filled up with copies to equal length."""
    things = [source]
    for _ in range(DEPTH):
        for thing in things:
            for size, place in SHARES:
                if hasattr(thing, place) and isinstance(many := getattr(thing, size, 1), int) and many > 1:
                    raise WrongInputError(
                        f"{where} must give all images; it gives this process 1 of {many} shares of them, some twice. "
                        "Pass the data set itself, or a DataLoader that was not prepared for several processes."
                    )
        things = [part for thing in things for name in WITHIN if (part := getattr(thing, name, None)) is not None]


class _Kept:
    """The images of a source, as they come; small items are put together before they are kept."""

    def __init__(self, where: str) -> None:
        self.where, self.n = where, 0
        self._spool: Spool | None = None
        self._marks: list[NDArray[np.uint8]] = []
        self._waiting: list[NDArray[np.uint8]] = []
        self._bytes = 0

    def add(self, part: NDArray[np.uint8], number: int) -> None:
        spool = self._spool = self._spool or Spool((part.shape[1], part.shape[2], part.shape[3]))
        if part.shape[1:] != spool.shape:
            raise WrongInputError(
                f"All images of {self.where} must have one shape (c, h, w); item 0 has {spool.shape}, "
                f"item {number} has {part.shape[1:]}. Resize them with antialiasing, or measure them apart."
            )
        self.n += len(part)
        self._waiting.append(part)
        self._bytes += part.nbytes
        if self._bytes >= AT_ONCE or len(self._waiting) >= MANY:
            _require_end(self.n, part, self.where)
            self._keep()

    def _keep(self) -> None:
        if self._spool is not None and self._waiting:
            together = np.concatenate(self._waiting)
            self._marks.append(leaves(together))
            self._spool.write(self.n - len(together), together)
            self._waiting, self._bytes = [], 0

    def images(self, labels: NDArray[np.int64] | None) -> ImageSet:
        if self._spool is None:
            raise WrongInputError(f"{self.where} must hold at least one image; it is empty.")
        self._keep()
        shape, read = self._spool.shape, self._spool.read
        seen = Seen(root(np.concatenate(self._marks), shape))
        images = ImageSet(self.where, self.n, shape, lambda a, b: read(a, min(b, self.n)), labels, seen=seen)
        require_variety(images)
        return images


def _require_end(expected: int, part: NDArray[np.uint8], where: str) -> None:
    """Raise where so many images cannot be kept, in memory or on the disk."""
    if expected > MOST_IMAGES or expected * part[0].nbytes > IN_MEMORY + room():
        raise WrongInputError(
            f"{where} must end and fit on the disk; it has {expected:,} images of {part[0].nbytes:,} bytes or more. Of "
            "an endless sampler take so many: itertools.islice(source, 1000)."
        )


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
        join = " Of lists of images join them: [image for batch in batches for image in batch]."
        raise WrongInputError(
            f"Items of {where} must be an image or (image, label); got {what}. Pass a generator that yields such "
            f"items.{join if isinstance(item, list) else ''}"
        )
    return item, None


def _part(image: Any, name: str, *, batched: bool) -> NDArray[np.uint8]:
    """One image or one batch -> (n, c, h, w)."""
    if isinstance(image, Image.Image):
        return pixels(image, name)[None]
    if image is None:
        raise WrongInputError(f"{name} is no image but None, as where a safety checker took one away. Leave it out.")
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
