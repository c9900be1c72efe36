"""`ImageSet`: uint8 NCHW images with optional labels, a length and a content fingerprint."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import WrongInputError
from ganeval.images.fitting import Fit, require_shape
from ganeval.images.labels import checked_labels
from ganeval.images.leaves import Seen, leaves, root, with_labels
from ganeval.images.rows import checked_rows

if TYPE_CHECKING:
    from ganeval.images.encoded import Encoded

AT_ONCE = 2**26  # bytes of pixels that are hashed together


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
    encoded: Encoded | None = field(default=None, repr=False)  # of image files: their bytes
    block: int = 1  # images that are made together, where one cannot be had without those
    trial: Callable[[], NDArray[np.uint8]] | None = field(default=None, repr=False)  # of a generator: images of no set
    seen: Seen = field(default_factory=Seen, repr=False)

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
    def from_array(
        cls,
        images: NDArray[np.uint8],
        *,
        source: str = "array",
        labels: NDArray[np.int64] | None = None,
        class_names: tuple[str, ...] = (),
    ) -> Self:
        """An `ImageSet` over a checked uint8 (n, c, h, w) array; `ganeval.images.image_set` checks anything else."""
        if getattr(images, "ndim", 0) != 4 or images.dtype != np.uint8:
            raise WrongInputError(
                f"ImageSet.from_array takes a checked uint8 (n, c, h, w) array; got {type(images).__name__} of "
                f"{getattr(images, 'dtype', 'no type')} {tuple(getattr(images, 'shape', ()))}. Open it with "
                "image_set(x)."
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
        """The images at `rows`, in that order; those of an array are copied,
        others are read when they are asked for.
        """
        rows = checked_rows(rows, self.length)
        if not self.in_memory:
            return self.rows(rows, source)
        chosen = (
            np.concatenate([self.load(int(i), int(i) + 1) for i in rows])
            if len(rows) < self.length // 8
            else self.array()[rows]
        )
        labels = None if self.labels is None else self.labels[rows]
        return type(self).from_array(chosen, source=source or self.source, labels=labels, class_names=self.class_names)

    def rows(self, rows: NDArray[np.int64], source: str | None = None) -> Self:
        """The images at `rows`, in that order, looked at where they lie."""

        def load(start: int, stop: int) -> NDArray[np.uint8]:
            return np.concatenate([self.load(int(row), int(row) + 1) for row in rows[start:stop]])

        encoded = self.encoded and self.encoded.take(rows)
        return replace(
            self,
            source=source or self.source,
            length=len(rows),
            load=encoded.load if encoded else load,
            labels=None if self.labels is None else self.labels[rows],
            encoded=encoded,
            block=1,
            seen=Seen(),
        )

    def fitted(self, fit: Fit) -> Self:
        """The same images, each as `fit` makes it when it is read."""
        if self.trial is not None:
            raise WrongInputError("fit= is for images that lie somewhere. Let the generator return images that fit.")

        c, h, w = fit(self.load(0, 1)[0]).shape

        def load(start: int, stop: int) -> NDArray[np.uint8]:
            made = [fit(image) for image in self.load(start, stop)]
            for row, image in enumerate(made, start):
                require_shape(image, (c, h, w), f"image {row} of {self.source}")
            return np.stack(made)

        return replace(self, shape=(c, h, w), load=load, encoded=None, seen=Seen())

    def with_labels(self, labels: NDArray[np.int64] | None, why: str = "") -> Self:
        """The same images with other labels of the same classes, or with none and the reason why."""
        return replace(self, labels=labels, unlabelled=why)

    def with_class_names(self, class_names: tuple[str, ...]) -> Self:
        return replace(self, class_names=class_names)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of shape, pixels and labels, in order; of what they are now (`ganeval.images.leaves` says how)."""
        if self.require_unchanged is not None:
            self.require_unchanged()
        if self.in_memory or not self.seen.root:
            self.seen.root = root(np.concatenate([leaves(batch) for batch in self.batches(self._at_once)]), self.shape)
        return with_labels(self.seen.root, self.labels)

    @property
    def _at_once(self) -> int:
        return max(1, AT_ONCE // math.prod(self.shape))
