"""Faults that generators really have, made on purpose: the one vocabulary of `doctor`, `calibrate` and the controls.

A fault takes the images of a healthy generator, uint8 (n, c, h, w), and answers with those that a broken one would
have shown instead. The labels stay what they are: they are what was asked for. Nothing is changed in place, and the
same random generator gives the same images. Strengths are faint on purpose: a metric that sees these sees what is
worse.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganeval.core.registry import unknown_name
from ganeval.errors import TooFewSamplesError, UnknownNameError, WrongInputError
from ganeval.images.imageset import ImageSet

Images = NDArray[np.uint8]
Labels = NDArray[np.int64] | None
Need = Literal["labels", "train"]
REMEDY: Mapping[Need, str] = {
    "labels": "the labels that the images were asked for (classifier=, --classifier)",
    "train": "the images that the generator was trained on (train=, --train)",
}


@dataclass(frozen=True)
class Given:
    """What a fault is put into: images, the labels they were asked for, chance, and the training images."""

    images: Images
    labels: Labels
    rng: np.random.Generator
    train: ImageSet | None


@dataclass(frozen=True)
class Fault:
    """One fault. Called with images, labels and a random generator, it returns the broken images.

    sentence: what the broken generator does. amount: the strength in words, with a place for the number.
    """

    name: str
    sentence: str
    strength: float
    amount: str
    needs: frozenset[Need]
    make: Callable[[Given, float], Images]

    def __call__(
        self,
        images: Images,
        labels: Labels,
        rng: np.random.Generator,
        *,
        train: ImageSet | None = None,
        strength: float | None = None,
    ) -> Images:
        given = Given(images, labels, rng, train)
        for need in sorted(self.needs):
            if getattr(given, need) is None:
                raise WrongInputError(
                    f"The fault {self.name!r} needs {REMEDY[need]}. Pass them, or leave the fault out."
                )
        return self.make(given, self.strength if strength is None else strength)

    @property
    def how_much(self) -> str:
        return self.amount.format(self.strength)


FAULTS: dict[str, Fault] = {}


def fault(
    name: str, strength: float, amount: str, needs: Iterable[Need] = ()
) -> Callable[[Callable[[Given, float], Images]], Fault]:
    """Register a function; the first sentence of its docstring is what people read."""

    def registered(make: Callable[[Given, float], Images]) -> Fault:
        first = " ".join((make.__doc__ or "").split("\n\n")[0].split())
        FAULTS[name] = Fault(name, first, strength, amount, frozenset(needs), make)
        return FAULTS[name]

    return registered


def find_fault(name: str) -> Fault:
    """
    >>> find_fault("noise").how_much
    'standard deviation 16 of 255'
    """
    if name not in FAULTS:
        raise UnknownNameError(unknown_name("fault", name, FAULTS))
    return FAULTS[name]


# The set is wrong: too few classes, too few images, the wrong ones


@fault("drop-class", 1, "{:g} class", needs=["labels"])
def drop_class(given: Given, strength: float) -> Images:
    """The first class is never drawn: whoever asks for it gets an image of another class.

    That image is in the set already, so metrics of duplicates see the fault, too.
    """
    assert given.labels is not None
    first = np.isin(given.labels, np.unique(given.labels)[: round(strength)])
    lost, kept = np.flatnonzero(first), np.flatnonzero(~first)
    if not len(kept):
        raise TooFewSamplesError("The fault 'drop-class' needs images of another class, too. Ask for more classes.")
    broken = given.images.copy()
    broken[lost] = given.images[given.rng.choice(kept, size=len(lost))]
    return broken


@fault("collapse", 50, "{:g} images")
def collapse(given: Given, strength: float) -> Images:
    """Only a few different images are left, each of its own class where there are labels."""
    broken = given.images.copy()
    asked = np.zeros(len(broken), np.int64) if given.labels is None else given.labels
    classes = np.unique(asked)
    share = max(1, round(strength) // len(classes))
    for c in classes:
        rows = np.flatnonzero(asked == c)
        broken[rows] = given.images[given.rng.choice(rows[:share], size=len(rows))]
    return broken


@fault("label-shuffle", 0.05, "{:.0%} of the images", needs=["labels"])
def shuffle_labels(given: Given, strength: float) -> Images:
    """Some requests are answered with the image of another request, as a broken conditioning does."""
    n = len(given.images)
    rows = given.rng.choice(n, size=min(n, max(2, round(strength * n))), replace=False)
    broken = given.images.copy()
    broken[rows] = given.images[np.roll(rows, 1)]
    return broken


# Every image is wrong


@fault("blur", 1 / 28, "sigma {:.2g} of the width, at least 0.7 pixels")
def blur(given: Given, strength: float) -> Images:
    """Every image is blurred by a Gaussian."""
    from scipy.ndimage import gaussian_filter

    sigma = max(given.images.shape[3] * strength, 0.7)
    return _to_uint8(gaussian_filter(given.images.astype(np.float32), (0, 0, sigma, sigma)))


@fault("noise", 16, "standard deviation {:g} of 255")
def noise(given: Given, strength: float) -> Images:
    """Every pixel has Gaussian noise."""
    return _to_uint8(given.images + given.rng.normal(0, strength, given.images.shape))


@fault("shift", 2, "{:g} pixels, half of that on images under 16 pixels")
def shift(given: Given, strength: float) -> Images:
    """Every image is moved to the right, its left edge repeated."""
    return _moved(given.images, round(strength if given.images.shape[3] >= 16 else strength / 2))


@fault("checkerboard", 6, "{:g} of 255")
def checkerboard(given: Given, strength: float) -> Images:
    """Every other pixel is brighter, like the squares of one colour: what transposed convolutions leave behind."""
    h, w = given.images.shape[2:]
    squares = (np.arange(h)[:, None] + np.arange(w)) % 2 == 0
    return _to_uint8(given.images + strength * squares)


@fault("jpeg", 75, "quality {:g}")
def jpeg(given: Given, strength: float) -> Images:
    """Every image was saved as a JPEG and read again."""
    return np.stack([_as_jpeg(image, round(strength)) for image in given.images])


@fault("quantise", 4, "{:g} bits")
def quantise(given: Given, strength: float) -> Images:
    """Every pixel has one of a few evenly spaced grey levels."""
    step = 255 / (2 ** round(strength) - 1)
    return _to_uint8(np.rint(given.images / step) * step)


@fault("aliasing", 2, "by a factor of {:g}")
def aliasing(given: Given, strength: float) -> Images:
    """Every image was made small without smoothing and large again by repeating pixels."""
    rows, columns = (np.arange(size) // round(strength) * round(strength) for size in given.images.shape[2:])
    return given.images[:, :, rows][:, :, :, columns]


# The generator remembers


@fault("copies", 1.0, "{:.0%} of the images", needs=["train"])
def copies(given: Given, strength: float) -> Images:
    """The images are training images of the class asked for, none of them twice, as far as there are enough."""
    return _copied(given, strength, lambda images: images)


@fault("few-copies", 0.05, "{:.0%} of the images", needs=["train"])
def few_copies(given: Given, strength: float) -> Images:
    """A few of the images are training images, the others are not."""
    return _copied(given, strength, lambda images: images)


@fault("shifted-copies", 1, "{:g} pixel", needs=["train"])
def shifted_copies(given: Given, strength: float) -> Images:
    """The images are training images moved to the right, so that no pixel is where it was."""
    return _copied(given, 1.0, lambda images: _moved(images, round(strength)))


@fault("mirrored-copies", 1.0, "{:.0%} of the images", needs=["train"])
def mirrored_copies(given: Given, strength: float) -> Images:
    """The images are training images, left and right exchanged."""
    return _copied(given, strength, lambda images: images[..., ::-1])


def _copied(given: Given, share: float, change: Callable[[Images], Images]) -> Images:
    """A share of the images replaced by training images, changed; where those of a class run out, the image stays."""
    train, n = given.train, len(given.images)
    assert train is not None
    if train.shape != given.images.shape[1:]:
        raise WrongInputError(
            f"Copies of training images must have the shape of the images, {given.images.shape[1:]}; those of "
            f"{train.source} have {train.shape}. Pass training images of that shape, or leave the fault out."
        )
    asked, known = np.zeros(n, np.int64), np.zeros(len(train), np.int64)
    if given.labels is not None and train.labels is not None:
        asked, known = given.labels, train.labels
    couples = _couples(asked, known, given.rng)[: max(1, round(share * n))]
    if not len(couples):
        raise WrongInputError(f"{train.source} has no image of a class that was asked for. Pass training images of it.")
    broken = given.images.copy()
    broken[couples[:, 0]] = change(train.take(couples[:, 1]).array())
    return broken


def _couples(asked: NDArray[np.int64], known: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """(m, 2): a row of `asked` and one of `known` of the same class, no row twice, as many as there are; shuffled."""
    found = [np.empty((0, 2), np.int64)]
    for c in np.unique(asked):
        rows, others = (rng.permutation(np.flatnonzero(labels == c)) for labels in (asked, known))
        m = min(len(rows), len(others))
        found.append(np.stack([rows[:m], others[:m]], axis=1))
    return rng.permutation(np.concatenate(found))


def _moved(images: Images, pixels: int) -> Images:
    return images[..., np.maximum(np.arange(images.shape[3]) - pixels, 0)]


def _as_jpeg(image: Images, quality: int) -> Images:
    """(c, h, w) -> the same, with three channels as colours and one as grey."""
    pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "JPEG", quality=quality)
    read = np.asarray(Image.open(buffer))
    return read[None] if len(image) == 1 else read.transpose(2, 0, 1)


def _to_uint8(values: NDArray[np.floating]) -> Images:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
