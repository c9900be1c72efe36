"""Simulations: the standard errors of fid and kid are the true ones, and their intervals cover E[metric_n].

Fresh fakes against one fixed real set; a generator that is visibly off, where first-order errors apply. Next to 0 both
errors are conservative: there the first-order term vanishes and the plug-in influence is mostly noise.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics import Metric
from ganeval.metrics.frechet import fid, fid_debiased, fid_infinity
from ganeval.metrics.kernel import kid, mmd_rbf
from ganeval.metrics.prdc import recall


def simulate(metric: Metric, n: int, d: int, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """(draws,) values and their stated standard errors."""
    g = torch.Generator().manual_seed(1)
    scale = torch.linspace(0.5, 1.5, d, dtype=torch.float64)
    real = Features.given(torch.randn(2000, d, generator=g, dtype=torch.float64) * scale)
    scores = []
    for _ in range(draws):
        heavy = torch.randn(n, d, generator=g, dtype=torch.float64).exp() * 0.3  # skewed, not Gaussian
        scores.append(metric(Pair(real, Features.given(heavy + scale * torch.randn(n, d, generator=g)))))
    return np.array([float(s) for s in scores]), np.array([s.se for s in scores])


@pytest.mark.parametrize(
    ("metric", "n", "d", "draws"),
    [(fid, 600, 4, 500), (fid, 1500, 12, 400), (kid, 150, 4, 500), (mmd_rbf, 150, 4, 300)],
    ids=lambda v: v.name if isinstance(v, Metric) else str(v),
)
def test_the_formula_is_the_true_spread_and_the_interval_covers(metric: Metric, n: int, d: int, draws: int) -> None:
    if metric is kid or metric is mmd_rbf:
        values, errors = _against_few_reals(metric, n, d, draws)
    else:
        values, errors = simulate(metric, n, d, draws)
    assert errors.mean() == pytest.approx(values.std(ddof=1), rel=0.10)
    assert 0.92 <= (abs(values - values.mean()) < 1.96 * errors).mean() <= 0.98


def _against_few_reals(metric: Metric, n: int, d: int, draws: int) -> tuple[np.ndarray, np.ndarray]:
    g = torch.Generator().manual_seed(2)
    real = Features.given(torch.randn(150, d, generator=g, dtype=torch.float64))
    scores = [
        metric(Pair(real, Features.given(1.2 * torch.randn(n, d, generator=g, dtype=torch.float64) + 0.4)))
        for _ in range(draws)
    ]
    return np.array([float(s) for s in scores]), np.array([s.se for s in scores])


@pytest.mark.parametrize("metric", [fid_debiased, fid_infinity], ids=lambda m: m.name)
def test_debiased_intervals_cover_the_distance_of_an_endless_sample(metric: Metric) -> None:
    """1.3^2 I shifted by 0.2 against the real set's own Gaussian, in 6 dimensions, n = 20 d."""
    g = torch.Generator().manual_seed(3)
    rows = torch.randn(1000, 6, generator=g, dtype=torch.float64)
    rows = rows - rows.mean(dim=0)
    rows = torch.linalg.solve_triangular(torch.linalg.cholesky(torch.cov(rows.T)), rows.T, upper=False).T
    truth = 6 * (0.3**2 + 0.2**2)
    scores = [
        metric(
            Pair(
                Features.given(rows), Features.given(1.3 * torch.randn(120, 6, generator=g, dtype=torch.float64) + 0.2)
            )
        )
        for _ in range(300)
    ]
    covered = [s.interval is not None and s.interval[0] <= truth <= s.interval[1] for s in scores]
    assert 0.92 <= np.mean(covered) <= 0.99


def test_the_error_of_recall_is_its_spread_over_fresh_fakes() -> None:
    """With eighths left out instead of thirds it was 1.33 times the truth: what pairs do together counted twice."""
    g = torch.Generator().manual_seed(4)
    real = Features.given(torch.randn(200, 6, generator=g))
    scores = [recall(Pair(real, Features.given(0.9 * torch.randn(150, 6, generator=g)))) for _ in range(200)]
    errors = [s.se for s in scores if s.se is not None]
    assert np.mean(errors) == pytest.approx(np.std([float(s) for s in scores], ddof=1), rel=0.15)
