"""A gate of recipes says what luck of the training seed does, and asks for trainings where images would not help."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ganeval.gate.baseline import Baseline
from ganeval.gate.judge import Against, judge
from ganeval.gate.luck import luck_of
from ganeval.gate.rules import parse_config


def recipes(make_evaluation, spread: float, n: int = 2000):
    """The check of `fid` between two recipes of four seeds each, whose levels vary by `spread`."""
    levels = 5 + spread * np.array([-1.2, -0.3, 0.4, 1.1, -1.0, -0.4, 0.3, 1.1])
    then, now = (
        [make_evaluation(n=n, seed=i, level=level) for i, level in enumerate(part)] for part in (levels[:4], levels[4:])
    )
    config = parse_config({"rule": [{"metric": "fid", "margin_rel": 0.01}], "scope": "recipe"})
    base = Baseline.of(then[:1], name="b", seeds=then[1:])
    return judge(now, config, Against(base)).verdict.rules[0].checks[0]


def test_more_images_are_not_asked_for_where_the_training_seed_decides(make_evaluation):
    check = recipes(make_evaluation, spread=0.5)
    assert check.verdict == "inconclusive"
    assert check.n_needed is None
    assert "The training seed makes 100 % of the variance: train about" in check.sentence
    assert "more images would not do" in check.sentence
    assert "images to decide" not in check.sentence


def test_where_samples_make_the_noise_it_says_that_images_help(make_evaluation):
    check = recipes(make_evaluation, spread=0.02, n=100)  # 0.02 of the seed, 0.1 of the samples
    assert check.verdict == "inconclusive"
    assert "more images help, too" in check.sentence


def test_what_decides_is_no_matter_where_it_is_decided(make_evaluation):
    check = recipes(make_evaluation, spread=0.0001)
    assert check.verdict == "ok"
    assert "training seed" not in check.sentence


def test_without_a_second_training_or_an_error_nothing_is_said_of_luck(make_evaluation):
    assert luck_of([1.0], [0.1], [1.0]) is None
    assert luck_of([1.0, 2.0], [None, None], [1.0]) is None
    base = replace(Baseline.of([make_evaluation()], name="b"), train_sd={"fid": 0.5})
    config = parse_config({"rule": [{"metric": "fid", "margin_rel": 0.01}], "scope": "recipe"})
    check = judge([make_evaluation(shift=0.4, seed=1)], config, Against(base)).verdict.rules[0].checks[0]
    assert check.n_needed is None


@pytest.mark.parametrize("many", ["then", "now"])
def test_the_side_with_more_trainings_tells(many):
    values, one = [1.0, 3.0, 5.0], [2.0]
    found = luck_of(values if many == "now" else one, [0.5] * 3, values if many == "then" else one)
    assert found is not None
    assert found.training == pytest.approx(4 - 0.25)
