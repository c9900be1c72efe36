"""Faults that generators really have, made on purpose, to see whether a gate finds them. uint8 numpy images in and out.

Each takes images (n, c, h, w), the labels they were asked for (n,) or None, and a random generator; it returns the
images that the broken generator would have answered with. The labels stay: they are what was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from ganeval.core.registry import unknown_name
from ganeval.errors import UnknownNameError

Images = NDArray[np.uint8]
Labels = NDArray[np.int64] | None
Fault = Callable[[Images, Labels, np.random.Generator], Images]


def drop_class(images: Images, labels: Labels, rng: np.random.Generator) -> Images:
    """The first class is never drawn: whoever asks for it gets an image of another class."""
    if labels is None:
        raise UnknownNameError("drop-class needs a generator that is asked for labels; leave it out.")
    lost, kept = np.flatnonzero(labels == labels.min()), np.flatnonzero(labels != labels.min())
    broken = images.copy()
    broken[lost] = images[rng.choice(kept, size=len(lost))]
    return broken


def blur(images: Images, labels: Labels, rng: np.random.Generator) -> Images:  # noqa: ARG001 -- one signature
    """A 3 x 3 box, edges repeated: what a missing normalisation or a bad upsampling looks like."""
    padded = np.pad(images.astype(np.float32), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    h, w = images.shape[2:]
    total = sum(padded[:, :, i : i + h, j : j + w] for i in range(3) for j in range(3))
    return np.rint(np.asarray(total) / 9).astype(np.uint8)


def noise(images: Images, labels: Labels, rng: np.random.Generator) -> Images:  # noqa: ARG001 -- one signature
    """Gaussian grain of standard deviation 16 of 255."""
    return np.clip(np.rint(images + rng.normal(0, 16, images.shape)), 0, 255).astype(np.uint8)


def collapse(images: Images, labels: Labels, rng: np.random.Generator, keep: int = 50) -> Images:
    """Only 50 different images are left, each of its own class where there are labels."""
    broken = images.copy()
    asked = np.zeros(len(images), np.int64) if labels is None else labels
    classes = np.unique(asked)
    share = max(1, keep // len(classes))
    for c in classes:
        rows = np.flatnonzero(asked == c)
        broken[rows] = images[rng.choice(rows[:share], size=len(rows))]
    return broken


def shuffle_labels(images: Images, labels: Labels, rng: np.random.Generator, share: float = 0.05) -> Images:  # noqa: ARG001 -- one signature
    """One request in twenty is answered with the image of another request, as a broken conditioning does."""
    rows = rng.choice(len(images), size=round(share * len(images)), replace=False)
    broken = images.copy()
    broken[rows] = images[np.roll(rows, 1)]
    return broken


FAULTS: Mapping[str, Fault] = {
    "drop-class": drop_class,
    "blur": blur,
    "noise": noise,
    "collapse": collapse,
    "label-shuffle": shuffle_labels,
}
NEED_LABELS = ("drop-class", "label-shuffle")


def fault(name: str) -> Fault:
    if name not in FAULTS:
        raise UnknownNameError(unknown_name("fault", name, FAULTS))
    return FAULTS[name]
