"""Alpha-precision and beta-recall against their definitions as loops, closed forms, and simulated errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganeval.errors import GanevalError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics import METRICS
from ganeval.metrics.alpha_beta import alpha_precision, beta_recall
from ganeval.numerics.jackknife import EIGHTHS


def rows(n: int, d: int, seed: int, scale: float = 1.0, shift: float = 0.0) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    return scale * torch.randn(n, d, generator=g, dtype=torch.float64) + shift


def pair(real: torch.Tensor, fake: torch.Tensor) -> Pair:
    return Pair(Features.given(real), Features.given(fake))


def below(many: list[float], x: float) -> float:
    return sum(1.0 if y < x else 0.5 if y == x else 0.0 for y in many)


def alpha_loop(real: torch.Tensor, fake: torch.Tensor) -> float:
    centre = real.mean(dim=0)
    r, f = ([float((row - centre).norm()) for row in some] for some in (real, fake))
    return 1 - 2 * sum(abs(below(f, x) / len(f) - below(r, x) / len(r)) for x in r) / len(r)


def beta_loop(real: torch.Tensor, fake: torch.Tensor) -> float:
    centre = fake.mean(dim=0)
    depth = [float((row - centre).norm()) for row in fake]
    reached = []
    reals, fakes = real.tolist(), fake.tolist()
    for i, row in enumerate(reals):
        radius = min(math.dist(row, other) for j, other in enumerate(reals) if j != i)
        distances = [math.dist(row, other) for other in fakes]
        if min(distances) <= radius:
            reached.append(depth[distances.index(min(distances))])
    gaps = [abs(below(reached, x) / len(real) - below(depth, x) / len(fake)) for x in depth]
    return 1 - 2 * sum(gaps) / len(fake)


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (1.5, 0.0), (0.5, 0.3)])
def test_both_are_their_definitions(scale: float, shift: float) -> None:
    real, fake = rows(30, 3, 0), rows(25, 3, 1, scale, shift)
    assert float(alpha_precision(pair(real, fake))) == pytest.approx(alpha_loop(real, fake), abs=1e-12)
    assert float(beta_recall(pair(real, fake))) == pytest.approx(beta_loop(real, fake), abs=1e-12)


@pytest.mark.parametrize("name", ["alpha_precision", "beta_recall"])
@pytest.mark.parametrize("shift", [0.0, 100.0])
def test_one_for_identical_sets_and_zero_for_sets_that_never_meet(name: str, shift: float) -> None:
    real = rows(200, 4, 0).repeat(2, 1)
    assert float(METRICS[name](pair(real, real + shift))) == pytest.approx(1.0 if shift == 0 else 0.0, abs=1e-9)


def test_fakes_that_all_lie_in_the_middle_have_no_alpha_precision() -> None:
    real = rows(500, 8, 0)
    assert float(alpha_precision(pair(real, rows(400, 8, 1, 1e-3)))) == pytest.approx(0.0, abs=0.01)


def test_a_second_sample_gets_what_the_brownian_bridge_says() -> None:
    """E integral |B| = sqrt(pi / 32) for a Brownian bridge B."""
    n, m = 400, 300
    scores = [float(alpha_precision(pair(rows(n, 6, 2 * s), rows(m, 6, 2 * s + 1)))) for s in range(60)]
    assert np.mean(scores) == pytest.approx(1 - 2 * math.sqrt(math.pi / 32) * math.sqrt(1 / n + 1 / m), abs=0.006)


@pytest.mark.parametrize(("name", "low", "high"), [("alpha_precision", 0.85, 1.15), ("beta_recall", 0.8, 1.5)])
@pytest.mark.parametrize(("scale", "shift"), [(1.3, 0.0), (1.0, 0.5)])
def test_the_error_is_that_of_fresh_fakes(name: str, low: float, high: float, scale: float, shift: float) -> None:
    real = rows(300, 4, 0)
    scores = [METRICS[name](pair(real, rows(250, 4, 10 + s, scale, shift))) for s in range(120)]
    errors = [s.se for s in scores if s.se is not None]
    assert len(errors) == len(scores)
    assert low <= np.mean(errors) / np.std([float(s) for s in scores], ddof=1) <= high


def test_the_jackknife_of_beta_recall_is_the_metric_on_the_rows_kept() -> None:
    real, fake = rows(60, 3, 0), rows(64, 3, 1, 1.2)
    kept = EIGHTHS.kept(len(fake))
    left = [beta_loop(real, fake[torch.from_numpy(kept[:, s])]) for s in range(kept.shape[1])]
    whole = beta_recall(pair(real, fake))
    assert whole.se == pytest.approx(EIGHTHS.se(np.array(left), whole=float(whole)), rel=1e-9)


def test_reals_that_are_all_equal_are_refused() -> None:
    for metric in (alpha_precision, beta_recall):
        with pytest.raises(GanevalError, match="equal"):
            metric(pair(torch.ones(20, 3), rows(20, 3, 0).float()))
