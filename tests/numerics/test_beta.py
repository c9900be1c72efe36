"""The incomplete beta function in plain Python is scipy's."""

from __future__ import annotations

import pytest
from scipy import special

from ganeval.numerics.beta import beta_cdf, beta_quantile, student_cdf


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (1, 10), (3, 4.5), (971, 31), (0.5, 4e4), (2e4, 8e4)])
@pytest.mark.parametrize("share", [1e-9, 0.025, 0.5, 0.999])
def test_shares_and_quantiles_are_scipys(a: float, b: float, share: float) -> None:
    x = float(special.betaincinv(a, b, share))
    assert beta_cdf(x, a, b) == pytest.approx(special.betainc(a, b, x), rel=1e-9)
    assert beta_quantile(share, a, b) == pytest.approx(x, rel=1e-9)


@pytest.mark.parametrize("df", [1, 2.7, 30, 1e4])
@pytest.mark.parametrize("t", [-40.0, -2.5, 0.0, 0.3, 9.0])
def test_the_tail_of_students_t_is_scipys(t: float, df: float) -> None:
    assert student_cdf(t, df) == pytest.approx(special.stdtr(df, t), rel=1e-9)


@pytest.mark.parametrize(("x", "share"), [(0.0, 0.0), (1.0, 1.0), (-0.1, 0.0), (1.1, 1.0)])
def test_outside_of_the_range_there_is_nothing_or_all(x: float, share: float) -> None:
    assert beta_cdf(x, 2, 3) == share
