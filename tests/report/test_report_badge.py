"""Known faults, put into real digits and measured, against the word on the badge: a table,
and healthy sets without a word.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ganeval.images import image_set
from ganeval.measure.faults import FAULTS as VOCABULARY_OF_FAULTS
from ganeval.measure.faults import find_fault
from ganeval.measure.functions import evaluate
from ganeval.records.scores import Evaluation, Floor, ScoreRecord
from ganeval.records.story import story_of

N = 400
MEASURED = (
    "precision",
    "ms_ssim",
    "embedding_spread",
    "recall",
    "coverage",
    "duplicates",
    "copies",
    "changed_copies",
    "classifier_score",
    "class_balance",
    "missing_classes",
    "worst_packet",
)
Images, Labels = NDArray[np.uint8], NDArray[np.int64]
Fault = Callable[[Images, Labels, np.random.Generator], tuple[Images, Labels]]


@functools.cache
def _parts(seed: int = 0) -> list[tuple[Images, Labels]]:
    """Training images, real ones to compare with, and others in the place of generated ones: disjoint."""
    from ganeval.datasets.dataset import DATASETS

    splits = [DATASETS["digits"].load(name) for name in ("train", "test")]
    images, labels = (np.concatenate([getattr(split, key) for split in splits]) for key in ("images", "labels"))
    order = np.random.default_rng(seed).permutation(len(images))
    return [(images[rows], labels[rows]) for rows in (order[:N], order[N : 2 * N], order[2 * N : 3 * N])]


def _measured(fault: Fault, seed: int = 0) -> Evaluation:
    train, real, fakes = _parts(seed)
    faulty = fault(fakes[0].copy(), fakes[1].copy(), np.random.default_rng(seed))
    return evaluate(real, faulty, classifier="digits", train=train, metrics=MEASURED)


@functools.cache
def _healthy(seed: int = 0) -> Evaluation:
    return _measured(lambda x, y, _: (x, y), seed)


def _static(share: float) -> Fault:
    def fault(images: Images, labels: Labels, rng: np.random.Generator) -> tuple[Images, Labels]:
        hit = rng.permutation(len(images))[: int(share * len(images))]
        images[hit] = rng.integers(0, 256, images[hit].shape, dtype=np.uint8)
        return images, labels

    return fault


def _noise(size: float) -> Fault:
    return lambda images, labels, rng: (
        np.clip(images + rng.normal(0, size, images.shape), 0, 255).round().astype(np.uint8),
        labels,
    )


def _blur(size: float) -> Fault:
    return lambda images, labels, _: (
        gaussian_filter(images.astype(float), (0, 0, size, size)).round().astype(np.uint8),
        labels,
    )


def _copies(share: float) -> Fault:
    def fault(images: Images, labels: Labels, rng: np.random.Generator) -> tuple[Images, Labels]:
        hit = rng.permutation(len(images))[: int(share * len(images))]
        images[hit], labels[hit] = (part[hit] for part in _parts()[0])
        return images, labels

    return fault


def _wrong_labels(share: float) -> Fault:
    def fault(images: Images, labels: Labels, rng: np.random.Generator) -> tuple[Images, Labels]:
        hit = rng.permutation(len(images))[: int(share * len(images))]
        labels[hit] = (labels[hit] + 1) % 10
        return images, labels

    return fault


FAULTS: dict[str, tuple[Fault, str]] = {
    "30 % static": (_static(0.3), "noisy"),
    "only static": (_static(1.0), "noisy"),
    "noise": (_noise(40), "noisy"),
    "much noise": (_noise(100), "noisy"),
    "blur": (_blur(0.8), "blurred"),
    "much blur": (_blur(1.2), "blurred"),
    "a fifth copied": (_copies(0.2), "copied"),
    "all copied": (_copies(1.0), "copied"),
    "two classes lost": (lambda x, y, _: (x[y > 1], y[y > 1]), "collapsed"),
    "twenty images": (lambda x, y, _: (x[np.arange(N) % 20], y[np.arange(N) % 20]), "collapsed"),
    "one image": (lambda x, y, _: (np.repeat(x[:1], N, axis=0), y), "collapsed"),
    "a fifth mislabelled": (_wrong_labels(0.2), "mislabelled"),
    "half mislabelled": (_wrong_labels(0.5), "mislabelled"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_badge_names_the_fault(name: str) -> None:
    fault, word = FAULTS[name]
    story = story_of(_measured(fault).scores)
    assert story.word == word
    assert story.level in ("warn", "bad")
    assert any(character.isdigit() for character in story.sentences[0])


# Every fault that `ganeval doctor` knows, at its own strength and at another one, on 400 digits of 8 x 8: its words.
# What is too weak to be told at this n has no word; `docs/results/sight.md` says which metric sees it at which n.
VOCABULARY: dict[str, tuple[tuple[float, str], ...]] = {
    "drop-class": ((1, "collapsed"), (3, "collapsed")),
    "collapse": ((50, "collapsed"), (150, "collapsed")),
    "label-shuffle": ((0.05, "mislabelled"), (0.3, "mislabelled")),
    "blur": ((0.036, "blurred"), (0.2, "blurred")),
    "noise": ((16, "no fault found"), (48, "noisy")),
    "shift": ((2, "unrealistic"), (6, "unrealistic")),
    "checkerboard": ((6, "artefacts"), (18, "artefacts")),
    "jpeg": ((75, "no fault found"), (10, "unrealistic")),
    "quantise": ((4, "no fault found"), (1, "unrealistic")),
    "aliasing": ((2, "blurred"), (4, "blurred")),
    "copies": ((1.0, "copied"), (0.5, "copied")),
    "few-copies": ((0.05, "copied"), (0.3, "copied")),
    "shifted-copies": ((1, "copied"), (2, "unrealistic")),  # by two pixels of eight they are no copies any more
    "mirrored-copies": ((1.0, "copied"), (0.5, "copied")),
}


def test_every_fault_of_the_vocabulary_has_its_word_here() -> None:
    assert set(VOCABULARY) == set(VOCABULARY_OF_FAULTS)


@pytest.mark.study
@pytest.mark.parametrize(("name", "strength", "word"), [(n, s, w) for n, rows in VOCABULARY.items() for s, w in rows])
def test_the_badge_names_every_fault_of_the_vocabulary_that_it_can_tell(name: str, strength: float, word: str) -> None:
    train = image_set(_parts()[0][0])
    faulty = _measured(lambda x, y, rng: (find_fault(name)(x, y, rng, train=train, strength=strength), y))
    story = story_of(faulty.scores)
    assert story.word == word
    assert (story.badge == "no fault found at n = 400") == (word == "no fault found")
    assert ("noise, compression or a pattern too faint" in story.limits) == (word == "no fault found")


def test_a_few_wrong_labels_are_told_where_they_are_many_times_those_of_real_images() -> None:
    faulty = _measured(lambda x, y, rng: (find_fault("label-shuffle")(x, y, rng, strength=0.05), y))
    story = story_of(faulty.scores)
    assert story.word == "mislabelled"
    assert story.sentences == ("only 95.5 % of the images show the requested class (real images: 99.5 %)",)


def test_what_leaves_the_image_is_not_called_blurred() -> None:
    """It takes coarse detail as well as fine."""
    faulty = _measured(lambda x, y, rng: (find_fault("shift")(x, y, rng, strength=6), y))
    assert story_of(faulty.scores).word == "unrealistic"


def test_no_fault_found_says_at_which_n_and_what_it_cannot_show() -> None:
    story = story_of(_healthy().scores)
    assert story.badge == "no fault found at n = 400"
    assert story.limits == (
        "400 images cannot rule out (95 %): up to 1.4 % copies of training images; up to 3.6 % more images that do not "
        "look real than among real ones; up to 0.7 % more that show another class than was asked for; up to 3.9 % less "
        "of the variety of real images; noise, compression or a pattern too faint to change how real they look."
    )


def test_other_grey_values_than_real_images_have_are_no_pattern() -> None:
    """Real digits have 17 grey values, and whatever a network draws has all 256."""
    evaluation = _measured(lambda x, y, rng: (np.clip(x + rng.integers(-2, 3, x.shape), 0, 255).astype(np.uint8), y))
    assert evaluation["worst_packet"].details["worst"] == {"of": "values"}
    assert story_of(evaluation.scores).word == "no fault found"


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.study) for seed in range(1, 40))])
def test_real_images_in_the_generators_place_have_no_fault(seed: int) -> None:
    assert story_of(_healthy(seed).scores).word == "no fault found"


def _with(**scores: tuple[float, float, float | None]) -> Evaluation:
    """A healthy evaluation with some numbers changed: value, half-width of the interval, floor."""
    evaluation = _healthy()
    changed = {
        name: replace(
            evaluation[name],
            value=value,
            interval=(value - half, value + half),
            se=half / 1.96,
            floor=None if floor is None else Floor(floor, 0.001, N),
        )
        for name, (value, half, floor) in scores.items()
    }
    return replace(evaluation, scores={**evaluation.scores, **changed})


@pytest.mark.parametrize(
    ("scores", "word"),
    [
        ({"classifier_score": (0.895, 0.010, 0.94)}, "no fault found"),
        ({"classifier_score": (0.895, 0.010, 0.99)}, "mislabelled"),
        ({"classifier_score": (0.895, 0.010, None)}, "no fault found"),
        ({"classifier_score": (0.895, 0.002, None)}, "mislabelled"),
        ({"precision": (0.611, 0.03, 0.938)}, "unrealistic"),
        ({"precision": (0.611, 0.40, 0.938)}, "no fault found"),
        ({"recall": (0.2, 0.02, 0.9)}, "collapsed"),
        ({"recall": (0.6, 0.02, 0.9)}, "look closer"),
        ({"recall": (0.6, 0.20, 0.9)}, "no fault found"),
    ],
)
def test_a_fault_is_what_no_error_explains(scores: dict[str, tuple[float, float, float | None]], word: str) -> None:
    assert story_of(_with(**scores).scores).word == word


def test_a_floor_of_more_images_says_nothing_of_a_metric_that_grows_with_them() -> None:
    evaluation = _with(recall=(0.2, 0.02, 0.9))
    recall = replace(evaluation["recall"], floor=Floor(0.9, 0.001, 10 * N))
    scores: dict[str, ScoreRecord] = {**evaluation.scores, "recall": recall}
    assert story_of(scores).word == "no fault found"


@pytest.mark.parametrize(("corrected", "word"), [((0.9, 1.0), "no fault found"), ((0.6, 0.8), "mislabelled")])
def test_labels_are_not_held_against_images_that_the_classifier_has_learnt(
    corrected: tuple[float, float], word: str
) -> None:
    """Where training images stand in for real ones the classifier errs on none of them; its own errors are known."""
    evaluation = _with(classifier_score=(0.87, 0.02, 1.0))
    record = evaluation["classifier_score"]
    details = {**record.details, "corrected_interval": list(corrected)}
    learnt = replace(record, floor=Floor(1.0, 0.001, N, against="train"), details=details)
    assert story_of({**evaluation.scores, "classifier_score": learnt}).word == word
