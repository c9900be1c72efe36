"""A judge for images that no shipped classifier knows: trained, calibrated and measured as those are, with a card.

It lies in two files, NAME.safetensors and NAME.json; the path of the first is its name wherever a classifier is named.
Judges are kept in the user cache by the images and the recipe that they were made of, so that none is trained twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganeval.classifiers.card import Card
from ganeval.classifiers.classifier import Classifier
from ganeval.classifiers.member import Part, Trained, load_stored, settled
from ganeval.classifiers.network import Architecture, empty_folded
from ganeval.classifiers.train_own import judge_recipe
from ganeval.classifiers.training import Recipe, fit
from ganeval.core.files import open_regular, write_atomic
from ganeval.core.folders import cache_root
from ganeval.datasets.dataset import Split
from ganeval.errors import BrokenRunError, TooFewSamplesError, WrongInputError, printable
from ganeval.images.imageset import ImageSet

SUFFIX = ".safetensors"
SHARES = {"held out": 0.1, "test": 0.1}  # of each class; the rest is trained on
MOST_HELD = 1000  # images that are held out
LEAST_OF_CLASS, LEAST = 3, 50  # images
PASSES, BATCH = 8, 128
STEPS = (200, 2000)  # of a training, at least and at most
SIDES = (8, 64)  # pixels
MAX_BYTES = 8 * 2**30
MAX_SIZE = 4096  # of anything that a card may name


class Rows(NamedTuple):
    """Row numbers, sorted: what is trained on, what is held out to choose and calibrate by, what is reported on."""

    train: NDArray[np.int64]
    held_out: NDArray[np.int64]
    test: NDArray[np.int64]


def split_rows(labels: NDArray[np.int64] | None, n: int, seed: int, *, name: str = "The images") -> Rows:
    """Eight, one and one tenth of each class, drawn by `seed`; without labels, of all.

    Raises: TooFewSamplesError below 50 images, or 3 of a class: a part of them would be empty.

    >>> [len(part) for part in split_rows(None, 100, 0)]
    [80, 10, 10]
    """
    groups = np.zeros(n, np.int64) if labels is None else labels
    _require_enough(groups, name)
    rng, parts = np.random.default_rng(seed), ([], [], [])
    for k in np.unique(groups):
        rows = rng.permutation(np.flatnonzero(groups == k))
        test = max(1, round(SHARES["test"] * len(rows)))
        held = max(1, min(round(SHARES["held out"] * len(rows)), MOST_HELD * len(rows) // n))
        for part, chosen in zip(parts, (rows[test + held :], rows[test : test + held], rows[:test]), strict=True):
            part.append(chosen)
    return Rows(*(np.sort(np.concatenate(part)) for part in parts))


def _require_enough(groups: NDArray[np.int64], name: str) -> None:
    classes, counts = np.unique(groups, return_counts=True)
    if len(groups) < LEAST:
        raise TooFewSamplesError(
            f"{name} must be at least {LEAST} images, to learn from and to be judged on; got {len(groups)}. Add images."
        )
    if counts.min() < LEAST_OF_CLASS:
        k = int(counts.argmin())
        raise TooFewSamplesError(
            f"Every class needs at least {LEAST_OF_CLASS} images, to learn from, to choose by and to be judged on; "
            f"class {classes[k]} of {name} has {counts[k]}. Add images, or leave the class out."
        )


def parts_of(images: ImageSet, seed: int = 0) -> dict[str, Part]:
    """The three parts of a labelled set. Raises `WrongInputError` for what no judge can learn."""
    c, h, w = images.shape
    if images.labels is None:
        raise WrongInputError(
            f"A judge learns from labelled images; {images.source} has no labels. {images.unlabelled} Put the images "
            "of each class into a folder of its own, or pass --extractor in place of a judge."
        )
    if not all(SIDES[0] <= side <= SIDES[1] for side in (h, w)):
        raise WrongInputError(
            f"A judge looks at images of {SIDES[0]} to {SIDES[1]} pixels a side; {images.source} has {h} x {w}. Resize "
            "them."
        )
    if len(images) * c * h * w > MAX_BYTES:
        raise WrongInputError(f"{images.source} has more than {MAX_BYTES // 2**30} GiB of pixels. Take a part of it.")
    rows = split_rows(images.labels, len(images), seed, name=images.source)
    whole = Split(images.array(), images.labels)
    return {
        use: Part.of(f"{Path(images.source).name}, {use}", whole, chosen)
        for use, chosen in zip(("train", "held out", "test"), rows, strict=True)
    }


def train_judge(name: str, parts: Mapping[str, Part], class_names: tuple[str, ...]) -> Trained:
    """Train on `train`, set the temperature on `held out`, measure on `test`; all of it stands on the card."""
    train = parts["train"]
    if len(class_names) < 2 or len(np.unique(train.labels.numpy())) < 2:
        raise WrongInputError(f"A judge tells at least 2 classes apart; {name} has one. Pass --extractor in its place.")
    recipe = _recipe(train, len(class_names))
    network = fit(train.images, train.labels, recipe, progress=f"judge of {name}")
    return settled(
        name,
        network,
        parts,
        recipe=asdict(recipe),
        seed=recipe.seed,
        licence="that of the images",
        class_names=class_names,
        command=f"ganeval zoo train {name}",
    )


def _recipe(train: Part, classes: int) -> Recipe:
    n, (c, h, w) = len(train.images), train.images.shape[1:]
    steps = min(max(PASSES * n // BATCH, STEPS[0]), STEPS[1])
    recipe = judge_recipe((c, h, w), classes, seed=0, epochs=1).with_steps(steps, n)
    embedding = max(2, min(recipe.architecture.embedding, n // 4))  # of full rank on the training images
    return replace(recipe, architecture=replace(recipe.architecture, embedding=embedding), threads=1)


def kept_judge(name: str, parts: Mapping[str, Part], class_names: tuple[str, ...], folder: Path | None = None) -> Path:
    """The weights of the judge of these images, from the cache (or `folder`), else trained now and kept there."""
    key = json.dumps(
        [asdict(_recipe(parts["train"], len(class_names))), class_names, *(p.record() for p in parts.values())]
    )
    stem = hashlib.sha256(key.encode()).hexdigest()[:20]
    path = (folder or cache_root() / "judges") / f"{stem}{SUFFIX}"
    if not (path.is_file() and path.with_suffix(".json").is_file()):
        train_judge(name, parts, class_names).write(path.parent, stem)
    return path


def copy_judge(path: Path, folder: Path, stem: str) -> Path:
    """Weights and card once more, as `stem` in `folder`."""
    for suffix in (".json", SUFFIX):
        write_atomic(folder / f"{stem}{suffix}", path.with_suffix(suffix).read_bytes())
    return folder / f"{stem}{SUFFIX}"


def is_judge(name: str) -> bool:
    """Whether a classifier's name is the path of such weights."""
    return name.endswith(SUFFIX)


def load_judge(name: str) -> Classifier:
    """The judge whose weights lie at this path, its card beside them; checked as the shipped ones are."""
    path = Path(name)
    with open_regular(path.with_suffix(".json")):
        card = Card.read(path.with_suffix(".json"))
    return load_stored(path.stem, partial(empty_folded, _architecture(card, path)), path.parent)


def _architecture(card: Card, path: Path) -> Architecture:
    stored: Any = card.recipe.get("architecture")
    try:
        stages = tuple(tuple(stage) for stage in stored["stages"])
        found = Architecture(**{**stored, "shape": tuple(stored["shape"]), "stages": stages})
        widths = (found.stem, found.stem_stride, found.embedding, *(width for stage in stages for width in stage))
        sound = len(found.shape) == 3 and all(_is_size(size) for size in (*found.shape, found.classes, *widths))
    except (TypeError, KeyError, ValueError):
        sound, found = False, None
    if not sound or found is None:
        raise BrokenRunError(f"The card of {printable(path)} must say how its network is built. Train the judge again.")
    return found


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 < value <= MAX_SIZE
