"""What is missing and what is invented is named; where nothing is, nothing is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from ganeval.errors import TooFewSamplesError, UndefinedError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.images.imageset import ImageSet
from ganeval.metrics.missing import Mode, found_modes, invented_modes, missing_modes
from ganeval.numerics.intervals import wilson
from ganeval.numerics.order import shuffled_sides
from ganeval.numerics.scan import Neighbourhoods, _tails, ball_sizes, scan_balls
from ganeval.records.scores import Score

Rows = tuple[np.ndarray, np.ndarray]


def classes(n: int, seed: int, dim: int = 8) -> Rows:
    """Ten classes of equal size around corners."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 10
    return rng.normal(size=(n, dim)) + 4 * np.random.default_rng(99).normal(size=(10, dim))[labels], labels


def pair(real: Rows, fake: Rows, seed: int = 0) -> Pair:
    return Pair(*(Features.given(rows, labels=labels) for rows, labels in (real, fake)), seed=seed)


def half_a_class(rows: np.ndarray, labels: np.ndarray) -> Rows:
    """Half of class 3 shows class 4."""
    rows, other = rows.copy(), classes(len(rows), 5)[0][labels == 4]
    lost = np.flatnonzero(labels == 3)[::2]
    rows[lost] = other[: len(lost)]
    return rows, np.where(np.isin(np.arange(len(rows)), lost), 4, labels)


def with_a_style(rows: np.ndarray, labels: np.ndarray, share: float = 0.01) -> Rows:
    """A share of class 6 is written in another style."""
    rows, own = rows.copy(), np.flatnonzero(labels == 6)
    rows[own[: round(share * len(own))], 0] += 6
    return rows, labels


def foreign(rows: np.ndarray, labels: np.ndarray) -> Rows:
    rows = rows.copy()
    rows[: len(rows) * 3 // 100] = 20 + np.random.default_rng(3).normal(size=(len(rows) * 3 // 100, rows.shape[1]))
    return rows, labels


def scattered(rows: np.ndarray, labels: np.ndarray) -> Rows:
    rows = rows.copy()
    rows[: len(rows) * 3 // 100] *= 6
    return rows, labels


def one_image_again(rows: np.ndarray, labels: np.ndarray) -> Rows:
    rows = rows.copy()
    rows[: len(rows) // 50] = rows[0]
    return rows, labels


@pytest.mark.parametrize(
    ("fault", "metric", "about"),
    [
        (half_a_class, missing_modes, lambda mode, real, fake: np.mean(real[1][mode.real] == 3)),
        (foreign, invented_modes, lambda mode, real, fake: np.mean(mode.fake < 30)),
        (scattered, invented_modes, lambda mode, real, fake: np.mean(mode.fake < 30)),
        (one_image_again, invented_modes, lambda mode, real, fake: np.mean(mode.fake < 20)),
    ],
    ids=["half a class", "3 % foreign images", "3 % scattered images", "2 % copies of one image"],
)
def test_a_fault_is_named_by_the_rows_that_it_is_made_of(
    fault: Callable[..., Rows], metric: Callable[..., Score], about: Callable[[Mode, Rows, Rows], float]
) -> None:
    real, fake = classes(1000, 0), fault(*classes(1000, 1))
    faulty = pair(real, fake)
    side = "missing" if metric is missing_modes else "invented"
    first = next(mode for mode in found_modes(faulty) if mode.side == side)
    assert about(first, real, fake) > 0.6
    assert metric(faulty) > 0.005
    assert metric(faulty).details["modes"][0]["p"] == first.p <= 0.01


def test_a_style_that_is_lost_inside_a_class_is_found_there() -> None:
    real, fake = with_a_style(*classes(4000, 0), share=0.14), with_a_style(*classes(4000, 1))
    lost = [mode for mode in found_modes(pair(real, fake), at_most=1500) if mode.side == "missing"]
    assert {mode.where for mode in lost} <= {"6", ""}
    assert np.isin(lost[0].real, np.flatnonzero(real[1] == 6)[:56]).mean() > 0.8


def test_styles_that_many_classes_lost_are_named_one_by_one_beside_the_wide_set_that_holds_them_all() -> None:
    real, fake = classes(2000, 0), classes(2000, 1)
    styles = [np.flatnonzero(real[1] == label)[:40] for label in range(6)]
    for label, style in enumerate(styles):
        real[0][style, label] += 7
    lost = [mode for mode in found_modes(pair(real, fake)) if mode.side == "missing"]
    assert any(mode.search == "foretold" and np.isin(mode.real, np.concatenate(styles)).mean() > 0.8 for mode in lost)
    for style in styles:
        pure = [mode for mode in lost if np.isin(mode.real, style).mean() > 0.7]
        assert max((np.isin(style, mode.real).mean() for mode in pure), default=0) > 0.65  # not 24 of 40


def with_images(features: Features, marked: int, seed: int, size: int = 20) -> Features:
    """The same rows, and images of noise of which the first have a bright stroke that the rows know nothing of."""
    images = np.random.default_rng(seed).integers(0, 60, (len(features), 1, size, size)).astype(np.uint8)
    images[:marked, :, 4:8] += 150
    return replace(features, images=ImageSet.from_array(images))


def test_a_style_that_no_network_sees_is_found_in_the_images_of_its_class() -> None:
    real, fake = (Features.given(rows, labels=labels) for rows, labels in (classes(400, 0), classes(400, 1)))
    real, fake = (replace(features, labels=features.labels * 0) for features in (real, fake))
    (mode, *_) = found_modes(Pair(with_images(real, 60, 2), with_images(fake, 4, 3)))
    assert (mode.side, mode.seen_by, mode.where) == ("missing", "pixels", "0")
    assert np.mean(mode.real < 60) > 0.9
    assert found_modes(Pair(real, fake)) == ()
    other = with_images(fake, 4, 3, size=21)  # of another size the images are not compared
    assert found_modes(Pair(with_images(real, 60, 2), other)) == ()


def test_two_halves_of_one_set_differ_in_nothing_but_one_time_in_a_hundred() -> None:
    alarms = sum(bool(found_modes(pair(classes(120, 2 * s), classes(90, 2 * s + 1), seed=s))) for s in range(60))
    assert binomtest(alarms, 60, 0.01, alternative="greater").pvalue > 0.001


def test_ties_give_no_false_alarm_to_the_side_that_comes_first() -> None:
    rng = np.random.default_rng(0)
    real, fake = (np.round(rng.normal(size=(n, 1))) for n in (400, 300))  # hundreds of equal rows on both sides
    assert found_modes(Pair(Features.given(real), Features.given(fake))) == ()


def test_verdicts_are_the_classes_where_labels_are_missing() -> None:
    real, fake = with_a_style(*classes(600, 0), share=0.7), classes(600, 1)
    judged = [Features.given(rows, logits=9.0 * np.eye(10)[labels]) for rows, labels in (real, fake)]
    assert found_modes(Pair(*judged))
    assert [m.told() for m in found_modes(Pair(*judged))] == [m.told() for m in found_modes(pair(real, fake))]


def test_the_shares_are_those_of_all_rows_though_few_are_searched() -> None:
    real, fake = classes(3000, 0), foreign(*classes(3000, 1))
    found = invented_modes(pair(real, fake), at_most=1000)
    assert 0.02 < found <= 0.03  # a floor: the purest ball comes first, not the widest
    assert found.details["modes"][0]["fake"] > 60  # of 90, of which 30 were searched


def test_the_statistic_of_a_ball_is_its_definition_as_loops() -> None:
    rows = torch.randn(100, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    is_fake = shuffled_sides(60, 40, 3, seed=0)
    scan = scan_balls(Neighbourhoods.of(rows), is_fake)
    members = scan.sets.members
    for row in range(100):
        ball = (rows - rows[row]).norm(dim=1).argsort()[:24]
        assert sorted(members[row].tolist()) == sorted(ball.tolist())
        p = _tails(24, 0.4)[int(is_fake[ball, 0].sum())]
        assert scan.statistic[row] == pytest.approx(100 / 24 * p)
    worst = [min(_tails(24, 0.4)[int(is_fake[members[row], c].sum())] for row in range(100)) for c in (1, 2, 3)]
    assert scan.null == pytest.approx(100 / 24 * np.array(worst))


def test_a_ball_is_told_of_at_the_size_at_which_it_is_most_surely_one_sided() -> None:
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(200, 2)), rng.normal(size=(40, 2)) * 0.2 + 1.0])
    is_fake = torch.from_numpy(np.arange(240) >= 200)[:, None].repeat(1, 2)
    near = Neighbourhoods.of(torch.from_numpy(rows))
    found = scan_balls(near, is_fake).sets
    assert found.radius is not None
    for row, members in enumerate(found.members):
        size = max(k for k in ball_sizes(240) if k <= len(members))
        fakes = {k: int(is_fake[near.index[row, :k], 0].sum()) for k in range(size, min(2 * size, near.index.shape[1]))}
        sure = {k: surely_of_one_side(count, k, 40 / 240) for k, count in fakes.items()}
        assert sure.get(len(members), 1.0) == pytest.approx(max(sure.values(), default=1.0))
        assert found.radius[row] == pytest.approx(float(near.distance[row, len(members) - 1]))


def surely_of_one_side(fakes: int, of: int, share: float) -> float:
    low = {usual: wilson(count, of)[0] for count, usual in ((fakes, share), (of - fakes, 1 - share))}
    return max((bound - usual) / (1 - usual) for usual, bound in low.items())


def test_tails_are_those_of_the_binomial_distribution() -> None:
    for count in range(31):
        low, high = (binomtest(count, 30, 0.3, alternative=way).pvalue for way in ("less", "greater"))
        assert _tails(30, 0.3)[count] == pytest.approx(min(1, 2 * min(low, high)), rel=1e-9)


def test_47_rows_are_too_few_and_equal_rows_have_no_neighbourhoods() -> None:
    few, many = Features.given(np.eye(47)), Features.given(np.eye(60)[:, :47])
    with pytest.raises(TooFewSamplesError, match="48 rows a side"):
        missing_modes(Pair(many, few))
    with pytest.raises(UndefinedError, match="no neighbourhoods"):
        missing_modes(Pair(Features.given(np.ones((60, 2))), Features.given(np.ones((60, 2)))))


def test_a_class_that_is_rarer_is_named_as_a_whole_where_it_is_too_wide_for_a_ball() -> None:
    rng = np.random.default_rng(0)
    rows = 3 * rng.normal(size=(2, 1200, 16))  # two classes, each half of one cloud: no ball is of one of them
    for side, share in zip(rows, (0.5, 0.38), strict=True):
        side[:, 0] = np.abs(rng.normal(size=1200)) * np.where(rng.random(1200) < share, 1, -1)
    real, fake = (Features.given(side, labels=(side[:, 0] > 0).astype(int)) for side in rows)
    found = [mode for mode in found_modes(Pair(real, fake)) if mode.search == "whole classes"]
    assert {mode.side for mode in found} == {"missing", "invented"}
    (lost,) = (mode for mode in found if mode.side == "missing")
    assert bool((real.embeddings[torch.from_numpy(lost.real), 0] > 0).all())
    assert len(lost.real) == int((real.embeddings[:, 0] > 0).sum())


def test_a_class_that_one_side_lacks_is_named_and_classes_of_equal_share_are_not() -> None:
    real, fake = classes(1000, 0, dim=8), classes(1000, 1, dim=8)
    assert not found_modes(pair(real, fake))
    lacks = (fake[0][fake[1] != 3], fake[1][fake[1] != 3])
    lost = next(mode for mode in found_modes(pair(real, lacks)) if mode.search in ("whole classes", "among all"))
    assert lost.side == "missing"
    assert np.mean(real[1][lost.real] == 3) > 0.9
