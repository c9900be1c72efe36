"""`ImageSet`: uint8 NCHW images with optional labels, a length and a content fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import WrongInputError
from ganeval.images.labels import checked_labels
from ganeval.images.rows import checked_rows


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images that were checked once, here, and are trusted everywhere below.

    `load(start, stop)` returns rows start..stop as uint8 (m, c, h, w) in [0, 255]; c is 1 or 3. Reading is lazy:
    a folder of a million files costs nothing until it is walked. `source` is what to print: "hoda:test", "samples/".

    A set may be kept while what it was made of changes. Arrays, tensors and memory maps are looked at afresh: every
    use hashes them, so that new pixels get new features. Of files, `require_unchanged` raises at the next use.
    """

    source: str
    length: int
    shape: tuple[int, int, int]  # (c, h, w)
    load: Callable[[int, int], NDArray[np.uint8]]
    labels: NDArray[np.int64] | None = None  # (n,)
    class_names: tuple[str, ...] = ()
    unlabelled: str = ""  # why there are no labels although somebody may expect some
    require_unchanged: Callable[[], None] | None = None  # raises where the files are not those that were opened
    in_memory: bool = False  # the pixels lie in an array that anybody may write to

    def __post_init__(self) -> None:
        if self.length < 1:
            raise WrongInputError(f"{self.source} must hold at least one image; it is empty.")
        if self.shape[0] not in (1, 3):
            raise WrongInputError(
                f"{self.source} must have 1 or 3 channels; got {self.shape[0]}. Convert the images first."
            )
        if self.labels is not None:
            object.__setattr__(self, "labels", checked_labels(self.labels, self.length, self.source))
        if self.labels is not None and self.class_names and int(self.labels.max()) >= len(self.class_names):
            raise WrongInputError(
                f"{self.source} must have a name for every label; label {int(self.labels.max())} needs "
                f"{int(self.labels.max()) + 1} class names, got {len(self.class_names)}. Number classes from 0."
            )

    @classmethod
    def from_array(cls, images: NDArray[np.uint8], *, source: str = "array", labels: NDArray[np.int64] | None = None,
                   class_names: tuple[str, ...] = ()) -> Self:  # fmt: skip
        """An `ImageSet` over a checked uint8 (n, c, h, w) array; `ganeval.images.image_set` checks anything else."""
        if getattr(images, "ndim", 0) != 4 or images.dtype != np.uint8:
            raise WrongInputError(
                f"ImageSet.from_array takes a checked uint8 (n, c, h, w) array; got {type(images).__name__} of "
                f"{getattr(images, 'dtype', 'no type')} {tuple(getattr(images, 'shape', ()))}. Open it with image_set(x)."
            )
        _, c, h, w = images.shape
        return cls(
            source, len(images), (c, h, w), lambda start, stop: images[start:stop], labels, class_names, in_memory=True
        )

    def __len__(self) -> int:
        return self.length

    def batches(self, size: int) -> Iterator[NDArray[np.uint8]]:
        for start in range(0, self.length, size):
            yield self.load(start, min(start + size, self.length))

    def array(self) -> NDArray[np.uint8]:
        """All images at once, (n, c, h, w)."""
        return self.load(0, self.length)

    def take(self, rows: NDArray[np.int64], source: str | None = None) -> Self:
        """The images at `rows`, in that order, held in memory."""
        rows = checked_rows(rows, self.length)
        chosen = (
            np.concatenate([self.load(int(i), int(i) + 1) for i in rows])
            if len(rows) < self.length // 8
            else self.array()[rows]
        )
        labels = None if self.labels is None else self.labels[rows]
        return type(self).from_array(chosen, source=source or self.source, labels=labels, class_names=self.class_names)

    def with_labels(self, labels: NDArray[np.int64] | None, why: str = "") -> Self:
        """The same images with other labels of the same classes, or with none and the reason why."""
        return replace(self, labels=labels, unlabelled=why)

    def with_class_names(self, class_names: tuple[str, ...]) -> Self:
        return replace(self, class_names=class_names)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of shape, pixels and labels, in order; of what they are now."""
        if self.require_unchanged is not None:
            self.require_unchanged()
        digest = (self._hashed_pixels() if self.in_memory else self._hashed_files).copy()
        if self.labels is not None:
            digest.update(self.labels.astype("<i8").tobytes())
        return digest.hexdigest()

    @cached_property
    def _hashed_files(self) -> Any:
        return self._hashed_pixels()

    def _hashed_pixels(self) -> Any:
        digest = hashlib.sha256(repr((self.length, self.shape)).encode())
        for batch in self.batches(4096):
            digest.update(np.ascontiguousarray(batch).data)
        return digest
