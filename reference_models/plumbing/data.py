"""Training data as one uint8 tensor on the device, in an order that is a function of (seed, images seen).

Points in the plane (`points`) and stacked digits (`stacked`) answer the same questions by drawing; `loading` finds each
by its name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ganeval.errors import WrongInputError
from reference_models.plumbing.sampling import to_uint8
from reference_models.plumbing.seeds import generator


@dataclass(frozen=True, eq=False)
class Data:
    """Images uint8 (n, c, h, w) and labels int64 (n,) to train on, and some that are held out to watch overfitting."""

    name: str
    class_names: tuple[str, ...]
    images: torch.Tensor
    labels: torch.Tensor
    held_images: torch.Tensor
    held_labels: torch.Tensor
    seed: int = 0
    used: str = ""  # "hoda:train", for the record
    labelled: bool = True  # False: the classes are one, which nobody named
    test: tuple[torch.Tensor, torch.Tensor] | None = (
        None  # images and labels to report on, where no registered split is
    )
    size: int = 0  # pixels a side that batches are resampled to; 0 leaves them
    _order: dict[int, torch.Tensor] = field(default_factory=dict, repr=False)

    @classmethod
    def empty(cls, name: str, class_names: tuple[str, ...], shape: tuple[int, int, int]) -> Self:
        """No images, only what a network must know of them: enough to rebuild a generator."""
        images, labels = torch.zeros((0, *shape), dtype=torch.uint8), torch.zeros(0, dtype=torch.int64)
        return cls(name, class_names, images, labels, images, labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(c, h, w) of a batch."""
        c, h, w = self.native
        return c, self.size or h, self.size or w

    @property
    def native(self) -> tuple[int, int, int]:
        """(c, h, w) as the data set has them: what evaluation sees."""
        _, c, h, w = self.images.shape
        return c, h, w

    @property
    def device(self) -> torch.device:
        return self.images.device

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the images trained on and held out, with their labels: what a resumed run must find again."""
        digest = hashlib.sha256(repr(self.class_names).encode())
        for part in (self.images, self.labels, self.held_images, self.held_labels, *(self.test or ())):
            digest.update(f"{part.dtype} {list(part.shape)}".encode())
            digest.update(part.contiguous().cpu().numpy().data)
        return digest.hexdigest()

    @cached_property
    def frequencies(self) -> torch.Tensor:
        """Share of each class among the training labels, (k,)."""
        return torch.bincount(self.labels, minlength=len(self.class_names)).double() / len(self.labels)

    def batch(self, seen: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Images `seen` to `seen + size` of the endless order: float (size, c, h, w) in [-1, 1], labels (size,).

        Every epoch is a full permutation; a batch may end one and begin the next, so no image is left out. The state
        of the order is the number of images seen, which is all that resuming needs.
        """
        rows = torch.cat(list(self._rows(seen, size)))
        return resample(to_float(self.images[rows]), self.shape), self.labels[rows]

    def held_out(self, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The same `size` held-out images each time (fewer where there are fewer), like `batch`."""
        return resample(to_float(self.held_images[:size]), self.shape), self.held_labels[:size]

    def export(self, images: torch.Tensor) -> NDArray[Any]:
        """Generated float images (n, c, h, w) at the size trained on, as evaluation sees them: uint8, native size."""
        return to_uint8(resample(images, self.native))

    def _rows(self, seen: int, size: int):
        n = len(self.images)
        while size > 0:
            epoch, offset = divmod(seen, n)
            taken = min(size, n - offset)
            yield self._permutation(epoch)[offset : offset + taken]
            seen, size = seen + taken, size - taken

    def _permutation(self, epoch: int) -> torch.Tensor:
        if epoch not in self._order:
            self._order.clear()
            rows = torch.randperm(len(self.images), generator=generator(self.seed, "order", epoch))
            self._order[epoch] = rows.to(self.images.device)
        return self._order[epoch]

    def only(self, classes: Sequence[int]) -> Self:
        """Only the images of some classes; the numbering of the classes stays."""
        known = range(len(self.class_names))
        if any(c not in known for c in classes):
            raise WrongInputError(f"Classes must be in 0..{len(self.class_names) - 1}; got {list(classes)}.")
        kept = torch.isin(self.labels, torch.tensor(classes, device=self.labels.device))
        held = torch.isin(self.held_labels, torch.tensor(classes, device=self.labels.device))
        if len(self.images) and not kept.any():
            raise WrongInputError(f"{self.name} has no images of the classes {list(classes)}. Take others.")
        return replace(
            self,
            images=self.images[kept],
            labels=self.labels[kept],
            held_images=self.held_images[held],
            held_labels=self.held_labels[held],
            _order={},
        )

    def at(self, size: int) -> Self:
        """The same images, resampled to `size` pixels a side when they are drawn."""
        return replace(self, size=size, _order={})

    def to(self, device: torch.device) -> Self:
        tensors = ("images", "labels", "held_images", "held_labels")
        return replace(self, **{name: getattr(self, name).to(device) for name in tensors}, _order={})


def to_float(images: torch.Tensor) -> torch.Tensor:
    """uint8 [0, 255] -> float32 [-1, 1]."""
    return images.float() / 127.5 - 1


def resample(images: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """Float (n, c, h, w) at the height and width of `shape`, bilinear and antialiased: a disc stays a disc."""
    if images.shape[2:] == shape[1:]:
        return images
    return F.interpolate(images, shape[1:], mode="bilinear", antialias=True)
