"""The same: a margin in units of real against real, an error that holds at the margin, and the claim in the gate."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import ganeval
from ganeval.errors import UndefinedError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.gate.judge import judge
from ganeval.gate.rules import GateConfig, Rule
from ganeval.metrics.same import Z_ONE_SIDED, same
from ganeval.numerics.kernels import gaussian, kernel_sums, median_distance


def sample(n: int, seed: int, shift: float = 0.0, share: float = 1.0) -> Features:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, 8)) * np.linspace(2, 0.3, 8)
    rows[rng.random(n) < share, 0] += shift
    return Features.given(rows)


def test_the_value_is_the_squared_discrepancy_over_that_of_two_real_sets() -> None:
    """Two sets of m real rows have mean embeddings that differ, squared, by 2 V / m on average: by brute force."""
    rows = torch.from_numpy(np.random.default_rng(0).normal(size=(4000, 3)))
    kernel, like = gaussian(1.5), 20
    apart = []
    for part in rows.split(2 * like):
        values = kernel(part, part)
        a, b = slice(0, like), slice(like, None)
        apart.append(float(values[a, a].mean() + values[b, b].mean() - 2 * values[a, b].mean()))
    fake = rows[:1000] + 0.3
    score = same(Pair(Features.given(rows), Features.given(fake)), like=like, bandwidth=1.5)
    unit = kernel_sums(rows, fake, kernel).mmd2 / float(score)
    assert unit == pytest.approx(float(np.mean(apart)), abs=float(3 * np.std(apart) / math.sqrt(len(apart))))


def test_a_larger_unit_is_a_milder_question_in_proportion() -> None:
    pair = Pair(sample(400, 0), sample(400, 1, shift=1.0))
    assert same(pair, like=100) == pytest.approx(2 * same(pair, like=50), rel=1e-12)


def test_at_the_margin_the_claim_is_wrong_no_more_often_than_its_level() -> None:
    real, other = (rows.embeddings for rows in (sample(4000, 0), sample(4000, 1, shift=3.0)))
    sums = kernel_sums(real, other, gaussian(median_distance(real)))
    share = math.sqrt(2 * (1 - sums.real_real) / 200 / sums.mmd2)
    wrong, right = 0, 0
    for seed in range(40):
        edge = same(Pair(sample(600, 10 + seed), sample(600, 900 + seed, 3.0, share)), like=200)
        equal = same(Pair(sample(600, 10 + seed), sample(600, 900 + seed)), like=200)
        assert edge.se is not None
        assert equal.se is not None
        wrong += float(edge) + Z_ONE_SIDED * edge.se < 1
        right += float(equal) + Z_ONE_SIDED * equal.se < 1
    assert wrong <= 5, wrong  # more than 5 of 40 come with chance 0.014 where the level is 5 %
    assert right >= 24, right


def test_the_number_of_images_is_that_at_which_the_claim_just_holds() -> None:
    pair = Pair(sample(800, 0), sample(800, 1))
    images = same(pair).details["images"]
    assert images is not None
    assert images > 0
    unit = 2 * same(pair).details["kernel_variance"] / images
    assert same(pair, like=images).details["kernel_variance"] / images * 2 == pytest.approx(unit)


def test_pairs_have_the_error_of_what_they_do_not_share() -> None:
    rows = sample(500, 0)
    moved = Features.given(rows.embeddings + 0.4 * torch.arange(500)[:, None].fmod(2))
    loose, paired = (same(Pair(rows, moved, paired=kind)) for kind in (False, True))
    assert float(loose) == float(paired)
    assert paired.se is not None
    assert loose.se is not None
    assert paired.se <= loose.se


@pytest.mark.parametrize(("shift", "word", "code"), [(0.0, "ok", 0), (2.0, "regressed", 1)])
def test_the_gate_calls_sets_the_same_or_different(shift: float, word: str, code: int) -> None:
    found = ganeval.evaluate(
        sample(1200, 0), sample(1200, 1, shift), metrics=["same"], options={"same": {"like": 200}}, floor=False
    )
    verdict = judge([found], GateConfig(rules=(Rule(metric="same", max=1.0),))).verdict
    assert (verdict.rules[0].verdict, verdict.exit_code) == (word, code)


def test_few_images_prove_nothing() -> None:
    found = ganeval.evaluate(sample(150, 0), sample(150, 1), metrics=["same"], floor=False)
    verdict = judge([found], GateConfig(rules=(Rule(metric="same", max=1.0),))).verdict
    assert verdict.rules[0].verdict == "inconclusive"


def test_reals_that_are_all_equal_give_no_unit() -> None:
    rows = Features.given(torch.zeros(120, 3))
    with pytest.raises(UndefinedError, match=r"no unit|median distance"):
        same(Pair(rows, Features.given(torch.ones(120, 3))), bandwidth=1.0)
