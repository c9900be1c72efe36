"""Training data as one uint8 tensor on the device, in an order that is a function of (seed, images seen).

Points in the plane are in `points`, stacked digits in `stacked`: the same questions, answered by drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ganeval.datasets.dataset import DATASETS, Split
from ganeval.errors import WrongInputError
from reference_models.plumbing.sampling import to_uint8
from reference_models.plumbing.seeds import generator

HELD_OUT = ("val", "remaining")  # splits that nobody trains on and no result is reported on
HELD_OUT_SHARE, HELD_OUT_MOST = 0.1, 1000  # of the training split, where a data set has no such split
SYNTHETIC = {"synthetic": (1, 8, 8), "synthetic3": (3, 8, 8)}  # (c, h, w): for tests, made on the spot


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
        return replace(
            self, images=self.images[kept], labels=self.labels[kept],
            held_images=self.held_images[held], held_labels=self.held_labels[held], _order={},
        )  # fmt: skip

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


def load_data(name: str, seed: int = 0) -> Data:
    """The training split of a registered data set, of `synthetic` (1 channel) and `synthetic3`, a toy's points, or stacks.

    Held out is the split `val` or `remaining` where there is one, else a tenth of the training split (at most 1,000),
    drawn by `seed`. The test split is never opened here.
    """
    from reference_models.plumbing.points import TOYS, Points
    from reference_models.plumbing.stacked import STACKED, Stacked

    if name in TOYS:
        return Points.of(TOYS[name], seed)
    if name in STACKED:
        return Stacked.of(name, load_data(STACKED[name], seed))
    if name in SYNTHETIC:
        return _hold_out(name, tuple("abcd"), _synthetic(SYNTHETIC[name]), seed)
    dataset = DATASETS[name]
    for split in ("train", "test"):
        if split not in dataset.splits:
            raise WrongInputError(
                f"A run needs a data set with the splits 'train', to learn from, and 'test', to be judged on; {name} has "
                f"{', '.join(dataset.splits) or 'none'}. Give it a split {split!r}."
            )
    train = dataset.load("train")
    for split in HELD_OUT:
        if split in dataset.splits:
            return _data(name, dataset.classes, train, dataset.load(split), seed, f"{name}:train")
    return _hold_out(name, dataset.classes, train, seed)


def blank_data(name: str, class_names: tuple[str, ...], shape: tuple[int, int, int]) -> Data:
    """No images, only what a network must know of them: enough to rebuild a generator without its data set."""
    from reference_models.plumbing.points import TOYS, Points

    return Points.of(TOYS[name]) if name in TOYS else Data.empty(name, class_names, shape)


def _hold_out(name: str, classes: tuple[str, ...], train: Split, seed: int) -> Data:
    n = len(train.images)
    held = min(HELD_OUT_MOST, int(n * HELD_OUT_SHARE))
    rows = torch.randperm(n, generator=generator(seed, "held out")).numpy()
    kept, out = (Split(train.images[part], train.labels[part]) for part in (rows[held:], rows[:held]))
    return _data(name, classes, kept, out, seed, f"{name}:train without {held} images")


def _data(name: str, classes: tuple[str, ...], train: Split, held: Split, seed: int, used: str) -> Data:
    tensors = [torch.from_numpy(part) for part in (train.images, train.labels, held.images, held.labels)]
    return Data(name, classes, *tensors, seed=seed, used=used)


def _synthetic(shape: tuple[int, int, int], n: int = 256) -> Split:
    """Four classes told apart by the quarter of the image that is bright, with noise on top."""
    rng = generator(0, "synthetic")
    channels, height, width = shape
    labels = torch.arange(n) % 4
    images = torch.randint(0, 64, (n, channels, height, width), generator=rng, dtype=torch.uint8)
    for label in range(4):
        rows, columns = ((slice(half * size // 2, (half + 1) * size // 2))
                         for half, size in ((label // 2, height), (label % 2, width)))  # fmt: skip
        images[labels == label, :, rows, columns] += 160
    return Split(images.numpy(), labels.numpy())
