"""Training: seeded, repeatable, picky about its input, and harmless to the global random state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from ganeval.classifiers import CLASSIFIERS, train_classifier, zoo
from ganeval.classifiers.augment import Augment, augment
from ganeval.classifiers.card import Card
from ganeval.classifiers.digits import RECIPE
from ganeval.classifiers.member import WEIGHTS, load_stored, member
from ganeval.classifiers.network import Architecture, empty_folded, new_network
from ganeval.classifiers.train_own import judge_recipe
from ganeval.classifiers.training import Recipe, stratified_split
from ganeval.core.extractor import ExtractorSpec
from ganeval.datasets.dataset import DATASETS
from ganeval.errors import BrokenRunError, MissingFileError, UnknownNameError, WrongInputError

TRAIN, TEST = DATASETS["digits"].load("train"), DATASETS["digits"].load("test")
SMALL = Architecture((1, 8, 8), 10, ((16,), (32,)), stem=16, embedding=64)
DIGITS = partial(empty_folded, RECIPE.architecture)
BRIEF = replace(RECIPE, architecture=SMALL, epochs=1)


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_the_same_recipe_gives_the_same_bytes(tmp_path: Path) -> None:
    brief = member(BRIEF, "digits", held_out=0.15, summary="", licence="")
    assert brief.train is not None
    for folder in ("first", "second"):
        torch.rand(7)  # the global random state must not matter
        brief.train().write(tmp_path / folder, "digits")
    for name in ("digits.safetensors", "digits.json"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_another_seed_gives_other_weights() -> None:
    one, two = (train_classifier(TRAIN.images, TRAIN.labels, 10, seed=s, steps=4) for s in (0, 1))
    assert one.weights_sha256 != two.weights_sha256


def test_training_leaves_the_global_random_state_and_the_images_alone() -> None:
    torch.manual_seed(5)
    before, images = torch.get_rng_state(), TRAIN.images.copy()
    train_classifier(images, TRAIN.labels, 10, steps=3)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(images, TRAIN.images)


def test_a_judge_of_a_few_epochs_reads_digits() -> None:
    judge = train_classifier(TRAIN.images, TRAIN.labels, 10, epochs=6, val=(TRAIN.images[:200], TRAIN.labels[:200]))
    assert (judge.logits(TEST.images).argmax(1).numpy() == TEST.labels).mean() > 0.95
    assert judge.class_names == tuple("0123456789")


def test_arrays_that_cannot_be_written_are_read_without_complaint() -> None:
    images, labels = TRAIN.images[:64].copy(), TRAIN.labels[:64].copy()
    images.flags.writeable = labels.flags.writeable = False
    judge = train_classifier(images, labels, 10, steps=1, recipe=BRIEF)
    assert judge.logits(images).shape == (64, 10)


def test_a_collapsed_set_still_trains_a_judge_with_finite_rows() -> None:
    images, labels = TRAIN.images[:10].repeat(5, axis=0), TRAIN.labels[:10].repeat(5)
    judge = train_classifier(images, labels, 10, steps=3, recipe=BRIEF)
    embedded = judge(torch.from_numpy(TEST.images))
    assert torch.isfinite(embedded.embeddings).all()
    assert torch.isfinite(judge.logits(TEST.images)).all()


def test_a_judge_of_shuffled_labels_reads_nothing() -> None:
    labels = np.random.default_rng(0).permutation(TRAIN.labels)
    judge = train_classifier(TRAIN.images, labels, 10, recipe=replace(BRIEF, epochs=4))
    assert (judge.logits(TEST.images).argmax(1).numpy() == TEST.labels).mean() < 0.3


def test_a_class_without_images_is_never_learnt() -> None:
    rows = TRAIN.labels != 3
    judge = train_classifier(TRAIN.images[rows], TRAIN.labels[rows], 10, recipe=replace(BRIEF, epochs=4))
    predicted = judge.logits(TEST.images).argmax(1).numpy()
    assert not (predicted == 3).any()
    assert (predicted == TEST.labels)[TEST.labels != 3].mean() > 0.9


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 11, 9), (3, 64, 48)])
def test_a_judge_can_be_made_for_any_small_image(shape: tuple[int, int, int]) -> None:
    images = torch.randint(0, 256, (40, *shape), dtype=torch.uint8, generator=_generator())
    judge = train_classifier(images, [k % 2 for k in range(40)], 2, steps=2, recipe=_tiny(shape))
    assert judge(images[:3]).embeddings.shape == (3, 8)


def _tiny(shape: tuple[int, int, int]) -> Recipe:
    recipe = judge_recipe(shape, 2, seed=0, epochs=1)
    return replace(recipe, batch=16, architecture=replace(recipe.architecture, stages=((8,), (8,)), embedding=8))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (TRAIN.images.astype(np.float32) / 255, TRAIN.labels, "uint8 images .* got torch.float32"),
        (TRAIN.images[:, 0], TRAIN.labels, r"channels first"),
        (TRAIN.images, TRAIN.labels[:-1], "one label per image: 1347 images; got 1346 labels"),
        (TRAIN.images, TRAIN.labels / 2, "Labels of a classifier must be integers; got float64"),
        (TRAIN.images, np.eye(10, dtype=int)[TRAIN.labels], r"one integer per image.*one-hot rows take labels.argmax"),
        (
            TRAIN.images,
            TRAIN.labels.astype(str),
            r"must be integers; got <U\d+. Of names pass numbers and class_names=",
        ),
        (TRAIN.images, TRAIN.labels.astype("datetime64[s]"), "must be integers; got datetime64"),
        (TRAIN.images, TRAIN.labels + 1, "labelled 0 to 9; got 1347 labels from 1 to 10"),
        (TRAIN.images[:0], TRAIN.labels[:0], "at least 2 images"),
    ],
)
def test_a_judge_refuses_what_it_cannot_learn_from(images: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(WrongInputError, match=message):
        train_classifier(images, labels, 10)


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "uint64", "int8", ">i4"])
def test_a_judge_learns_from_labels_of_every_integer_type(dtype: str) -> None:
    images, labels = TRAIN.images[:40], TRAIN.labels[:40]
    judges = [train_classifier(images, own, 10, steps=1, recipe=BRIEF) for own in (labels, labels.astype(dtype))]
    assert judges[0].weights_sha256 == judges[1].weights_sha256


def test_a_learning_rate_that_diverges_is_named() -> None:
    recipe = replace(BRIEF, epochs=1, learning_rate=1e30)
    with pytest.raises(WrongInputError, match=r"diverged.*learning rate 1e\+30"):
        train_classifier(TRAIN.images, TRAIN.labels, 10, recipe=recipe)


def test_folding_changes_no_output() -> None:
    network = new_network(SMALL, _generator())
    images = torch.rand(300, 1, 8, 8, generator=_generator())
    for _ in range(3):
        network.train()(images)  # running statistics that are not the neutral ones
    for whole, folded in zip(network.eval()(images), network.folded()(images), strict=True):
        assert torch.allclose(whole, folded, atol=1e-5)


def test_the_held_out_part_is_disjoint_and_has_every_class() -> None:
    kept, held = stratified_split(TRAIN.labels, 0.1, seed=3)
    assert sorted([*kept, *held]) == list(range(len(TRAIN.labels)))
    shares = np.bincount(TRAIN.labels[held]) / np.bincount(TRAIN.labels)
    assert shares == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (Augment(shift=2), "moved"),
        (Augment(brightness=0.2), "brighter"),
        (Augment(flip=True), "mirrored"),
    ],
)
def test_each_change_does_what_its_name_says(how: Augment, expected: str) -> None:
    x = torch.zeros(64, 1, 9, 9)
    x[:, :, 4, 2] = 1.0
    y = augment(x, how, _generator())
    held: dict[str, Callable[[], bool]] = {
        "moved": lambda: bool((y.sum(dim=(1, 2, 3)) - 1).abs().max() < 1e-4) and not torch.equal(x, y),
        "brighter": lambda: bool((y[:, 0, 0, 0].amax() > 0.1) and (y >= 0).all() and (y <= 1).all()),
        "mirrored": lambda: set(y.argmax(dim=3)[:, 0, 4].tolist()) == {2, 6},
    }
    assert held[expected]()


def test_the_list_names_every_classifier_with_its_interval() -> None:
    text = zoo.render_list()
    assert [line.split()[0] for line in text.splitlines()] == CLASSIFIERS.names()
    assert "99.56 % [98.39, 99.88]" in text


def test_the_card_of_a_member_shows_recall_class_by_class() -> None:
    text = zoo.render_card("digits")
    assert "digits-cnn: 99.56 % on the test split" in text
    assert text.count("recall") == 10


def test_an_unknown_member_is_told_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'digits'"):
        zoo.render_card("digit")


def test_what_came_from_elsewhere_has_no_card_and_no_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = ExtractorSpec(name="foreign", load=CLASSIFIERS["digits"].load)
    monkeypatch.setattr("ganeval.core.registry._CACHE", {"ganeval.classifiers": {"foreign": foreign}})
    with pytest.raises(MissingFileError, match="'foreign' has no card"):
        zoo.render_card("foreign")
    with pytest.raises(UnknownNameError, match="no recipe for a classifier named 'foreign'"):
        zoo.train("foreign", "nowhere")


def test_weights_that_are_not_those_of_the_card_are_refused(tmp_path: Path) -> None:
    for name in ("digits.json", "digits.safetensors"):
        (tmp_path / name).write_bytes((WEIGHTS / name).read_bytes())
    load_stored("digits", DIGITS, tmp_path)
    damaged = bytearray((tmp_path / "digits.safetensors").read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "digits.safetensors").write_bytes(damaged)
    with pytest.raises(BrokenRunError, match="should have the SHA-256"):
        load_stored("digits", DIGITS, tmp_path)


def test_weights_of_another_shape_are_refused() -> None:
    with pytest.raises(BrokenRunError, match="does not hold conv3x3"):
        load_stored("digits", partial(empty_folded, SMALL))


def test_missing_weights_say_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="ganeval zoo train digits --out"):
        load_stored("digits", DIGITS, tmp_path)


def test_a_card_of_another_schema_is_refused(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text('{"schema": "ganeval.card/0"}')
    with pytest.raises(BrokenRunError, match=r"ganeval\.card/1"):
        Card.read(tmp_path / "card.json")


def test_a_card_survives_being_written_and_read(tmp_path: Path) -> None:
    card = zoo.card_of("digits")
    assert Card.read(card.write(tmp_path / "card.json")) == card


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(2, 1, 8, 8), r"takes uint8 images in \[0, 255\]; got torch.float32"),
        (torch.zeros(2, 1, 28, 28, dtype=torch.uint8), r"shape \(n, 1, 8, 8\); got \(2, 1, 28, 28\)"),
        (torch.arange(384, dtype=torch.int64).reshape(2, 3, 8, 8).to(torch.uint8), "got coloured RGB"),
        (torch.zeros(2, 8, 8, dtype=torch.uint8), r"got \(2, 8, 8\)"),
    ],
)
def test_a_member_refuses_images_it_was_not_trained_for(images: torch.Tensor, message: str) -> None:
    classifier = CLASSIFIERS["digits"].load()
    with pytest.raises(WrongInputError, match=message):
        classifier(images)


def test_an_unknown_precision_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="bf16, fp16, fp32"):
        CLASSIFIERS["digits"].load().to(torch.device("cpu"), "float8")
