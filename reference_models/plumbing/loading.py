"""Training data by name: a registered data set, points in the plane, stacked digits, or images made up for tests."""

from __future__ import annotations

from pathlib import Path

import torch

from ganeval.datasets.dataset import DATASETS, Split
from ganeval.errors import WrongInputError
from reference_models.plumbing.data import Data
from reference_models.plumbing.own import load_own
from reference_models.plumbing.points import TOYS, Points
from reference_models.plumbing.seeds import generator
from reference_models.plumbing.stacked import STACKED, Stacked

HELD_OUT = ("val", "remaining")  # splits that nobody trains on and no result is reported on
HELD_OUT_SHARE, HELD_OUT_MOST = 0.1, 1000  # of the training split, where a data set has no such split
SYNTHETIC = {"synthetic": (1, 8, 8), "synthetic3": (3, 8, 8)}  # (c, h, w): for tests, made on the spot


def load_data(name: str, seed: int = 0, resize: int = 0) -> Data:
    """Images of yours where `name` is a path or an address (see `own`); else, by name, the training split of a
    registered data set, of `synthetic` (1 channel) and `synthetic3`, a toy's points, or stacks.

    Held out is the split `val` or `remaining` where there is one, else a tenth of the training split (at most 1,000),
    drawn by `seed`. The test split is never opened here. `resize` is for images of yours.
    """
    if is_own(name):
        return load_own(name, seed, resize)
    if resize:
        raise WrongInputError(f"--resize is for images of yours; {name} is a registered data set. Leave it out.")
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
                f"A run needs a data set with the splits 'train', to learn from, and 'test', to be judged on; {name} "
                f"has {', '.join(dataset.splits) or 'none'}. Give it a split {split!r}."
            )
    train = dataset.load("train")
    for split in HELD_OUT:
        if split in dataset.splits:
            return _data(name, dataset.classes, train, dataset.load(split), seed, f"{name}:train")
    return _hold_out(name, dataset.classes, train, seed)


def is_own(name: str) -> bool:
    """Whether it is the place of images, and no data set's name."""
    known = {*TOYS, *STACKED, *SYNTHETIC, *DATASETS.names()}
    return name not in known and (any(sign in name for sign in "/\\.") or Path(name).exists())


def blank_data(name: str, class_names: tuple[str, ...], shape: tuple[int, int, int]) -> Data:
    """No images, only what a network must know of them: enough to rebuild a generator without its data set."""
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
        rows, columns = (
            (slice(half * size // 2, (half + 1) * size // 2))
            for half, size in ((label // 2, height), (label % 2, width))
        )
        images[labels == label, :, rows, columns] += 160
    return Split(images.numpy(), labels.numpy())
