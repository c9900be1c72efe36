"""Copies that were changed: seen whatever was done to them, named, and not seen where there are none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, rotate

from ganeval.errors import IncomparableError, TooFewSamplesError, UndefinedError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.images.imageset import ImageSet
from ganeval.metrics.changed import chance, changed_copies, p_value
from ganeval.numerics.alignment import Gallery
from ganeval.records.findings import findings_of
from ganeval.records.headline import headline
from ganeval.records.score import ScoreRecord

SIDE, COPIED = 24, 15


def drawings(n: int, seed: int, channels: int = 1) -> np.ndarray:
    """Smooth drawings of many degrees of freedom: no two are alike."""
    noise = np.random.default_rng([seed, 5]).normal(size=(n, channels, SIDE, SIDE))
    return np.clip(128 + 260 * gaussian_filter(noise, (0, 0, 2, 2)), 0, 255).round().astype(np.uint8)


TRAIN, HELD, FRESH = drawings(120, 0), drawings(100, 1), drawings(85, 2)
CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": lambda x: x,
    "moved by 3": lambda x: np.roll(x, (3, -3), axis=(2, 3)),
    "mirrored": lambda x: x[..., ::-1],
    "turned": lambda x: rotate(x, 5, axes=(2, 3), reshape=False, order=1, mode="nearest"),
    "blurred": lambda x: gaussian_filter(x, (0, 0, 1, 1)),
    "darker and paler": lambda x: (0.6 * x).round().astype(np.uint8),
}


def seen(images: np.ndarray) -> Features:
    images = np.ascontiguousarray(images)
    return replace(Features.given(images.reshape(len(images), -1)[:, :4] / 255), images=ImageSet.from_array(images))


def pair(fake: np.ndarray, held: np.ndarray | None = HELD, train: np.ndarray = TRAIN) -> Pair:
    return Pair(seen(train), seen(fake), heldout=None if held is None else seen(held))


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_copy_is_called_one_and_its_original_is_named(name: str) -> None:
    found = changed_copies(pair(np.concatenate([CHANGES[name](TRAIN[:COPIED]), FRESH])))
    assert found.per_sample["copy"][:COPIED].all()
    assert float(found) == pytest.approx(COPIED / 100, abs=0.021)
    assert found.details["p_value"] < 1e-4
    assert {(i, j) for i, j, _ in found.details["nearest"][:COPIED]} == {(i, i) for i in range(COPIED)}


def test_what_was_done_to_a_copy_is_told() -> None:
    moved = np.roll(TRAIN[:COPIED], (2, -1), axis=(2, 3))
    found = changed_copies(pair(np.concatenate([moved[..., ::-1], FRESH])))
    assert found.details["changes"][:COPIED] == [[True, 0.0, 2, -1]] * COPIED


def test_colours_do_not_hide_a_copy() -> None:
    train, held, fresh = (drawings(n, seed, 3) for n, seed in ((120, 3), (60, 4), (40, 5)))
    fake = np.concatenate([train[:10, ::-1], fresh])  # red is blue
    assert changed_copies(pair(fake, held, train)).per_sample["copy"][:10].all()


def test_without_held_out_images_training_images_say_what_is_usual() -> None:
    found = changed_copies(pair(np.concatenate([TRAIN[:COPIED, ..., ::-1], FRESH]), held=None))
    assert found.details["calibrated_on"] == "train"
    assert found.per_sample["copy"][:COPIED].all()
    assert found.per_sample["copy"][COPIED:].mean() <= 0.05


@pytest.mark.parametrize("held", [None, HELD], ids=["training images", "held-out images"])
def test_what_is_usual_is_found_once_for_many_sets(held: np.ndarray | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside a training loop the training images are the same at every step."""
    looked, nearest = [], Gallery.nearest
    monkeypatch.setattr(Gallery, "nearest", lambda *given, **how: (looked.append(given), nearest(*given, **how))[1])
    train, others = seen(TRAIN), None if held is None else seen(held)
    for fake in (FRESH, FRESH[::-1]):
        changed_copies(Pair(train, seen(fake), heldout=others))
    assert len(looked) == 3


def test_where_nothing_was_copied_alarms_are_as_rare_as_promised() -> None:
    """The ratios of one gallery, dealt anew: exact for every n, so that 400 deals of few images suffice."""
    usual = Gallery([TRAIN]).nearest([np.concatenate([HELD, FRESH])]).ratio
    alarms = 0
    for seed in range(400):
        order = np.random.default_rng(seed).permutation(len(usual))
        alarms += p_value(usual[order[85:]], usual[order[:85]], 0.01) <= 0.05
    assert alarms <= 32  # of 400 at 5 %: more have a probability of 0.7 %


def test_the_chance_is_that_of_dealing_cards() -> None:
    rng, wins = np.random.default_rng(0), 0
    for _ in range(4000):
        cards = rng.permutation(9) < 5  # five fakes, four usual ones, from the lowest up
        wins += int(cards[: np.flatnonzero(~cards)[1]].sum()) >= 3  # three fakes below the second usual one
    assert chance(3, 5, 4, 2) == pytest.approx(wins / 4000, abs=0.03)


def test_held_out_images_that_are_training_images_are_refused() -> None:
    with pytest.raises(UndefinedError, match="1 of 100 heldout images are copies of training images themselves"):
        changed_copies(pair(FRESH, np.concatenate([TRAIN[:1], HELD[1:]])))


def test_sizes_that_differ_and_few_images_are_refused() -> None:
    with pytest.raises(IncomparableError, match="24 x 24 pixels, array 12 x 12"):
        changed_copies(pair(FRESH[:, :, ::2, ::2]))
    with pytest.raises(TooFewSamplesError, match="needs 20 generated images; got 19"):
        changed_copies(pair(FRESH[:19]))


def test_flat_images_are_no_copies_of_each_other() -> None:
    flat = np.full((25, 1, SIDE, SIDE), 90, np.uint8)
    assert not changed_copies(pair(np.concatenate([flat, FRESH]))).per_sample["copy"][:25].any()


def record(name: str, value: float, low: float, heldout: float) -> ScoreRecord:
    return ScoreRecord(name, "ok", value, interval=(low, 1.0), n=1000, details={"heldout": heldout})


def test_the_finding_and_the_headline_ask_for_changed_copies_first() -> None:
    scores = {
        "copies": record("copies", 0.01, 0.005, 0.01),
        "changed_copies": record("changed_copies", 0.1, 0.08, 0.002),
    }
    assert [f.kind for f in findings_of(scores)] == ["copied"]
    assert "as they are or changed a little" in findings_of(scores)[0].text
    assert findings_of({"copies": scores["copies"]}) == []
    many = {f"metric {i}": ScoreRecord(f"metric {i}", "ok", 0.0) for i in range(12)}
    shown = [r.name for _, group in headline({**many, **scores}) for r in group]
    assert shown == ["changed_copies"]
    assert [r.name for _, g in headline({**many, "copies": scores["copies"]}) for r in g] == ["copies"]
