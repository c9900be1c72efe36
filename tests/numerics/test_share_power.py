"""The n that is promised for a change of a share finds it, simulated under the gate's own tests."""

from __future__ import annotations

import numpy as np
import pytest

from ganeval.errors import WrongInputError
from ganeval.gate.estimates import PairedProportions, TwoProportions
from ganeval.numerics.share_power import ShareTest

RUNS = 600
NOISE = 0.05  # three standard errors of a share of .8 over 600 runs


@pytest.mark.parametrize(
    ("p", "change", "alpha"),
    [
        (0.97, 0.01, 0.01),
        (0.999, 0.002, 0.01),
        (0.9999, 0.001, 0.01),
        (1.0, 0.05, 0.025),
        (0.6, 0.1, 0.05),
        (0.01, 0.01, 0.05),
    ],
)
def test_the_promised_n_finds_the_change_of_an_unpaired_share(p: float, change: float, alpha: float) -> None:
    n, rng, high = ShareTest(p, alpha).required_n(change, 0.8), np.random.default_rng(0), max(p, 1 - p)
    then, now = rng.binomial(n, high, RUNS), rng.binomial(n, high - change, RUNS)
    found = np.mean([TwoProportions(a, n, b, n).p_above(0) <= alpha for a, b in zip(then, now, strict=True)])
    assert found == pytest.approx(ShareTest(p, alpha).power(n, change), abs=NOISE)
    assert found >= 0.8 - NOISE


@pytest.mark.parametrize(("agreement", "change"), [(0.98, 0.01), (0.999, 0.001), (0.5, 0.05)])
def test_the_promised_n_finds_the_change_of_a_paired_share(agreement: float, change: float) -> None:
    test, rng = ShareTest(0.97, 0.01, agreement), np.random.default_rng(0)
    n = test.required_n(change, 0.8)
    apart = rng.binomial(n, 1 - agreement, RUNS)
    worse = rng.binomial(apart, (1 - agreement + change) / 2 / (1 - agreement))
    found = np.mean(
        [PairedProportions(int(w), int(d - w), n).p_above(0) <= 0.01 for w, d in zip(worse, apart, strict=True)]
    )
    assert found >= 0.8 - NOISE


@pytest.mark.parametrize("p", [0.5, 0.97, 1.0])
def test_the_smallest_change_that_is_found_needs_that_n(p: float) -> None:
    test = ShareTest(p, 0.05)
    change = test.detectable(400, 0.8)
    assert change is not None
    assert test.power(400, change) >= 0.8 > test.power(400, 0.95 * change)


def test_two_images_find_nothing() -> None:
    assert ShareTest(0.97, 0.01).detectable(2, 0.8) is None


def test_the_normal_formula_joins_the_exact_sum_where_counts_are_many() -> None:
    test = ShareTest(0.9, 0.01)
    n = 25_000
    assert test.power(n, 0.01) == pytest.approx(test.power(n - 4000, 0.01 * (n / (n - 4000)) ** 0.5), abs=0.02)


@pytest.mark.parametrize("change", [0.0, -0.01, 0.98, float("nan")])
def test_a_change_that_cannot_be_is_refused(change: float) -> None:
    with pytest.raises(WrongInputError, match="positive and at most"):
        ShareTest(0.97, 0.01).required_n(change, 0.8)


@pytest.mark.parametrize(
    ("p", "alpha", "agreement"), [(1.5, 0.01, None), (float("nan"), 0.01, None), (0.9, 0.7, None), (0.9, 0.01, 1.0)]
)
def test_impossible_shares_levels_and_agreements_are_refused(p: float, alpha: float, agreement: float | None) -> None:
    with pytest.raises(WrongInputError):
        ShareTest(p, alpha, agreement)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_a_change_of_every_image_is_found(p: float) -> None:
    assert ShareTest(p, 0.01, agreement=0.0).detectable(3000, 0.8) <= 1
