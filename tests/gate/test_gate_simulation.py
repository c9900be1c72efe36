"""The promises of the statistical core, counted in seeded simulations where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from ganeval.gate.baseline import Baseline
from ganeval.gate.estimates import Normal, PairedProportions, TwoProportions, interval
from ganeval.gate.judge import Against, judge
from ganeval.gate.multiplicity import adjust
from ganeval.gate.power import detectable, proportion_noise, reach, required_n
from ganeval.gate.rules import parse_config
from ganeval.measure.functions import evaluate
from ganeval.numerics.strata import error_of_mean

# margins so narrow that no loss which these n can see is proved to lie inside them
RULES = {"rule": [{"metric": "fid", "margin_rel": 0.005}, {"metric": "classifier_score", "margin_abs": 0.005}]}


def words(make_evaluation, runs, *, paired, alpha=0.01, **changes):
    config = parse_config({**RULES, "alpha": alpha})
    found = []
    for run in range(runs):
        base = Baseline.of([make_evaluation(seed=2 * run)], name="b")
        now = make_evaluation(seed=2 * run if paired else 2 * run + 1, **changes)
        found.append(judge([now], config, Against(base)).verdict)
    return found


def test_healthy_runs_are_red_no_more_often_than_alpha(make_evaluation):
    alpha, runs = 0.2, 400
    red = sum(v.verdict == "regressed" for v in words(make_evaluation, runs, paired=False, alpha=alpha))
    assert red / runs <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / runs)
    assert red / runs >= alpha / 4  # a gate that cannot fire would pass the line above


def test_healthy_runs_improve_as_often_as_they_regress(make_evaluation):
    rules = [r for v in words(make_evaluation, 400, paired=False, alpha=0.2) for r in v.rules if r.metric == "fid"]
    worse, better = (sum(r.verdict == word for r in rules) for word in ("regressed", "improved"))
    assert worse + better >= 20
    assert abs(worse - better) <= 3.5 * np.sqrt(worse + better)


def test_the_power_is_what_the_formula_says(make_evaluation):
    n, alpha = 2000, 0.05
    effect = detectable(n, np.sqrt(2.0), alpha / 2)  # two rules share alpha
    verdicts = words(make_evaluation, 300, paired=False, alpha=alpha, shift=effect)
    red = sum(v.rules[0].verdict == "regressed" for v in verdicts)
    assert 0.72 <= red / 300 <= 0.88


def test_pairing_finds_what_unpaired_samples_cannot(make_evaluation):
    change = {"shift": 0.06, "jitter": 0.1}
    paired, unpaired = (
        sum(v.rules[0].verdict == "regressed" for v in words(make_evaluation, 60, paired=p, **change))
        for p in (True, False)
    )
    assert paired >= 59
    assert unpaired <= 30


def test_the_paired_standard_error_is_the_true_spread(make_evaluation):
    deltas, errors = [], []
    for seed in range(300):
        base = Baseline.of([make_evaluation(seed=seed, jitter=0.2)], name="b")
        check = judge([make_evaluation(seed=seed, jitter=0.2, shift=0.01)], parse_config(RULES), Against(base))
        found = check.verdict.rules[0].checks[0]
        deltas.append(found.delta)
        assert found.interval is not None
        errors.append((found.interval[1] - found.interval[0]) / 2 / 1.959964)
        assert found.paired
    assert np.mean(errors) / np.std(deltas, ddof=1) == pytest.approx(1.0, abs=0.1)
    assert np.mean(deltas) == pytest.approx(0.01, abs=4 * np.std(deltas) / np.sqrt(300))


@pytest.mark.parametrize("p", [0.9, 0.98])
def test_intervals_of_differences_of_proportions_cover(p):
    rng = np.random.default_rng(1)
    n, runs = 1000, 800
    k1, k0 = rng.binomial(n, p, runs), rng.binomial(n, p - 0.01, runs)
    covered = [
        low <= 0.01 <= high
        for low, high in (interval(TwoProportions(a, n, b, n), 0.025) for a, b in zip(k1, k0, strict=True))
    ]
    assert 0.93 <= np.mean(covered) <= 0.98


def test_intervals_of_paired_differences_cover():
    rng = np.random.default_rng(2)
    table = rng.multinomial(1000, [0.02, 0.01, 0.97], size=800)
    covered = [
        low <= 0.01 <= high for low, high in (interval(PairedProportions(b, c, 1000), 0.025) for b, c, _ in table)
    ]
    assert 0.93 <= np.mean(covered) <= 0.98


def test_holm_keeps_the_family_at_alpha_with_dependent_tests():
    rng = np.random.default_rng(3)
    common = rng.normal(size=(4000, 1))
    z = 0.7 * common + np.sqrt(1 - 0.49) * rng.normal(size=(4000, 8))
    alarms = [min(adjust([Normal(v, 1, "x").p_above(0) for v in row])) <= 0.05 for row in z[:1500]]
    assert np.mean(alarms) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1500)


def test_four_looks_spend_alpha_once():
    rng = np.random.default_rng(4)
    sizes, alpha, runs = np.array([100, 400, 1600, 6400]), 0.05, 1500
    alarms = 0
    for _ in range(runs):
        means = np.cumsum(rng.normal(size=4) * np.sqrt(np.diff([0, *sizes]))) / sizes
        p_values = [Normal(m, 1 / np.sqrt(n), "x").p_above(0) for m, n in zip(means, sizes, strict=True)]
        alarms += any(adjust([p], looks=4)[0] <= alpha for p in p_values)
    assert alpha / 4 <= alarms / runs <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / runs)


def test_the_n_that_is_asked_for_proves_what_it_promised():
    margin, noise, alpha = 0.02, proportion_noise(0.97), 0.01
    n = required_n(margin, noise, alpha)
    rng = np.random.default_rng(5)
    k1, k0 = rng.binomial(n, 0.97, 400), rng.binomial(n, 0.97, 400)
    proved = np.mean([TwoProportions(b, n, a, n).p_below(margin) <= alpha for a, b in zip(k1, k0, strict=True)])
    assert 0.72 <= proved <= 0.9


@pytest.mark.parametrize(
    ("p", "n", "points"),
    [(0.97, 1000, 1.90), (0.97, 5000, 0.85), (0.97, 10000, 0.60), (0.90, 1000, 3.34), (0.90, 5000, 1.49)],
)
def test_the_detectable_difference_of_a_proportion(p, n, points):
    assert 100 * detectable(n, proportion_noise(p), alpha=0.05) == pytest.approx(points, abs=0.006)


def test_detectable_and_required_n_are_inverse():
    assert required_n(detectable(5000, 0.3), 0.3) == pytest.approx(5000, abs=1)
    assert reach(0.05, 0.8) == pytest.approx(1.6449 + 0.8416, abs=1e-4)


@pytest.mark.parametrize("balanced", [True, False])
def test_the_standard_error_is_right_for_balanced_and_for_random_classes(balanced):
    """Classes differ by three standard deviations: asked for in equal numbers, that difference is no noise."""
    rng = np.random.default_rng(6)
    values, errors = [], []
    for _ in range(400):
        labels = np.arange(400) % 4 if balanced else rng.integers(0, 4, 400)
        rows = 3.0 * labels + rng.normal(size=400)
        values.append(rows.mean())
        errors.append(error_of_mean(rows, labels))
    assert np.mean(errors) / np.std(values, ddof=1) == pytest.approx(1.0, abs=0.1)


def test_next_to_a_perfect_generator_the_error_of_fid_is_too_large_but_never_too_small():
    """Where the first-order term vanishes the fitted influence is mostly noise, by up to sqrt 2 in the error."""
    rng = np.random.default_rng(8)
    real = rng.normal(size=(20_000, 8))
    records = [evaluate(real, rng.normal(size=(400, 8)), metrics=["fid"], floor=False)["fid"] for _ in range(300)]
    values, errors = (np.array([getattr(record, key) for record in records], float) for key in ("value", "se"))
    ratio = errors.mean() / values.std(ddof=1)
    assert 1.1 <= ratio <= np.sqrt(2) * 1.1
