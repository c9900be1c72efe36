"""Symmetric precision against its definition as a loop, the asymmetry it is for, and simulated errors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics.prdc import precision
from ganeval.metrics.symmetric import symmetric_precision
from ganeval.numerics.jackknife import EIGHTHS

K = 3


def rows(n: int, d: int, seed: int, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def pair(real: torch.Tensor, fake: torch.Tensor) -> Pair:
    return Pair(Features.given(real), Features.given(fake))


def loop(real: torch.Tensor, fake: torch.Tensor) -> float:
    def share_held(inner: torch.Tensor, centres: torch.Tensor) -> list[list[bool]]:
        apart = torch.linalg.vector_norm(centres[:, None] - centres, dim=2).tolist()
        radius = [sorted(d for j, d in enumerate(row) if j != i)[K - 1] for i, row in enumerate(apart)]
        across = torch.linalg.vector_norm(inner[:, None] - centres, dim=2).tolist()
        return [[d <= r for d, r in zip(row, radius, strict=True)] for row in across]

    in_real = np.mean([any(held) for held in share_held(fake, real)])
    holding = np.mean(np.array(share_held(real, fake)).any(axis=0))
    return float(min(in_real, holding))


@pytest.mark.parametrize("scale", [0.3, 1.0, 2.0])
def test_it_is_its_definition(scale: float) -> None:
    real, fake = rows(30, 3, 0), rows(25, 3, 1, scale)
    assert float(symmetric_precision(pair(real, fake), k=K)) == pytest.approx(loop(real, fake), abs=1e-12)


def test_the_jackknife_is_the_metric_on_the_rows_kept() -> None:
    real, fake = rows(60, 2, 0), rows(64, 2, 1, 1.4)
    kept = EIGHTHS.kept(len(fake))
    left = [loop(real, fake[torch.from_numpy(kept[:, s])]) for s in range(kept.shape[1])]
    stated = symmetric_precision(pair(real, fake), k=K)
    assert stated.se == pytest.approx(EIGHTHS.se(np.array(left)), rel=0.02)
    assert stated.details["precision"] >= float(stated) <= stated.details["complement"]


def test_a_shell_inside_is_as_wrong_as_one_outside() -> None:
    """In 64 dimensions precision calls the inner shell perfect and the outer one worthless."""
    real, fake = (x / x.norm(dim=1, keepdim=True) for x in (rows(400, 64, 0), rows(400, 64, 1)))
    inner, outer = pair(real, 0.6 * fake), pair(real, fake / 0.6)
    assert float(precision(inner)) > 0.95
    assert float(precision(outer)) < 0.05
    assert float(symmetric_precision(inner)) < 0.05
    assert float(symmetric_precision(outer)) < 0.05


@pytest.mark.parametrize(
    "scale", [pytest.param(0.7, marks=pytest.mark.study), 1.0, pytest.param(1.3, marks=pytest.mark.study)]
)
def test_the_error_is_at_least_that_of_fresh_fakes(scale: float) -> None:
    real = rows(300, 4, 0)
    scores = [symmetric_precision(pair(real, rows(250, 4, 10 + s, scale))) for s in range(120)]
    errors = [s.se for s in scores if s.se is not None]
    assert len(errors) == len(scores)
    assert 0.85 <= np.mean(errors) / np.std([float(s) for s in scores], ddof=1) <= 1.6


def test_where_no_deletion_changes_anything_the_interval_is_still_no_point() -> None:
    apart = symmetric_precision(pair(rows(60, 3, 0), rows(60, 3, 1) + 100))
    assert (float(apart), apart.se) == (0.0, 0.0)
    assert apart.interval is not None
    assert apart.interval[1] > 0.01
