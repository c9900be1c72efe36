"""Classes of two sides are matched by their names, or refused with both lists; never by their place in the alphabet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import ganeval
from ganeval.classifiers import wrap
from ganeval.errors import UndefinedError, WrongInputError
from ganeval.images import ImageSet, image_set
from ganeval.images.labels import Side, class_numbers, matched_labels
from ganeval.measure.doctor import doctor
from ganeval.records.protocol import Protocol

WORDS = ("zero", "one", "two")
LEVELS = (40, 120, 200)  # the grey of a class, by which a judge tells them
RNG = np.random.default_rng(3)


def images_of(names: tuple[str, ...], true: tuple[str, ...], n: int = 8) -> ImageSet:
    """n images a class in the grey of the class that they show; names as a folder would have them."""
    labels = np.repeat(np.arange(len(names)), n)
    level = np.array([LEVELS[WORDS.index(name)] for name in true])[labels]
    pixels = (level[:, None, None, None] + RNG.integers(0, 20, (len(labels), 1, 4, 4))).astype(np.uint8)
    return image_set(pixels, labels=labels, class_names=names)


def judge(names: tuple[str, ...], true: tuple[str, ...]) -> Any:
    """A network that tells the greys of `true` apart, in that order, and calls them `names`."""
    centres = torch.tensor([(LEVELS[WORDS.index(name)] + 10) / 255 for name in true])
    layer = torch.nn.Linear(16, len(names))
    with torch.no_grad():
        layer.weight.copy_((200 * centres / 16)[:, None].expand(-1, 16))
        layer.bias.copy_(-100 * centres**2)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Identity(), layer)
    to_unit = {"preprocess": lambda x: x.float() / 255, "preprocessing": "x / 255"}
    return wrap(network, name="tiny", class_names=names, layer="1", **to_unit)


def gan_test(fake: Any, classifier: Any, **given: Any) -> float:
    return float(ganeval.classifier_score(fake, classifier=classifier, **given))


def test_a_judge_with_another_order_judges_by_name() -> None:
    assert gan_test(images_of(("one", "two", "zero"), ("one", "two", "zero")), judge(WORDS, WORDS)) == 1.0


def test_a_judge_may_know_more_classes_than_the_images_show() -> None:
    assert gan_test(images_of(("one", "two"), ("one", "two")), judge(WORDS, WORDS)) == 1.0


@pytest.mark.parametrize("names", [("One", "TWO", "Zero"), ("one ", " two", "zero"), ("ONE", "two", "zero")])
def test_case_and_spaces_do_not_part_classes(names: tuple[str, ...]) -> None:
    assert gan_test(images_of(names, ("one", "two", "zero")), judge(WORDS, WORDS)) == 1.0


def test_digits_are_matched_by_their_value_in_any_script() -> None:
    fake = images_of(("0", "1", "2"), WORDS)
    assert gan_test(fake, judge(("۰", "۱", "۲"), WORDS)) == 1.0
    assert gan_test(fake, judge(("2", "1", "0"), ("two", "one", "zero"))) == 1.0


@pytest.mark.parametrize(
    "names",
    [
        ("0", "1", "2"),
        ("-1", "-2", "-3"),
        ("one", "three", "zero"),
        ("digit one", "digit two", "digit zero"),
        ("one", "One", "zero"),
    ],
)
def test_names_that_the_judge_does_not_know_are_refused_with_both_lists(names: tuple[str, ...]) -> None:
    with pytest.raises(UndefinedError) as refused:
        gan_test(images_of(names, ("one", "two", "zero")), judge(WORDS, WORDS))
    assert ", ".join(names) in str(refused.value)
    assert "zero, one, two" in str(refused.value)
    assert "class_names=" in str(refused.value)


def test_labels_without_names_are_numbers_of_the_judges_classes() -> None:
    named = images_of(("one", "two", "zero"), ("one", "two", "zero"))
    assert gan_test(named.array(), judge(("one", "two", "zero"), ("one", "two", "zero")), labels=named.labels) == 1.0


def test_bare_numbers_between_two_orders_are_refused() -> None:
    real = images_of(("one", "two", "zero"), ("one", "two", "zero"))
    with pytest.raises(UndefinedError, match=r"count their classes differently\. Say what the numbers mean"):
        gan_test(real.array(), judge(WORDS, WORDS), labels=real.labels, real=real)


def test_a_judge_without_names_judges_no_named_classes() -> None:
    sides = [Side("folder", np.array([0, 1]), ("ant", "bee")), Side("array", np.array([1, 0]), ())]
    folder, array = matched_labels(sides, (), "the judge")
    assert isinstance(folder, str)
    assert "the judge has no names" in folder
    assert isinstance(array, np.ndarray)


@pytest.mark.parametrize("metric", ["intra_kid", "intra_recall"])
def test_real_and_fake_classes_meet_by_name(metric: str) -> None:
    real = images_of(("one", "two", "zero"), ("one", "two", "zero"), n=20)
    fake = images_of(WORDS, WORDS, n=20)
    measure = getattr(ganeval, metric)
    right = image_set(fake.array(), labels=np.array([2, 0, 1])[fake.labels], class_names=real.class_names)
    mixed, same = measure(real, fake, extractor="pixels"), measure(real, right, extractor="pixels")
    assert mixed.details["by_class"] == same.details["by_class"]
    assert set(mixed.details["by_class"]) == set(WORDS)


def test_a_fake_class_that_the_real_set_lacks_is_refused_with_both_lists() -> None:
    real, fake = images_of(("one", "zero"), ("one", "zero")), images_of(("one", "two", "zero"), ("one", "two", "zero"))
    with pytest.raises(UndefinedError, match=r"has one, two, zero; .* has one, zero: 'two' is not among"):
        ganeval.intra_kid(real, fake, extractor="pixels")


def test_a_question_about_no_labels_does_not_mind_the_names() -> None:
    real, fake = images_of(("a", "b", "c"), WORDS), images_of(WORDS, WORDS)
    assert np.isfinite(ganeval.kid(real, fake, extractor="pixels"))


def test_one_evaluation_answers_what_it_can_and_says_why_not_the_rest() -> None:
    real, fake = images_of(("0", "1", "2"), WORDS), images_of(("0", "1", "2"), WORDS)
    names = ["intra_kid", "classifier_score"]
    found = ganeval.evaluate(real, fake, classifier=judge(WORDS, WORDS), metrics=names, floor=False)
    assert found["intra_kid"].ok
    assert set(found["intra_kid"].details["by_class"]) == {"0", "1", "2"}
    assert "Classes are matched by name" in found["classifier_score"].status


def test_the_eye_and_the_judge_may_count_differently() -> None:
    real = images_of(("one", "two", "zero"), ("one", "two", "zero"), n=20)
    fake = images_of(("two", "zero"), ("two", "zero"), n=20)
    tiny = judge(WORDS, WORDS)
    found = ganeval.evaluate(real, fake, classifier=tiny, metrics=["classifier_score"], floor=False)
    assert float(found["classifier_score"].value or 0) == 1.0


def test_classes_without_images_need_no_partner() -> None:
    assert class_numbers(("0", "1", "2"), ("0", "2"), np.array([0, 2]), "a", "b").tolist() == [0, -1, 1]


def test_two_classes_that_are_one_class_of_the_other_side_are_refused() -> None:
    with pytest.raises(WrongInputError, match="two of the former are one of the latter"):
        class_numbers(("Cat", "cat"), ("cat",), np.array([0, 1]), "a", "b")


def test_a_name_is_printed_as_one_line() -> None:
    with pytest.raises(WrongInputError, match=r"ca\\nt"):
        class_numbers(("ca\nt",), ("cat",), np.array([0]), "a", "b")


def test_the_doctor_judges_by_name_too() -> None:
    real = images_of(("one", "two", "zero"), ("one", "two", "zero"), n=100)
    protocol = Protocol(real=real, classifier=judge(WORDS, WORDS), n=60, metrics=("classifier_score", "class_balance"))
    found = {b.metric: b.healthy for b in doctor(protocol).baselines}
    assert found["classifier_score"] == 1.0


@pytest.mark.parametrize("n", [-5, 0, 2.5])
def test_the_doctor_takes_a_whole_number_of_images(n: Any) -> None:
    with pytest.raises(WrongInputError, match="n must be a whole number"):
        doctor(Protocol(real="digits:test", extractor="pixels", n=n))
