"""What holds for every fault, whatever it does, and what each of them is named for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ganeval.datasets.dataset import DATASETS
from ganeval.errors import TooFewSamplesError, UnknownNameError, WrongInputError
from ganeval.images.imageset import ImageSet
from ganeval.measure.faults import FAULTS, Fault, find_fault
from ganeval.measure.generators import breaking
from ganeval.records.protocol import Protocol
from studies.faults import render_page
from studies.page import DOCS

every_fault = pytest.mark.parametrize("fault", list(FAULTS.values()), ids=list(FAULTS))
RNG = np.random.default_rng(3)
GIVEN = {
    "digits": DATASETS["digits"].load("train").images[:400],
    "colour": RNG.integers(40, 200, (60, 3, 19, 20), dtype=np.uint8),
    "odd and small": RNG.integers(40, 200, (60, 1, 5, 3), dtype=np.uint8),
}
LABELS = {
    "digits": DATASETS["digits"].load("train").labels[:400],
    "colour": np.arange(60) % 4,
    "odd and small": np.arange(60) % 4,
}


def train_of(kind: str) -> ImageSet:
    images = DATASETS["digits"].load("test").images if kind == "digits" else 255 - GIVEN[kind]
    labels = DATASETS["digits"].load("test").labels if kind == "digits" else LABELS[kind]
    return ImageSet.from_array(images, source="train", labels=labels)


def broken(fault: Fault, kind: str = "digits", seed: int = 0, **more: Any) -> np.ndarray:
    return fault(GIVEN[kind], LABELS[kind], np.random.default_rng(seed), train=train_of(kind), **more)


def rows_in(images: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which of the images are among `known`, byte for byte."""
    seen = {image.tobytes() for image in known}
    return np.array([np.ascontiguousarray(image).tobytes() in seen for image in images])


@every_fault
@pytest.mark.parametrize("kind", list(GIVEN))
def test_a_fault_changes_a_copy_the_same_way_for_the_same_seed(fault: Fault, kind: str) -> None:
    images, labels, train = GIVEN[kind].copy(), LABELS[kind].copy(), train_of(kind)
    fingerprint = train.fingerprint
    found = fault(images, labels, np.random.default_rng(0), train=train)
    assert (found.dtype, found.shape) == (np.uint8, GIVEN[kind].shape)
    assert not np.array_equal(found, images)
    assert np.array_equal(images, GIVEN[kind])
    assert np.array_equal(labels, LABELS[kind])
    assert train.fingerprint == fingerprint
    assert np.array_equal(found, fault(images, labels, np.random.default_rng(0), train=train))


@every_fault
def test_a_fault_leaves_the_global_random_state_alone(fault: Fault) -> None:
    before = np.random.get_state(legacy=False)["state"]["key"].copy()
    broken(fault)
    assert np.array_equal(np.random.get_state(legacy=False)["state"]["key"], before)


@every_fault
def test_a_fault_is_at_work_in_the_least_set_there_is(fault: Fault) -> None:
    images, train = GIVEN["digits"][[0, 1]], train_of("digits")
    found = fault(images, np.array([0, 1]), np.random.default_rng(0), train=train)
    assert found.shape == images.shape
    assert fault.name == "collapse" or not np.array_equal(found, images)


@every_fault
def test_a_fault_says_in_a_sentence_what_it_does_and_how_much(fault: Fault) -> None:
    assert fault.sentence[0].isupper()
    assert fault.sentence.endswith(".")
    assert "{" not in fault.how_much
    assert any(digit in fault.how_much for digit in "0123456789")


@every_fault
def test_what_a_fault_needs_is_named_where_it_is_missing(fault: Fault) -> None:
    images, nothing = GIVEN["digits"], np.random.default_rng(0)
    if not fault.needs:
        assert not np.array_equal(fault(images, None, nothing), images)
        return
    with pytest.raises(WrongInputError, match=rf"'{fault.name}' needs the (labels|images)"):
        fault(images, None, nothing)


@pytest.mark.parametrize(("wrong", "near"), [("blurr", "blur"), ("chequerboard", "checkerboard"), ("Noise", "noise")])
def test_an_unknown_fault_names_the_nearest(wrong: str, near: str) -> None:
    with pytest.raises(UnknownNameError, match=f"Did you mean .*'{near}'"):
        find_fault(wrong)


@pytest.mark.parametrize("name", ["noise", "blur", "checkerboard", "label-shuffle", "few-copies"])
def test_more_of_a_fault_changes_more(name: str) -> None:
    images = GIVEN["digits"].astype(int)
    weak, strong = (
        np.abs(broken(FAULTS[name], strength=FAULTS[name].strength * factor) - images).mean() for factor in (1, 3)
    )
    assert strong > weak


def test_whoever_asks_for_the_dropped_class_gets_another_one() -> None:
    found, labels = broken(FAULTS["drop-class"]), LABELS["digits"]
    assert np.array_equal(found[labels > 0], GIVEN["digits"][labels > 0])
    assert rows_in(found[labels == 0], GIVEN["digits"][labels > 0]).all()


def test_the_only_class_cannot_be_dropped() -> None:
    with pytest.raises(TooFewSamplesError, match="another class"):
        FAULTS["drop-class"](GIVEN["digits"], np.zeros(400, np.int64), np.random.default_rng(0))


def test_a_collapse_leaves_fifty_images_of_their_own_classes() -> None:
    found, labels = broken(FAULTS["collapse"]), LABELS["digits"]
    assert len({image.tobytes() for image in found}) <= 50
    for c in range(10):
        assert rows_in(found[labels == c], GIVEN["digits"][labels == c]).all()


def test_one_request_in_twenty_gets_the_image_of_another() -> None:
    found = broken(FAULTS["label-shuffle"])
    assert (found != GIVEN["digits"]).any(axis=(1, 2, 3)).sum() == 20
    assert sorted(i.tobytes() for i in found) == sorted(i.tobytes() for i in GIVEN["digits"])


def test_the_checkerboard_is_six_grey_levels_on_every_other_pixel() -> None:
    found = broken(FAULTS["checkerboard"], "colour").astype(int) - GIVEN["colour"]
    assert np.array_equal(found[:, :, ::2, ::2], np.full_like(found[:, :, ::2, ::2], 6))
    assert (found[:, :, 1::2, ::2] == 0).all()
    assert found.mean() == 3.0


@pytest.mark.parametrize("kind", list(GIVEN))
def test_four_bits_are_sixteen_grey_levels(kind: str) -> None:
    found = broken(FAULTS["quantise"], kind)
    assert set(np.unique(found).tolist()) <= set(range(0, 256, 17))
    assert np.abs(found.astype(int) - GIVEN[kind]).max() <= 8


def test_an_aliased_image_shows_every_second_pixel_twice() -> None:
    found = broken(FAULTS["aliasing"], "odd and small")
    assert np.array_equal(found[:, :, 1, 1], GIVEN["odd and small"][:, :, 0, 0])
    assert np.array_equal(found[:, :, 4, 2], GIVEN["odd and small"][:, :, 4, 2])


def test_a_jpeg_of_colours_keeps_their_order() -> None:
    flat = np.zeros((2, 3, 16, 16), np.uint8)
    flat[:, 0], flat[:, 2] = 200, 60
    found = FAULTS["jpeg"](flat, None, np.random.default_rng(0))
    assert np.abs(found.astype(int) - flat).max() < 10


def test_copies_are_training_images_of_the_class_asked_for_and_none_comes_twice() -> None:
    found, labels, train = broken(FAULTS["copies"]), LABELS["digits"], DATASETS["digits"].load("test")
    copied = rows_in(found, train.images)
    assert copied.mean() > 0.95
    assert rows_in(found[~copied], GIVEN["digits"][~copied]).all()
    assert len({image.tobytes() for image in found[copied]}) == copied.sum()
    for c in range(10):
        assert rows_in(found[copied & (labels == c)], train.images[train.labels == c]).all()


def test_a_few_copies_are_one_in_twenty() -> None:
    assert rows_in(broken(FAULTS["few-copies"]), DATASETS["digits"].load("test").images).sum() == 20


def test_moved_copies_are_training_images_once_they_are_moved_back() -> None:
    known = DATASETS["digits"].load("test").images
    mirrored, shifted = broken(FAULTS["mirrored-copies"]), broken(FAULTS["shifted-copies"])
    assert rows_in(mirrored[..., ::-1], known).mean() > 0.95
    assert rows_in(shifted[..., 1:], known[..., :-1]).mean() > 0.95


def test_a_few_copies_are_found_among_classes_of_which_most_are_unknown() -> None:
    train = train_of("digits").take(np.flatnonzero(DATASETS["digits"].load("test").labels == 7))
    for seed in range(5):
        found = FAULTS["few-copies"](GIVEN["digits"], LABELS["digits"], np.random.default_rng(seed), train=train)
        copied = rows_in(found, train.array())
        assert copied.sum() == 20
        assert (LABELS["digits"][copied] == 7).all()


def test_training_images_are_copied_into_the_classes_that_they_have_by_name() -> None:
    names = tuple("9876543210")
    train = train_of("digits").with_labels(9 - DATASETS["digits"].load("test").labels).with_class_names(names)
    made, left_out = breaking(Protocol(train=train, classifier="digits"), ["copies"])
    found, labels = made["copies"](GIVEN["digits"], LABELS["digits"], np.random.default_rng(0)), LABELS["digits"]
    truly = DATASETS["digits"].load("test")
    assert not left_out
    for c in range(10):
        copied = rows_in(found[labels == c], truly.images[truly.labels == c])
        assert copied.mean() > 0.9


def test_what_cannot_be_made_is_left_out_with_the_reason() -> None:
    foreign = train_of("digits").with_class_names(tuple("abcdefghij"))
    made, left_out = breaking(Protocol(train=foreign, classifier="digits"))
    assert set(left_out) == {name for name, fault in FAULTS.items() if "train" in fault.needs}
    assert "the classifier's classes" in left_out["copies"]
    assert set(made) == set(FAULTS) - set(left_out)
    unlabelled = breaking(Protocol(train=foreign, classifier="digits", labels="none"))[1]
    assert set(unlabelled) == {"drop-class", "label-shuffle"}


def test_copies_without_labels_are_any_training_images() -> None:
    train = train_of("digits").with_labels(None)
    found = FAULTS["copies"](GIVEN["digits"], LABELS["digits"], np.random.default_rng(0), train=train)
    assert rows_in(found, train.array()).all()


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if "train" in fault.needs])
def test_training_images_that_cannot_be_copied_are_refused(name: str) -> None:
    images, labels = GIVEN["digits"], LABELS["digits"]
    with pytest.raises(WrongInputError, match=r"shape of the images, \(1, 8, 8\)"):
        FAULTS[name](images, labels, np.random.default_rng(0), train=train_of("colour"))
    others = train_of("digits").with_labels(np.full(len(train_of("digits")), 77))
    with pytest.raises(WrongInputError, match="no image of a class"):
        FAULTS[name](images, labels, np.random.default_rng(0), train=others)


def test_the_page_of_the_faults_is_up_to_date() -> None:
    assert render_page() == (DOCS / "faults.md").read_text(encoding="utf-8"), "run python -m studies faults"
