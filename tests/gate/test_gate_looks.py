"""A generator is asked for more images until every rule is decided, and no rule changes its mind."""

from __future__ import annotations

import pytest

from ganeval.errors import WrongInputError
from ganeval.gate.baseline import Baseline
from ganeval.gate.judge import Against, judge
from ganeval.gate.rules import parse_config
from ganeval.gate.verdict import Exit
from tests.gate.gating import FID


def test_more_images_are_drawn_until_it_is_decided(make_evaluation):
    drawn = []

    def sample(n):
        drawn.append(n)
        return make_evaluation(n=n, seed=5)

    base = Baseline.of([make_evaluation(n=n, seed=4) for n in (500, 2000, 8000, 32000)], name="b")
    config = parse_config({"rule": [{"metric": "fid", "margin_rel": 0.015}]})
    judged = judge(sample, config, Against(base))
    assert drawn[0] == 500
    assert len(drawn) > 1
    assert judged.verdict.verdict == "ok"
    assert judged.verdict.settings["looks"] == 4
    assert [e.fake.n for e in judged.evaluations] == drawn


def test_a_clear_loss_needs_one_look(make_evaluation):
    drawn = []

    def sample(n):
        drawn.append(n)
        return make_evaluation(n=n, seed=5, shift=1.0)

    base = Baseline.of([make_evaluation(n=n) for n in (1000, 4000)], name="b")
    assert judge(sample, parse_config({"rule": [FID]}), Against(base)).verdict.verdict == "regressed"
    assert drawn == [1000]


def test_the_first_decision_of_a_rule_stands(make_evaluation):
    def sample(n):
        return make_evaluation(n=n, seed=5, shift=0.0 if n == 1000 else 1.0)

    base = Baseline.of([make_evaluation(n=n) for n in (1000, 4000)], name="b")
    rules = [{"metric": "fid", "margin_rel": 0.3}, {"metric": "classifier_score", "margin_abs": 0.012}]
    verdict = judge(sample, parse_config({"rule": rules, "max_n": 4000}), Against(base)).verdict
    assert (verdict.rules[0].verdict, verdict.rules[0].look) == ("ok", 1)
    assert verdict.rules[1].look == 2


@pytest.mark.parametrize("error", [RuntimeError("CUDA out of memory"), WrongInputError("images are NaN")])
def test_a_generator_that_raises_at_look_3_is_an_error_for_what_is_open(make_evaluation, error):
    def sample(n):
        if n == 8000:
            raise error
        return make_evaluation(n=n, seed=5)

    base = Baseline.of([make_evaluation(n=n) for n in (500, 2000, 8000)], name="b")
    rules = [{"metric": "fid", "margin_rel": 0.0001}, {"metric": "classifier_score", "margin_abs": 0.2}]
    verdict = judge(sample, parse_config({"rule": rules, "looks": 3}), Against(base)).verdict
    assert [rule.verdict for rule in verdict.rules] == ["error", "ok"]
    assert verdict.exit_code == Exit.ERROR
    assert "The generator failed at look 3 (n = 8000): " in verdict.rules[0].sentence
    assert str(error) in verdict.rules[0].sentence


def test_a_baseline_of_one_size_stops_the_looks_with_a_reason(make_evaluation):
    base = Baseline.of([make_evaluation(n=500)], name="b")
    config = parse_config({"rule": [{"metric": "fid", "margin_rel": 0.001}], "looks": 2})
    verdict = judge(lambda n: make_evaluation(n=n, seed=3), config, Against(base)).verdict
    assert verdict.verdict == "inconclusive"
