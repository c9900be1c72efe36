"""Each verdict and each exit code has its cause, and each bad input its verdict, exit code and sentence."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.reliability.records import evaluation
from ganeval.gate.baseline import Baseline, write_baseline
from ganeval.gate.commands import run_gate
from ganeval.gate.judge import Against, judge
from ganeval.gate.rules import GateConfig, GateConfigError, Rule, parse_config
from ganeval.gate.verdict import Exit
from ganeval.measure.functions import evaluate
from ganeval.records.scores import ScoreRecord
from tests.gate.gating import FID, changed, gate, with_images


def test_the_same_generator_on_the_same_latents_is_ok(make_evaluation):
    verdict = gate(make_evaluation(), make_evaluation())
    assert (verdict.verdict, verdict.exit_code) == ("ok", Exit.OK)
    assert verdict.rules[0].checks[0].paired


@pytest.mark.parametrize("side", ["now", "baseline", "both"])
@pytest.mark.parametrize("seed", [0, 1])
def test_an_error_that_the_metric_withholds_is_not_worked_out_of_its_rows(make_evaluation, side, seed):
    now, base = make_evaluation(shift=0.4, seed=seed), make_evaluation()
    withheld = {"se": None, "interval": None}
    if side in ("now", "both"):
        now = changed(now, "fid", **withheld)
    if side in ("baseline", "both"):
        base = changed(base, "fid", **withheld)
    verdict = gate(now, base)
    assert verdict.verdict in ("incomparable", "error")
    assert "standard error" in str(verdict.to_json())


def test_a_real_loss_is_regressed(make_evaluation):
    verdict = gate(make_evaluation(shift=0.4, seed=1), make_evaluation())
    assert (verdict.verdict, verdict.exit_code) == ("regressed", Exit.REGRESSED)
    assert verdict.sentence == "fid: regressed."


def test_a_real_gain_is_improved(make_evaluation):
    verdict = gate(make_evaluation(shift=-0.4, seed=1), make_evaluation())
    assert (verdict.verdict, verdict.exit_code) == ("improved", Exit.OK)


def test_a_certain_loss_below_the_floor_is_no_regression(make_evaluation):
    verdict = gate(make_evaluation(shift=0.05), make_evaluation())
    check = verdict.rules[0].checks[0]
    assert check.p_worse == 0.0
    assert check.verdict == "ok"
    assert check.delta < check.floor == pytest.approx(0.0625, rel=0.05)


@pytest.mark.parametrize("shift", [0.1, 0.17, 0.21, 0.216])
def test_a_loss_that_is_proved_to_lie_inside_the_margin_is_ok(make_evaluation, shift):
    now, base = make_evaluation(shift=shift, jitter=0.2), make_evaluation(jitter=0.2)
    check = gate(now, base, rules=[{"metric": "fid", "margin_rel": 0.05}]).rules[0].checks[0]
    assert check.p_worse == 0.0
    assert check.floor < check.interval[0] < check.interval[1] < check.margin
    assert check.verdict == "ok"


@pytest.mark.parametrize(("shift", "word"), [(0.04, "inconclusive"), (0.15, "regressed")])
def test_the_floor_decides_about_a_loss_that_is_seen_and_not_proved_to_be_inside(make_evaluation, shift, word):
    now, base = make_evaluation(shift=shift, jitter=0.4), make_evaluation(jitter=0.4)
    check = gate(now, base, rules=[{"metric": "fid", "margin_abs": 0.05, "floor_abs": 0.1}]).rules[0].checks[0]
    assert check.p_worse <= 0.01
    assert check.verdict == word


def test_the_same_images_are_ok_for_every_metric(make_evaluation):
    """Also for one that is the mean of no rows, and for one without any error."""
    now = make_evaluation()
    more = {
        "recall": ScoreRecord("recall", "ok", 0.5, se=0.05, n=2000, better="higher", biased_in_n=True),
        "fld": ScoreRecord("fld", "ok", 3.0, n=2000, biased_in_n=True),
    }
    now = replace(now, scores={**now.scores, **more})
    rules = [
        {"metric": "recall", "margin_abs": 0.0001},
        {"metric": "fld", "margin_abs": 0.0001},
        FID,
        {"metric": "classifier_score", "margin_abs": 0.001, "per_class_margin_abs": 0.001},
    ]
    verdict = gate(now, now, rules)
    assert {rule.verdict for rule in verdict.rules} == {"ok"}
    assert verdict.exit_code == Exit.OK
    other = gate(with_images(now, "others"), now, rules)
    assert [rule.verdict for rule in other.rules[:2]] == ["inconclusive", "error"]


def test_the_same_images_with_another_value_are_judged_as_ever(make_evaluation):
    now = with_images(make_evaluation(shift=0.5, seed=1), make_evaluation().fake.fingerprint)
    assert gate(now, make_evaluation()).verdict == "regressed"
    assert gate(with_images(now, ""), with_images(make_evaluation(), "")).verdict == "regressed"


def test_the_same_images_of_another_version_of_a_metric_do_not_compare(make_evaluation):
    assert gate(changed(make_evaluation(), "fid", version=2), make_evaluation()).verdict == "incomparable"


@pytest.mark.parametrize(("action", "code"), [("warn", Exit.OK), ("pass", Exit.OK), ("fail", Exit.INCONCLUSIVE)])
def test_too_few_images_are_inconclusive_and_say_how_many_it_takes(make_evaluation, action, code):
    rules = [{"metric": "fid", "margin_rel": 0.005}]
    verdict = gate(make_evaluation(seed=1), make_evaluation(), rules, on_inconclusive=action)
    assert (verdict.verdict, verdict.exit_code) == ("inconclusive", code)
    assert verdict.rules[0].checks[0].n_needed > 2000
    assert "With n = 2000, a loss of 0.1" in verdict.rules[0].sentence
    assert re.search(r"Use about \d{1,3}(,\d00)* images to decide", verdict.rules[0].sentence)
    assert "unpaired: the latents differ" in verdict.rules[0].sentence


@pytest.mark.parametrize(("limit", "word"), [(5.5, "ok"), (5.01, "inconclusive"), (4.5, "regressed")])
def test_an_absolute_limit_is_judged_on_the_bound(make_evaluation, limit, word):
    assert gate(make_evaluation(), rules=[{"metric": "fid", "max": limit}]).verdict == word


@pytest.mark.parametrize(("limit", "word"), [(0.95, "ok"), (0.97, "inconclusive"), (0.99, "regressed")])
def test_a_lower_limit_of_a_proportion_uses_its_score_interval(make_evaluation, limit, word):
    verdict = gate(make_evaluation(), rules=[{"metric": "classifier_score", "min": limit}])
    assert verdict.verdict == word
    assert verdict.rules[0].checks[0].method == "Wilson score"


def test_a_count_has_a_hard_limit_without_statistics(make_evaluation):
    rules = [{"metric": "missing_classes", "max": 0, "hard": True}]
    assert gate(make_evaluation(), rules=rules).exit_code == Exit.OK
    one = changed(make_evaluation(), "missing_classes", value=1.0)
    assert gate(one, rules=rules).exit_code == Exit.REGRESSED


def test_a_number_inside_a_score_can_be_limited(make_evaluation):
    now = changed(make_evaluation(), "fid", details={"rank": 64, "rank_se": None})
    rules = [{"metric": "fid.rank", "min": 60, "hard": True}]
    assert gate(now, rules=rules).verdict == "ok"


def test_a_broken_class_is_found_though_the_average_hides_it(make_evaluation):
    rules = [{"metric": "classifier_score", "margin_abs": 0.05, "per_class_margin_abs": 0.1}]
    verdict = gate(make_evaluation(broken_class=3), make_evaluation(), rules)
    red = [check.what for check in verdict.rules[0].checks if check.verdict == "regressed"]
    assert red in (["difference, class 3"], ["difference", "difference, class 3"])
    assert all(check.paired for check in verdict.rules[0].checks)


def test_a_class_rule_says_what_so_few_images_resolve(make_evaluation):
    rules = [{"metric": "classifier_score", "per_class_margin_abs": 0.04}]
    verdict = gate(make_evaluation(seed=1), make_evaluation(), rules)
    assert verdict.verdict == "inconclusive"
    assert "With n = 200, a loss of 0." in verdict.rules[0].sentence


def test_limits_of_classes_are_judged_class_by_class(make_evaluation):
    rules = [{"metric": "classifier_score", "per_class_min": 0.85}]
    verdict = gate(make_evaluation(broken_class=7), rules=rules)
    assert [c.what for c in verdict.rules[0].checks if c.verdict == "regressed"] == ["min, class 7"]


def test_a_broken_limit_of_a_class_is_red_where_the_baseline_does_not_compare(make_evaluation):
    base = make_evaluation()
    base = replace(base, fake=replace(base.fake, preprocessing="32x32"))
    rules = [{"metric": "classifier_score", "margin_abs": 0.05, "per_class_min": 0.85}]
    verdict = gate(make_evaluation(broken_class=7), base, rules)
    checks = {check.what: check.verdict for check in verdict.rules[0].checks}
    assert checks["min, class 7"] == "regressed"
    assert len([what for what in checks if what.startswith("min, class ")]) == 10
    assert checks["difference"] == "incomparable"
    assert (verdict.verdict, verdict.exit_code) == ("regressed", Exit.REGRESSED)


def test_the_anchor_catches_what_the_rolling_baseline_lets_pass(make_evaluation):
    rolling, anchor = (Baseline.of([make_evaluation(shift=s)], name="b") for s in (0.26, 0.0))
    config = parse_config({"rule": [FID]})
    now = [make_evaluation(shift=0.3)]
    assert judge(now, config, Against(rolling)).verdict.verdict == "ok"
    verdict = judge(now, config, Against(rolling, anchor)).verdict
    found = {check.what: check.verdict for check in verdict.rules[0].checks}
    assert found["difference to the anchor"] == "regressed"


def test_a_metric_with_a_target_is_gated_with_limits(make_evaluation):
    now, base = (changed(make_evaluation(), "fid", better="target") for _ in range(2))
    assert "gate it with min and max" in gate(now, base).rules[0].sentence


def test_nan_is_an_error(make_evaluation):
    verdict = gate(changed(make_evaluation(), "fid", value=float("nan")), make_evaluation())
    assert (verdict.verdict, verdict.exit_code) == ("error", Exit.ERROR)
    assert verdict.rules[0].sentence == "fid has no value: not computed: the value is NaN."


def test_a_metric_that_was_not_computed_is_an_error_with_its_reason(make_evaluation):
    failed = ScoreRecord("fid", "not computed: too few rows")
    now = replace(make_evaluation(), scores={**make_evaluation().scores, "fid": failed})
    assert "too few rows" in gate(now, make_evaluation()).rules[0].sentence


def test_a_rule_for_an_unknown_metric_is_a_configuration_error(make_evaluation):
    with pytest.raises(GateConfigError, match=r"'fidd'. Did you mean 'fid'"):
        gate(make_evaluation(), make_evaluation(), rules=[{"metric": "fidd", "max": 1.0}])


def test_a_metric_without_a_standard_error_needs_a_hard_rule(make_evaluation):
    now, base = (changed(make_evaluation(seed=s), "missing_classes", value=0.0) for s in (0, 1))
    verdict = gate(now, base, rules=[{"metric": "missing_classes", "margin_abs": 1.0}])
    assert verdict.exit_code == Exit.ERROR
    assert "hard = true" in verdict.rules[0].sentence


@pytest.mark.parametrize("rule", [{"margin_abs": 0.1}, {"per_class_margin_abs": 0.1}])
def test_a_promise_without_classes_or_without_the_metric_is_a_sentence(make_evaluation, rule):
    base = make_evaluation()
    base = replace(base, scores={"fid": base.scores["fid"]})
    verdict = gate(make_evaluation(), base, [{"metric": "classifier_score", **rule}])
    assert "The baseline has no classifier_score" in verdict.rules[0].sentence


@pytest.mark.parametrize(("action", "code", "notes"), [("warn", 0, 1), ("pass", 0, 0), ("fail", Exit.NO_BASELINE, 1)])
def test_a_metric_no_rule_reads_is_told(make_evaluation, action, code, notes):
    verdict = gate(make_evaluation(), make_evaluation(), on_unused=action)
    assert verdict.exit_code == code
    assert sum("classifier_score" in note for note in verdict.notes) == notes


def test_what_the_gate_measures_by_itself_is_not_unused(make_evaluation):
    """fid_debiased is measured beside fid; no rule has to name it."""

    def whole(evaluation):
        record = ScoreRecord("fid_debiased", "ok", evaluation["fid"].value, se=0.1, n=2000)
        return replace(evaluation, scores={"fid": evaluation["fid"], "fid_debiased": record})

    verdict = gate(whole(make_evaluation()), whole(make_evaluation()), on_unused="fail")
    assert verdict.exit_code == Exit.OK
    assert not [note for note in verdict.notes if "fid_debiased" in note]


def test_nothing_to_judge_is_never_green(make_evaluation):
    assert gate([], make_evaluation()).exit_code == Exit.NOTHING
    assert gate(make_evaluation(), make_evaluation(), rules=()).exit_code == Exit.NOTHING


def test_a_limit_does_not_hide_that_the_baseline_is_missing(make_evaluation):
    verdict = gate(make_evaluation(), rules=[{**FID, "max": 9.0}], missing="There is no baseline at x.json.")
    assert (verdict.verdict, verdict.exit_code) == ("incomparable", Exit.NO_BASELINE)
    assert "no baseline at x.json" in verdict.rules[0].sentence
    tolerated = gate(make_evaluation(), rules=[{**FID, "max": 9.0}], missing="no", on_missing="warn")
    assert tolerated.exit_code == Exit.OK


def test_a_regression_outranks_an_error(make_evaluation):
    rules = [FID, {"metric": "missing_classes", "margin_abs": 1.0}]
    assert gate(make_evaluation(shift=1.0, seed=1), make_evaluation(), rules).exit_code == Exit.REGRESSED


def test_the_noise_of_half_splits_does_not_widen_a_paired_error():
    """Nearly the same images twice: the two values are split into different halves, and that must not cost the
    pairing.
    """
    rng = np.random.default_rng(0)
    real = rng.normal(size=(2000, 8))
    config = parse_config({"rule": [{"metric": "fid", "margin_rel": 0.05}]})
    for _ in range(30):
        rows = rng.normal(size=(500, 8)) * 1.05
        then, now = (
            replace(found, latents="the same")
            for found in (
                evaluate(real, rows + shake, metrics=["fid", "fid_debiased"], floor=False)
                for shake in (0.0, 1e-4 * rng.normal(size=rows.shape))
            )
        )
        check = judge([now], config, Against(Baseline.of([then], name="b"))).verdict.rules[0].checks[0]
        assert (check.paired, check.verdict) == (True, "ok")
        assert "doubtful" not in check.sentence


def test_a_difference_of_the_second_order_widens_the_error_and_says_so(make_evaluation):
    def with_debiased(evaluation, debiased):
        scores = {**evaluation.scores, "fid_debiased": ScoreRecord("fid_debiased", "ok", debiased, se=0.1, n=2000)}
        return replace(evaluation, scores=scores)

    base = with_images(make_evaluation(), "others")
    value = base["fid"].value
    close = gate(with_debiased(make_evaluation(), value - 0.1), with_debiased(base, value - 0.1)).rules[0].checks[0]
    far = gate(with_debiased(make_evaluation(), value - 0.6), with_debiased(base, value - 0.1)).rules[0].checks[0]
    assert "first-order" not in close.sentence
    assert "first-order approximation of fid is doubtful" in far.sentence
    assert far.interval[1] - far.interval[0] == pytest.approx(2 * 1.96 * 0.5, rel=0.01)


def test_one_image_that_carries_the_variance_is_named(make_evaluation):
    now = make_evaluation()
    psi = now.per_sample["fid.influence"].copy()
    psi[17] += 1000
    now = with_images(replace(now, per_sample={**now.per_sample, "fid.influence": psi}), "others")
    assert "Image 17 alone carries" in gate(now, make_evaluation()).rules[0].sentence


def test_no_line_of_the_verdict_lists_every_metric_that_there_is(tmp_path: Path) -> None:
    names = [f"metric_{i}" for i in range(45)]
    many = {name: ScoreRecord(name, "ok", 1.0, 0.1, (0.8, 1.2), 400) for name in names}
    promised = replace(evaluation(0, 3.0), scores={**evaluation(0, 3.0).scores, **many})
    worse = replace(promised, scores={**promised.scores, **{n: replace(r, value=9.0) for n, r in many.items()}})
    write_baseline(Baseline.of([promised], name="many"), tmp_path / "base.json")
    config = GateConfig(rules=(Rule(metric="kid", margin_abs=1.0),), baseline=str(tmp_path / "base.json"))
    text = run_gate([promised], config).text
    assert "No rule reads these metrics of the baseline: metric_0, metric_1" in text
    assert max(map(len, text.splitlines())) < 200
    rules = tuple(Rule(metric=name, margin_abs=0.1) for name in names)
    text = run_gate([worse], config.with_(rules=rules)).text
    assert text.splitlines()[-1].endswith(" and 40 more: regressed.")
