"""Several training seeds of one recipe are judged together; none is left out without a word."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ganeval.gate.baseline import Baseline
from ganeval.gate.judge import Against, judge
from ganeval.gate.rules import GateConfigError, parse_config
from ganeval.gate.verdict import Exit
from tests.gate.gating import FID, changed, gate


def test_several_runs_of_one_checkpoint_are_refused(make_evaluation):
    with pytest.raises(GateConfigError, match="--scope recipe"):
        gate([make_evaluation(), make_evaluation(shift=1.0, seed=1)], make_evaluation())


def test_seeds_of_a_recipe_must_be_measured_alike(make_evaluation):
    odd = make_evaluation(seed=1)
    odd = replace(odd, real=replace(odd.real, fingerprint="ff" * 32))
    verdict = gate([make_evaluation(), odd], make_evaluation(), scope="recipe")
    assert verdict.verdict == "incomparable"
    assert "The runs were measured differently: the reference images" in verdict.rules[0].sentence


@pytest.mark.parametrize("odd", [{"version": 2}, {"value": None, "status": "not computed: x"}])
def test_no_seed_of_a_recipe_is_left_out_without_a_word(make_evaluation, odd):
    seeds = [make_evaluation(), make_evaluation(seed=1), changed(make_evaluation(seed=2), "fid", **odd)]
    verdict = gate(seeds, make_evaluation(), scope="recipe")
    assert verdict.verdict == "incomparable"
    assert verdict.exit_code == Exit.NO_BASELINE


def test_one_retrained_run_says_nothing_about_a_recipe(make_evaluation):
    verdict = gate(make_evaluation(seed=1), make_evaluation(), scope="recipe")
    assert verdict.exit_code == Exit.NO_BASELINE
    assert "one training run a side" in verdict.rules[0].sentence


@pytest.mark.parametrize(("rise", "word"), [(0.0, "ok"), (2.0, "regressed")])
def test_several_seeds_judge_a_recipe(make_evaluation, rise, word):
    rng = np.random.default_rng(9)
    levels = rng.normal(5, 0.1, size=16)
    then, now = (
        [make_evaluation(seed=i, level=lv) for i, lv in enumerate(part)] for part in (levels[:8], levels[8:] + rise)
    )
    base = Baseline.of(then[:1], name="b", seeds=then[1:])
    config = parse_config({"rule": [{"metric": "fid", "margin_rel": 0.1}], "scope": "recipe"})
    verdict = judge(now, config, Against(base)).verdict
    assert verdict.verdict == word
    assert verdict.rules[0].checks[0].method == "Welch's t over 8 and 8 seeds"


def test_a_stored_spread_between_seeds_stands_in_for_seeds(make_evaluation):
    base = replace(Baseline.of([make_evaluation()], name="b"), train_sd={"fid": 0.5})
    config = parse_config({"rule": [FID], "scope": "recipe"})
    check = judge([make_evaluation(shift=0.4, seed=1)], config, Against(base)).verdict.rules[0].checks[0]
    assert check.verdict == "inconclusive"
    assert check.method == "stored sd between training seeds"


@pytest.mark.parametrize("order", [(0.1, 5.0), (5.0, 0.1)])
@pytest.mark.parametrize("rule", [{"max": 3.0, "hard": True}, {"max": 3.0}])
def test_a_limit_holds_for_every_seed_of_a_recipe(make_evaluation, order, rule):
    config = parse_config({"rule": [{"metric": "fid", **rule}], "scope": "recipe"})
    seeds = [make_evaluation(level=value, seed=i) for i, value in enumerate(order)]
    (found,) = judge(seeds, config, Against(None)).verdict.rules
    assert found.verdict == "regressed"
    assert [check.what for check in found.checks] == ["max", "max, run 2"]
