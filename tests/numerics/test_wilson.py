"""The Wilson interval against its definition: the proportions that a score test does not reject."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.errors import UndefinedError, WrongInputError
from ganeval.numerics.intervals import normal_quantile, wilson


@given(n=st.integers(1, 5000), share=st.floats(0, 1), level=st.floats(0.5, 0.999))
@settings(max_examples=25, deadline=None)
def test_each_end_is_where_the_score_test_stops_rejecting(n: int, share: float, level: float) -> None:
    successes = round(share * n)
    z = normal_quantile(level)
    for end in wilson(successes, n, level):
        if 0 < end < 1:
            statistic = abs(successes / n - end) / math.sqrt(end * (1 - end) / n)
            assert statistic == pytest.approx(z, rel=1e-6)


@given(n=st.integers(1, 5000), share=st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_the_interval_holds_the_proportion_and_mirrors(n: int, share: float) -> None:
    successes = round(share * n)
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    assert low < high
    mirrored = wilson(n - successes, n)
    assert (1 - high, 1 - low) == pytest.approx(mirrored, abs=1e-12)


def test_the_published_example_of_966_of_1000_digits() -> None:
    low, high = wilson(966, 1000)
    assert (round(100 * low, 1), round(100 * high, 1)) == (95.3, 97.6)


def test_no_trials_have_no_interval() -> None:
    with pytest.raises(UndefinedError, match="at least one trial"):
        wilson(0, 0)


def test_more_successes_than_trials_are_refused() -> None:
    with pytest.raises(WrongInputError, match="between 0 and n = 10; got 11"):
        wilson(11, 10)


def test_a_level_in_percent_is_refused() -> None:
    with pytest.raises(WrongInputError, match=r"Pass 0\.95"):
        wilson(1, 2, 95)
