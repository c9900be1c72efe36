"""Precision, recall, density, coverage: definitions as loops, the peers' bugs, and errors that hold in simulation."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from ganeval.errors import TooFewSamplesError, UndefinedError, WrongInputError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics import Metric
from ganeval.metrics.prdc import coverage, density, precision, recall
from ganeval.records.scores import Z95, Score

FOUR = [precision, recall, density, coverage]


def normal(seed: int, n: int, d: int = 16, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) + shift


def pair(real: torch.Tensor, fake: torch.Tensor) -> Pair:
    return Pair(Features.given(real), Features.given(fake))


def by_definition(real: torch.Tensor, fake: torch.Tensor, k: int) -> dict[str, float]:
    """Equations 1 of Kynkaanniemi and 3, 4 of Naeem, in plain loops."""
    x, y = real.double().numpy().tolist(), fake.double().numpy().tolist()
    n, m = len(x), len(y)
    real_radius = [sorted(math.dist(x[i], x[j]) for j in range(n) if j != i)[k - 1] for i in range(n)]
    fake_radius = [sorted(math.dist(y[i], y[j]) for j in range(m) if j != i)[k - 1] for i in range(m)]
    far = [[math.dist(a, b) for b in y] for a in x]
    return {
        "precision": sum(any(far[i][j] <= real_radius[i] for i in range(n)) for j in range(m)) / m,
        "recall": sum(any(far[i][j] <= fake_radius[j] for j in range(m)) for i in range(n)) / n,
        "density": sum(far[i][j] <= real_radius[i] for i in range(n) for j in range(m)) / (k * m),
        "coverage": sum(min(far[i]) <= real_radius[i] for i in range(n)) / n,
    }


@pytest.mark.parametrize("k", [1, 3, 5, 7])
def test_values_equal_the_definitions_as_loops(k: int) -> None:
    real, fake = normal(0, 60, 3), normal(1, 45, 3, 0.5)
    wanted = by_definition(real, fake, k)
    assert {metric.name: float(metric(pair(real, fake), k=k)) for metric in FOUR} == pytest.approx(wanted, rel=1e-12)


def test_default_k_is_that_of_each_paper_and_stands_in_the_signature() -> None:
    both = pair(normal(0, 30), normal(1, 30))
    assert [metric(both).signature.split("|")[-1] for metric in FOUR] == ["k:3", "k:3", "k:5", "k:5"]


def test_a_collapsed_generator_has_precision_high_and_recall_low() -> None:
    real = normal(0, 500, 8)
    collapsed = pair(real, real[:1] + 0.01 * normal(1, 500, 8))
    assert precision(collapsed) > 0.99
    assert recall(collapsed) < 0.01


def test_a_generator_of_outliers_and_all_modes_has_recall_high_and_precision_low() -> None:
    real = normal(0, 400, 2)
    spread = pair(real, 4 * normal(1, 400, 2))
    assert recall(spread) > 0.85
    assert precision(spread) < 0.5


@pytest.mark.parametrize("metric", [precision, recall, coverage])
def test_a_set_with_every_row_ten_times_is_perfect_against_itself(metric: Metric) -> None:
    copies = normal(0, 100).repeat(10, 1)
    assert metric(pair(copies, copies.clone())) == 1.0


def test_density_of_a_set_against_itself_counts_the_own_ball() -> None:
    rows = normal(0, 200)
    assert density(pair(rows, rows.clone())) == pytest.approx(6 / 5)


def test_recall_uses_the_radii_of_the_fakes() -> None:
    real = torch.tensor([[0.0], [10.0], [20.0], [30.0]])
    fake = torch.tensor([[0.0], [0.1], [0.2], [0.3]])
    assert recall(pair(real, fake), k=1) == 0.25
    assert precision(pair(real, fake), k=1) == 1.0


def test_coverage_of_the_same_distribution_is_what_it_says() -> None:
    scores = [coverage(pair(normal(2 * s, 400, 3), normal(2 * s + 1, 300, 3))) for s in range(10)]
    assert np.mean(scores) == pytest.approx(scores[0].details["same_distribution"], abs=0.01)
    assert scores[0].details["same_distribution"] == pytest.approx(0.940, abs=0.002)


def test_per_sample_values_name_the_nearest_real_row() -> None:
    real, fake = normal(0, 50), normal(1, 40)
    rows = precision(pair(real, fake)).per_sample
    distance = torch.cdist(fake.double(), real.double())
    np.testing.assert_array_equal(rows["nearest_real_index"], distance.argmin(1).numpy())
    np.testing.assert_allclose(rows["nearest_real"], distance.amin(1).numpy(), rtol=1e-6)
    assert rows["in_manifold"].mean() == pytest.approx(float(precision(pair(real, fake))), rel=1e-6)


def test_details_are_json() -> None:
    for metric in FOUR:
        json.dumps(dict(metric(pair(normal(0, 50), normal(1, 40, shift=1))).details), allow_nan=False)


@pytest.mark.parametrize("metric", FOUR)
def test_as_many_rows_as_neighbours_are_too_few(metric: Metric) -> None:
    with pytest.raises(TooFewSamplesError, match=r"7 nearest neighbours need more than 7 rows.*7 real and 40 fake"):
        metric(pair(normal(0, 7), normal(1, 40)), k=7)


def test_constant_real_features_are_refused() -> None:
    with pytest.raises(UndefinedError, match="all real rows are equal"):
        precision(pair(torch.ones(30, 4), normal(0, 30, 4)))


def test_zero_neighbours_are_refused() -> None:
    with pytest.raises(WrongInputError, match="from 1 to 100; got 0"):
        precision(pair(normal(0, 30), normal(1, 30)), k=0)


def test_a_larger_k_after_a_smaller_one_is_swept_again() -> None:
    both = pair(normal(0, 60, 3), normal(1, 45, 3, 0.5))
    density(both)
    assert density(both, k=12) == pytest.approx(by_definition(normal(0, 60, 3), normal(1, 45, 3, 0.5), 12)["density"])


FRESH = 80


@pytest.fixture(scope="module")
def fresh_scores() -> dict[str, list[Score]]:
    """All four metrics of 80 fake sets against one real set."""
    real = Features.given(normal(0, 300, 6))
    pairs = [Pair(real, Features.given(0.9 * normal(s, 300, 6) + 0.2)) for s in range(1, FRESH + 1)]
    return {metric.name: [metric(p) for p in pairs] for metric in FOUR}


@pytest.mark.parametrize(("name", "most"), [("precision", 1.25), ("density", 1.25), ("recall", 1.8), ("coverage", 1.8)])
def test_standard_errors_are_those_of_fresh_fakes(fresh_scores: dict[str, list[Score]], name: str, most: float) -> None:
    """Not below the truth (Monte-Carlo slack 15 %), not above the stated excess."""
    scores = fresh_scores[name]
    claimed = np.sqrt(np.mean([score.se**2 for score in scores if score.se is not None]))
    assert 0.85 < claimed / np.std(scores, ddof=1) < most


@pytest.mark.parametrize("name", ["precision", "recall", "density", "coverage"])
def test_intervals_cover_the_mean_over_fresh_fakes(fresh_scores: dict[str, list[Score]], name: str) -> None:
    scores = fresh_scores[name]
    mean = np.mean(scores)
    hit = [score.interval[0] <= mean <= score.interval[1] for score in scores if score.interval is not None]
    assert len(hit) == FRESH
    assert np.mean(hit) >= 0.95 - Z95 * (0.95 * 0.05 / FRESH) ** 0.5


def test_an_interval_at_one_is_not_a_point() -> None:
    rows = normal(0, 100)
    for metric in (precision, recall, coverage):
        score = metric(pair(rows, rows.clone()))
        assert score.interval is not None
        assert score.interval[0] < 1.0 <= score.interval[1]
