"""The loss that a class's images can show, beside exact binomial sums."""

from __future__ import annotations

import pytest

from ganeval.numerics.share_power import ShareTest
from ganeval.report.panels.classes import _detectable


@pytest.mark.parametrize(("rate", "n"), [(0.97, 1000), (0.9, 1000), (0.5, 400), (0.97, 300), (0.995, 5000)])
def test_the_detectable_loss_is_near_the_exact_one(rate: float, n: int) -> None:
    assert _detectable(rate, n) == pytest.approx(ShareTest(rate, 0.05).detectable(n, 0.8), rel=0.12)


@pytest.mark.parametrize("n", [1, 5, 30])
@pytest.mark.parametrize("rate", [0.0, 0.01, 0.5, 1.0])
def test_no_more_is_lost_than_there_is(rate: float, n: int) -> None:
    lost = _detectable(rate, n)
    assert lost is not None
    assert 0 < lost <= max(rate, 1 / (n + 2))
