"""What the networks are trained on: the 546 real images, and for most arms 252 more that are called malignant.

252 = 399 - 147 balances the classes, and is what the founding study added. Arms that add images differ in nothing but
which images these are, so each row of the result is a control for the one above it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.classifiers.augment import Augment, augment
from ganeval.classifiers.breastmnist import MALIGNANT
from ganeval.datasets.dataset import Split
from reference_models.plumbing.data import resample
from reference_models.plumbing.seeds import derive, generator
from studies.balanced.classifier import Material

Draw = Callable[[NDArray[np.int64], int], NDArray[np.uint8]]  # class labels (n,), seed -> generated images (n, c, h, w)

# No vertical flip: depth runs downwards in ultrasound. Corners are filled by reflection, not with black.
CHANGES = Augment(rotate=5, shift=1, flip=True, padding="reflection")
STUDY_SIZE = 64  # pixels of the study's generated images, before np.resize


@dataclass(frozen=True)
class Arm:
    """One way to train. `build(train, draw, seed)` gives its material; `added` says what the 252 images are."""

    name: str
    added: str
    build: Callable[[Split, Draw, int], Material]
    draws: bool = False  # needs a generator


def missing(train: Split) -> int:
    """How many malignant images would balance the classes: 252 in BreastMNIST."""
    malignant = int((train.labels == MALIGNANT).sum())
    return len(train.labels) - 2 * malignant


def with_malignant(train: Split, images: NDArray[np.uint8]) -> Material:
    """The real images and `images`, which are called malignant whatever they show."""
    labels = np.concatenate([train.labels, np.full(len(images), MALIGNANT)])
    return Material(np.concatenate([train.images, images]), labels)


def nothing(train: Split, _draw: Draw, _seed: int) -> Material:
    return Material(train.images, train.labels)


def class_weights(train: Split, _draw: Draw, _seed: int) -> Material:
    """Each class weighs as much as the other in the loss; the mean weight is 1."""
    counts = np.bincount(train.labels)
    return Material(train.images, train.labels, (len(train.labels) / (len(counts) * counts))[train.labels])


def oversampled(train: Split, _draw: Draw, seed: int) -> Material:
    return with_malignant(train, _repeated(train, seed))


def augmented(train: Split, _draw: Draw, seed: int) -> Material:
    """The images of `oversampled`, each flipped left to right or not, turned by up to 5 degrees, shifted by up to 1."""
    pixels = torch.from_numpy(_repeated(train, seed)).float() / 255
    changed = augment(pixels, CHANGES, generator(seed, "changes"))
    return with_malignant(train, (changed * 255).round().to(torch.uint8).numpy())


def generated(train: Split, draw: Draw, seed: int) -> Material:
    return with_malignant(train, _generated(train, draw, seed))


def shuffled(train: Split, draw: Draw, seed: int) -> Material:
    """Generated for labels that were dealt out at random, as an unconditional generator would: 73 % benign."""
    dealt = _random(seed, "dealt").permutation(train.labels)[: missing(train)]
    return with_malignant(train, draw(dealt, derive(seed, "shuffled")))


def garbled(train: Split, draw: Draw, seed: int) -> Material:
    """The images of `generated` at 64x64, then through np.resize, which wraps their first 784 pixels into 28 rows."""
    large = resample(torch.from_numpy(_generated(train, draw, seed)).float(), (1, STUDY_SIZE, STUDY_SIZE))
    pixels = large.round().to(torch.uint8).numpy()
    return with_malignant(train, np.stack([np.resize(image, train.images.shape[1:]) for image in pixels]))


def noise(train: Split, _draw: Draw, seed: int) -> Material:
    """Every pixel uniform in 0 to 255."""
    shape = (missing(train), *train.images.shape[1:])
    return with_malignant(train, _random(seed, "noise").integers(0, 256, shape, dtype=np.uint8))


ARMS = (
    Arm("none", "nothing", nothing),
    Arm("class weights", "nothing; malignant images weigh 2.7 times as much in the loss", class_weights),
    Arm("oversampling", "real malignant images once more", oversampled),
    Arm("augmentation", "real malignant images, flipped, turned, shifted", augmented),
    Arm("generated", "malignant images of the generator", generated, draws=True),
    Arm("label-shuffled", "images of the generator for random labels", shuffled, draws=True),
    Arm("np.resize", "the generated images, garbled as in the study", garbled, draws=True),
    Arm("noise", "uniform noise", noise),
)


def _generated(train: Split, draw: Draw, seed: int) -> NDArray[np.uint8]:
    return draw(np.full(missing(train), MALIGNANT, dtype=np.int64), derive(seed, "generated"))


def _repeated(train: Split, seed: int) -> NDArray[np.uint8]:
    """Malignant images in random order, all of them before any comes again."""
    rows, rng = np.flatnonzero(train.labels == MALIGNANT), _random(seed, "repeated")
    turns = -(-missing(train) // len(rows))
    return train.images[np.concatenate([rng.permutation(rows) for _ in range(turns)])[: missing(train)]]


def _random(seed: int, purpose: str) -> np.random.Generator:
    return np.random.default_rng(derive(seed, purpose))
