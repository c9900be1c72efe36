from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ganeval.errors import UndefinedError, WrongInputError
from ganeval.numerics.intervals import clopper_pearson, holm, mcnemar, newcombe


@pytest.mark.parametrize(("k", "n"), [(0, 7), (3, 7), (7, 7), (970, 1000)])
def test_clopper_pearson_is_scipys(k: int, n: int) -> None:
    expected = stats.binomtest(k, n).proportion_ci(0.95, "exact")
    assert clopper_pearson(k, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_clopper_pearson_needs_a_trial_and_possible_counts() -> None:
    with pytest.raises(UndefinedError, match="at least one trial"):
        clopper_pearson(0, 0)
    with pytest.raises(WrongInputError, match="between 0 and n = 3; got 4"):
        clopper_pearson(4, 3)


def test_newcombe_covers_the_true_difference() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.binomial(80, 0.95, 1000), rng.binomial(60, 0.85, 1000)
    intervals = [newcombe((int(a), 80), (int(b), 60)) for a, b in zip(first, second, strict=True)]
    assert np.mean([low <= 0.10 <= high for low, high in intervals]) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(("a", "b"), [(5, 0), (12, 4), (1, 1), (100, 140)])
def test_mcnemar_is_the_exact_coin_test(a: int, b: int) -> None:
    assert mcnemar(a, b) == pytest.approx(stats.binomtest(a, a + b).pvalue, rel=1e-10)


def test_nothing_discordant_is_no_evidence() -> None:
    assert mcnemar(0, 0) == 1.0
    with pytest.raises(WrongInputError, match="negative"):
        mcnemar(-1, 2)


def test_holm_keeps_the_family_level() -> None:
    rng = np.random.default_rng(0)
    false_alarms = sum(min(holm(rng.uniform(size=20).tolist())) <= 0.05 for _ in range(2000))
    assert false_alarms / 2000 == pytest.approx(0.05, abs=0.015)


def test_holm_by_hand() -> None:
    assert holm([0.2, 0.01, 0.04, 0.03, 0.9]) == pytest.approx([0.4, 0.05, 0.12, 0.12, 0.9])
    assert holm([]) == []
