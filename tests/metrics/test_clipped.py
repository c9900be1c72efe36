"""Clipped density and coverage: what their paper promises, and their building blocks by brute force."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import beta, binom

from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics import Metric
from ganeval.metrics.clipped import clipped_coverage, clipped_density, expected_coverage, share_of_good
from ganeval.numerics.balls import own_clipped_counts
from ganeval.numerics.nearest import nearest_within

BOTH = [clipped_density, clipped_coverage]


def normal(seed: int, n: int, d: int = 6) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def pair(real: torch.Tensor, fake: torch.Tensor) -> Pair:
    return Pair(Features.given(real), Features.given(fake))


@pytest.mark.parametrize("metric", BOTH)
@pytest.mark.parametrize("bad", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_the_score_falls_linearly_with_the_share_of_bad_samples(metric: Metric, bad: float) -> None:
    fake = normal(1, 800)
    fake[: int(bad * 800)] += 50
    score = metric(pair(normal(0, 800), fake))
    assert score.se is not None
    assert score == pytest.approx(1 - bad, abs=max(3 * score.se, 0.01))


@pytest.mark.parametrize("metric", BOTH)
def test_one_real_outlier_changes_nothing(metric: Metric) -> None:
    real, fake = normal(0, 400), normal(1, 400)
    fake[:200] = 300 * fake[:200]
    with_outlier = torch.cat([real[:-1], real[-1:] + 1e4])
    assert metric(pair(with_outlier, fake)) == pytest.approx(metric(pair(real, fake)), abs=0.02)


@pytest.mark.parametrize("metric", BOTH)
def test_repeated_rows_are_perfect_against_themselves(metric: Metric) -> None:
    rows = normal(0, 80).repeat(10, 1)
    assert metric(pair(rows, rows.clone())) == 1.0


@pytest.mark.parametrize("metric", BOTH)
def test_an_interval_at_zero_is_not_a_point(metric: Metric) -> None:
    interval = metric(pair(normal(0, 200), normal(1, 200) + 100)).interval
    assert interval is not None
    assert interval[0] == 0 < interval[1]


def test_standard_errors_are_those_of_fresh_fakes() -> None:
    real = Features.given(normal(0, 300))
    pairs = [Pair(real, Features.given(1.1 * normal(s, 300) + 0.4)) for s in range(1, 61)]
    for metric in BOTH:
        scores = [metric(p) for p in pairs]
        claimed = np.sqrt(np.mean([score.se**2 for score in scores if score.se is not None]))
        assert max(scores) < 1
        assert 0.8 < claimed / np.std(scores, ddof=1) < 1.6, metric.name


def test_expected_coverage_is_the_beta_mixture_of_binomials() -> None:
    n, m, k = 40, 30, 4
    mass = (np.arange(20_000) + 0.5) / 20_000
    weight = beta.pdf(mass, k, n - k)
    counts = sum(min(j, k) * binom.pmf(j, m, mass) for j in range(m + 1)) / k
    assert expected_coverage(np.array([m]), n, k)[0] == pytest.approx((weight * counts).sum() / weight.sum(), rel=1e-6)


def test_the_calibration_is_monotone_and_ends_at_one() -> None:
    shares = share_of_good(np.linspace(0, 1, 50), 300, 200, 5)
    assert shares.tolist() == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


@pytest.mark.parametrize(
    "rows",
    [
        normal(0, 120),
        normal(5, 121),
        normal(0, 12).repeat(10, 1),
        torch.randint(0, 3, (120, 3), generator=torch.Generator().manual_seed(0)).float(),
    ],
    ids=["even", "odd", "copies", "lattice"],
)
def test_balls_of_the_others_equal_brute_force_with_ties(rows: torch.Tensor) -> None:
    k = 3
    d = (
        torch.cdist(rows.double(), rows.double(), compute_mode="donot_use_mm_for_euclid_dist")
        .fill_diagonal_(torch.inf)
        .numpy()
    )
    radius = np.sort(d, axis=1)[:, k - 1]
    radius = np.minimum(radius, np.median(radius))
    wanted = (d <= radius[:, None] * (1 + 1e-12)).sum(0)
    np.testing.assert_array_equal(own_clipped_counts(rows, nearest_within(rows, k + 4), k), wanted)


def test_one_slightly_wrong_generator_gets_less_coverage_at_larger_n_so_only_equal_n_compare() -> None:
    beside = torch.tensor([0.0, 0.0, 0.15])  # off the plane of the reals, by less than the balls are wide at small n
    flat = torch.tensor([1.0, 1.0, 0.0])
    few, many = (clipped_coverage(pair(normal(0, n, 3) * flat, normal(1, n, 3) * flat + beside)) for n in (200, 1600))
    assert few > many + 0.2
    assert clipped_coverage.biased_in_n
