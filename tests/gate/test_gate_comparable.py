"""What was measured differently is not compared, and the sentence names what differs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ganeval.gate.verdict import Exit
from tests.gate.gating import FID, changed, gate


def test_unequal_n_is_refused_for_a_metric_with_a_bias(make_evaluation):
    verdict = gate(make_evaluation(n=1000), make_evaluation(n=2000))
    assert (verdict.verdict, verdict.exit_code) == ("incomparable", Exit.NO_BASELINE)
    assert "biased in n: the baseline has n = 2000, this evaluation 1000" in verdict.rules[0].sentence


def test_unequal_n_is_fine_for_an_unbiased_metric(make_evaluation):
    rules = [{"metric": "classifier_score", "margin_abs": 0.05}]
    verdict = gate(make_evaluation(n=4000), make_evaluation(n=2000), rules)
    assert verdict.verdict == "ok"
    assert not verdict.rules[0].checks[0].paired


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("weights_sha256", "ee" * 32, "the extractor"),
        ("preprocessing", "32x32", "the preprocessing"),
        ("precision", "bf16", "the precision"),
    ],
)
def test_another_way_to_measure_is_incomparable_and_named(make_evaluation, field, value, says):
    now = make_evaluation()
    now = replace(now, fake=replace(now.fake, **{field: value}))
    verdict = gate(now, make_evaluation(), rules=[{**FID, "max": 9.0}])
    assert (verdict.verdict, verdict.exit_code) == ("incomparable", Exit.NO_BASELINE)
    assert says in verdict.rules[0].sentence
    assert [check.verdict for check in verdict.rules[0].checks if check.what == "max"] == ["ok"]


def test_other_reference_images_are_incomparable(make_evaluation):
    now = make_evaluation()
    now = replace(now, real=replace(now.real, fingerprint="ff" * 32))
    assert "the reference images" in gate(now, make_evaluation()).rules[0].sentence
    assert gate(now, make_evaluation(), on_incomparable="warn").exit_code == Exit.OK


def test_a_baseline_with_fingerprints_of_an_older_version_says_so_and_what_to_do(make_evaluation):
    now = replace(make_evaluation(), environment={"fingerprints": 2})
    now = replace(now, real=replace(now.real, fingerprint="ff" * 32))
    (rule,) = gate(now, make_evaluation()).rules
    assert rule.verdict == "incomparable"
    assert "fingerprints of images of version 1, and now they have version 2" in rule.sentence
    assert "--update-baseline --reason" in rule.sentence
    assert "reference images (" not in rule.sentence


@pytest.mark.parametrize("change", [{"n": 10}, {"weights_sha256": "ee" * 32}])
def test_what_differs_beside_the_version_of_fingerprints_is_still_said(make_evaluation, change):
    now = replace(make_evaluation(), environment={"fingerprints": 2})
    fake = replace(now.fake, **{key: value for key, value in change.items() if key != "n"})
    now = replace(now, real=replace(now.real, fingerprint="ff" * 32, **change), fake=fake)
    assert "was measured differently" in gate(now, make_evaluation()).rules[0].sentence


def test_equal_fingerprints_are_compared_whatever_their_version(make_evaluation):
    assert gate(replace(make_evaluation(), environment={"fingerprints": 2}), make_evaluation()).verdict == "ok"


def test_the_name_of_the_same_reference_does_not_matter(make_evaluation):
    now = make_evaluation()
    assert gate(replace(now, real=replace(now.real, source="test/")), make_evaluation()).verdict == "ok"


def test_another_version_or_option_of_one_metric_touches_only_its_rule(make_evaluation):
    rules = [FID, {"metric": "classifier_score", "margin_abs": 0.05}]
    verdict = gate(changed(make_evaluation(), "fid", version=2), make_evaluation(), rules)
    assert [rule.verdict for rule in verdict.rules] == ["incomparable", "ok"]
    other = make_evaluation(options={"fid": {"convention": "stylegan3"}})
    assert "convention" in gate(other, make_evaluation(), rules).rules[0].sentence


def test_other_seeds_lose_the_pairing_and_nothing_else(make_evaluation):
    now = make_evaluation(seed=9)
    assert gate(now, make_evaluation()).verdict == "ok"


def test_a_metric_the_baseline_does_not_have_is_incomparable(make_evaluation):
    base = make_evaluation()
    base = replace(base, scores={"classifier_score": base.scores["classifier_score"]})
    verdict = gate(make_evaluation(), base)
    assert verdict.exit_code == Exit.NO_BASELINE
    assert "The baseline has no fid" in verdict.rules[0].sentence
