"""The 95 % interval of every metric that has one covers the mean of that metric over fresh fakes, the reals held
fixed.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ganeval.features.pair import Pair
from ganeval.metrics import METRICS, Metric

DRAWS, N = 40, 150
AT_LEAST = 0.85  # an interval that covers 95 % fails here in 3 of 1000 cases; the draws are seeded

# name -> why its interval means something else
OTHER_INTERVALS = {
    "fld": "the interval is over held-out rows, the fakes held fixed",
    "changed_copies": "a share and Wilson's interval, as `copies`; 200 alignments take minutes",
    "mmd_test": "the interval is that of the Monte Carlo p-value, not of a new sample",
}


@pytest.fixture(scope="module")
def draws(world: Any) -> list[Pair]:
    """The same reals with fresh fakes; neighbours and the like are shared by all metrics."""
    real = world.features(*world.rows(300, 0))
    return [draw(world, real, seed) for seed in range(DRAWS)]


def draw(world: Any, real: Any, seed: int) -> Pair:
    g = torch.Generator().manual_seed(10_000 + seed)
    labels = torch.randint(0, len(world.centres), (N,), generator=g)
    rows = world.centres[labels] + 0.8 * torch.randn(N, world.dim, generator=g, dtype=torch.float64)
    return world.pair(real, world.features(1.15 * rows + 0.2, labels), seed=seed)


@pytest.mark.parametrize(
    "metric",
    [m for m in METRICS if not m.slow and not m.paired and m.name not in OTHER_INTERVALS],
    ids=lambda m: m.name,
)
def test_the_interval_covers_what_it_claims(metric: Metric, draws: list[Pair]) -> None:
    options = {"n": 200} if "n" in metric.options else {}
    first = metric(draws[0], **options)
    if first.interval is None:
        pytest.skip("no honest error is known: no interval to test")
    scores = [first, *(metric(pair, **options) for pair in draws[1:])]
    mean = sum(map(float, scores)) / DRAWS
    covered = sum(s.interval is not None and s.interval[0] <= mean <= s.interval[1] for s in scores)
    assert covered >= AT_LEAST * DRAWS, f"{covered} of {DRAWS} intervals cover"
