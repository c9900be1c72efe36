"""Arrays that other libraries hand over, networks that give probabilities, rows that are not there."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import ganeval
from ganeval.core.compute import Compute
from ganeval.errors import GanevalError, IncomparableError, TooFewSamplesError, UnexpectedError, WrongInputError
from ganeval.features.extraction import extract
from ganeval.features.matched import pixel_batches
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.measure.functions import evaluate

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(60, 4))
SHARES = RNG.dirichlet(np.full(5, 0.5), size=60)


@pytest.mark.parametrize(
    "logits",
    [
        torch.from_numpy(SHARES).bfloat16().float(),
        torch.from_numpy(SHARES).half().float(),
        torch.from_numpy(100 * SHARES),
        torch.from_numpy(255 * SHARES).round(),
        torch.from_numpy(ROWS).sigmoid(),
        torch.from_numpy(SHARES > 0.4).double(),
    ],
    ids=["bf16", "half", "percent", "bytes", "sigmoid", "votes"],
)
def test_probabilities_of_every_kind_are_refused_as_logits(logits: torch.Tensor) -> None:
    with pytest.raises(WrongInputError, match="probabilities"):
        Features.given(ROWS, logits=logits)


@pytest.mark.parametrize(
    "logits",
    [np.log(SHARES + 1e-9), 3 * ROWS, np.maximum(9 * ROWS, 0), np.zeros((60, 3))],
    ids=["logarithms", "logits", "rectified", "zeros"],
)
def test_what_may_be_logits_is_taken(logits: np.ndarray) -> None:
    assert len(Features.given(ROWS, logits=logits)) == 60


@pytest.mark.parametrize("total", [1, 100, 255])
def test_rows_of_one_sum_are_probabilities_where_shares_are_written_with_it(total: int) -> None:
    with pytest.raises(WrongInputError, match="probabilities"):
        Features.given(ROWS, logits=total * SHARES)


@pytest.mark.parametrize("total", [9, 42, 1000])
def test_rows_of_another_sum_are_logits(total: int) -> None:
    """9 times the classes, one-hot, is a network that is sure: such logits sum to 9."""
    assert len(Features.given(ROWS, logits=total * SHARES)) == 60
    assert len(Features.given(ROWS, logits=total * np.eye(5)[np.arange(60) % 5])) == 60


@pytest.mark.parametrize("side", ["features", "images", "labels"])
def test_masked_entries_are_never_measured(side: str) -> None:
    digits = image_set("digits:test")
    assert digits.labels is not None
    held = {"features": ROWS, "images": digits.array(), "labels": digits.labels}[side]
    masked = np.ma.masked_array(held, mask=held == held.flat[0])
    measured = {
        "features": lambda: ganeval.fid(masked, ROWS),
        "images": lambda: image_set(masked),
        "labels": lambda: image_set(digits, labels=masked),
    }
    with pytest.raises(WrongInputError, match="masked"):
        measured[side]()


@pytest.mark.parametrize(
    "same",
    [
        lambda x: x.astype(">f8"),
        lambda x: x.astype(np.longdouble),
        lambda x: x[::-1].copy()[::-1],
        np.ma.masked_array,
        lambda x: torch.from_numpy(x).requires_grad_(),
        np.asfortranarray,
    ],
    ids=["big endian", "long double", "negative strides", "nothing masked", "requires grad", "column order"],
)
def test_an_array_of_another_make_has_the_same_number(same: Callable[[np.ndarray], Any]) -> None:
    assert float(ganeval.fid(same(ROWS), ROWS + 1)) == float(ganeval.fid(ROWS, ROWS + 1))


@pytest.mark.parametrize("size", [-1, 0, 2.5, "8", True])
def test_a_batch_must_hold_a_whole_number_of_images(size: Any) -> None:
    with pytest.raises(WrongInputError, match="batch_size must be a whole number"):
        extract(image_set("digits:test"), "digits", compute=Compute(batch_size=size, cache=False))


@pytest.mark.parametrize("images", ["digits:test", np.zeros((2, 1, 8, 8), np.uint8), None])
def test_extract_says_that_it_takes_image_sets(images: Any) -> None:
    with pytest.raises(WrongInputError, match=r"image_set\("):
        extract(images, "digits")


@pytest.mark.parametrize("rows", [[9999], [-1], [1.5], [], [[1]], "x", None])
def test_rows_that_are_not_there_are_no_rows(rows: Any) -> None:
    digits = image_set("digits:test")
    for holder in (digits, Features.given(ROWS)):
        with pytest.raises((WrongInputError, TooFewSamplesError), match=r"[Rr]ows"):
            holder.take(rows)


def test_a_mask_takes_the_rows_that_it_marks() -> None:
    digits = image_set("digits:test")
    assert digits.labels is not None
    assert set(np.asarray(digits.take(digits.labels == 3).labels)) == {3}
    assert len(Features.given(ROWS).take(ROWS[:, 0] > 0)) == (ROWS[:, 0] > 0).sum()


def test_two_judges_of_unlike_numbers_of_classes_are_not_compared() -> None:
    few, many = (Features.given(ROWS, logits=RNG.normal(size=(60, k))) for k in (3, 4))
    with pytest.raises(IncomparableError, match=r"3 classes.*4"):
        ganeval.evaluate(few, many, metrics=["class_balance"], floor=False)


@pytest.mark.parametrize("path", [".", "no\0where", "\udce9/" * 3000])
def test_features_that_cannot_be_kept_are_said(path: str) -> None:
    with pytest.raises(ganeval.GanevalError):
        Features.given(ROWS).save(path)
    with pytest.raises(ganeval.GanevalError):
        Features.load(path)


def test_a_list_of_metrics_holds_names() -> None:
    with pytest.raises(WrongInputError, match="names"):
        ganeval.evaluate(ROWS, ROWS, metrics=[3], floor=False)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("name", ["n", "seed", "labels", "precision", "device", "extractor"])
def test_an_array_in_the_place_of_a_setting_is_a_sentence(name: str) -> None:
    with pytest.raises(GanevalError) as caught:
        evaluate("digits:test", "digits:train", metrics=["fid"], **{"extractor": "pixels", name: np.ones((3, 3))})
    assert not isinstance(caught.value, UnexpectedError)


def test_sparse_rows_are_refused_and_brain_floats_with_ties_are_rows() -> None:
    with pytest.raises(WrongInputError, match="dense tensor"):
        Features.given(torch.eye(3).to_sparse())
    tied = Features.given(torch.ones(40, 3, dtype=torch.bfloat16))
    assert evaluate(tied, tied, metrics=["ndb"])["ndb"].status


def test_read_only_images_are_looked_at_without_a_warning(request: pytest.FixtureRequest) -> None:
    images = np.zeros((20, 1, 8, 8), np.uint8)
    images.flags.writeable = False
    side = replace(Features.given(np.random.default_rng(0).normal(size=(20, 3))), images=ImageSet.from_array(images))
    torch.set_warn_always(True)  # else only the first time in this process
    request.addfinalizer(lambda: torch.set_warn_always(False))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(next(pixel_batches(Pair(side, side)))[0]) == 20
