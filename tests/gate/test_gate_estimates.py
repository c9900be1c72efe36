from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ganeval.gate.estimates import (
    Normal,
    PairedProportions,
    Proportion,
    TwoProportions,
    fair_coin_tail,
    interval,
)
from ganeval.gate.multiplicity import adjust, sharpest_alpha
from ganeval.numerics.intervals import wilson

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
estimates = st.one_of(
    st.builds(lambda v, s: Normal(v, s, "x"), st.floats(-5, 5), st.floats(0.01, 3)),
    counts.map(lambda kn: Proportion(*kn)),
    st.tuples(counts, counts).map(lambda c: TwoProportions(*c[0], *c[1])),
    st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda bc: PairedProportions(*bc, 200)),
)


@settings(max_examples=60, deadline=None)
@given(estimates, st.floats(-0.8, 0.8), st.floats(0.001, 0.3))
def test_evidence_for_more_than_a_threshold_falls_as_the_threshold_rises(estimate, threshold, step):
    if isinstance(estimate, PairedProportions) and threshold * (threshold + step) <= 0:
        return  # at exactly 0 the exact test takes over from the score test
    assert estimate.p_above(threshold) <= estimate.p_above(threshold + step) + 1e-9
    assert estimate.p_below(threshold + step) <= estimate.p_below(threshold) + 1e-9


@settings(max_examples=60, deadline=None)
@given(estimates)
def test_the_bounds_are_where_the_p_value_crosses_alpha(estimate):
    low, high = interval(estimate, 0.01)
    assert low <= estimate.value + 1e-9
    assert high >= estimate.value - 1e-9
    assert estimate.p_above(low - 1e-6) <= 0.01 + 1e-6
    assert estimate.p_below(high + 1e-6) <= 0.01 + 1e-6


def test_one_proportion_is_wilsons_interval():
    assert interval(Proportion(45, 50), 0.025) == pytest.approx(wilson(45, 50), abs=1e-9)


def test_two_proportions_are_newcombes_method_10():
    # Newcombe 1998, table II, (a): 56/70 against 48/80, 95 % interval 0.0524 to 0.3339.
    assert interval(TwoProportions(56, 70, 48, 80), 0.025) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_paired_proportions_at_zero_are_the_exact_mcnemar_test():
    expected = stats.binomtest(17, 23, 0.5, alternative="greater").pvalue
    assert PairedProportions(17, 6, 500).p_above(0.0) == pytest.approx(expected, rel=1e-12)


def test_paired_proportions_elsewhere_are_tangos_interval():
    # Tango 1998, table III, a 30-pair crossover (Jones & Kenward): 1 and 7 discordant pairs of 50 -> published
    # score interval for (7 - 1) / 50 is 0.0107 to 0.2436 to three digits by direct maximisation (below).
    def score(delta: float, b: int = 7, c: int = 1, n: int = 50) -> float:
        rates = np.linspace(max(0, -delta) + 1e-9, (1 - delta) / 2 - 1e-9, 400001)
        likelihood = b * np.log(rates + delta) + c * np.log(rates) + (n - b - c) * np.log(1 - 2 * rates - delta)
        q = rates[likelihood.argmax()]
        return (b - c - n * delta) / math.sqrt(n * (2 * q + delta * (1 - delta)))

    low, high = interval(PairedProportions(7, 1, 50), 0.025)
    assert score(low) == pytest.approx(stats.norm.ppf(0.975), abs=2e-3)
    assert score(high) == pytest.approx(-stats.norm.ppf(0.975), abs=2e-3)


@pytest.mark.parametrize(("k", "n"), [(0, 0), (0, 5), (5, 5), (3, 9), (700, 1000), (5100, 10000), (4900, 10000)])
def test_the_tail_of_a_fair_coin_is_the_binomial_tail(k, n):
    assert fair_coin_tail(k, n) == pytest.approx(stats.binom.sf(k - 1, n, 0.5), rel=1e-9)


def test_students_t_is_used_where_degrees_of_freedom_are_known():
    assert Normal(2.0, 1.0, "t", df=3).p_above(0) == pytest.approx(stats.t.sf(2.0, 3))


def test_an_estimate_without_noise_is_certain():
    assert Normal(0.0, 0.0, "x").p_above(0.0) == 1.0
    assert Normal(0.0, 0.0, "x").p_below(0.1) == 0.0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.integers(1, 4))
def test_holm_lies_between_no_correction_and_bonferroni(p_values, looks):
    none, holm, bonferroni = (adjust(p_values, kind, looks) for kind in ("none", "holm", "bonferroni"))
    for low, middle, high in zip(none, holm, bonferroni, strict=True):
        assert low - 1e-12 <= middle <= high + 1e-12
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(holm)[order]) >= 0).all()


def test_the_sharpest_level_is_what_the_first_rejection_needs():
    alpha, m, looks = 0.01, 7, 3
    level = sharpest_alpha(alpha, m, "holm", looks)
    assert adjust([level] + [1.0] * (m - 1), "holm", looks)[0] == pytest.approx(alpha)
