"""The PRD curve: closed forms, and a generator that drops a mode."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.errors import TooFewSamplesError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics.prd import prd_precision, prd_recall
from ganeval.numerics.prd import best_f, prd_curve


def modes(seed: int, n: int, which: int) -> torch.Tensor:
    """n rows around the first `which` of ten centres."""
    centres = 20 * torch.randn(10, 4, generator=torch.Generator().manual_seed(99))
    rng = torch.Generator().manual_seed(seed)
    return centres[torch.arange(n) % which] + torch.randn(n, 4, generator=rng)


def pair(real: torch.Tensor, fake: torch.Tensor) -> Pair:
    return Pair(Features.given(real), Features.given(fake))


def test_half_of_the_modes_give_precision_one_and_recall_one_half() -> None:
    real, fake = np.full(10, 0.1), np.repeat([0.2, 0.0], 5)
    precision, recall = prd_curve(real, fake)
    assert precision.max() == pytest.approx(1)
    assert recall.max() == pytest.approx(0.5)
    assert best_f(prd_curve(real, fake), 8.0) == pytest.approx(65 * 0.5 / (64 + 0.5), abs=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 20), min_size=6, max_size=6), st.lists(st.integers(1, 20), min_size=6, max_size=6))
def test_exchanging_the_sets_exchanges_precision_and_recall(a: list[int], b: list[int]) -> None:
    p, q = (np.array(x, float) + 1e-12 for x in (a, b))
    p, q = p / p.sum(), q / q.sum()
    one, other = prd_curve(p, q), prd_curve(q, p)
    assert best_f(one, 8.0) == pytest.approx(best_f(other, 1 / 8), rel=1e-6)


def test_dropped_modes_are_seen_by_recall_and_not_by_precision() -> None:
    dropped = pair(modes(0, 1000, 10), modes(1, 1000, 3))
    assert prd_recall(dropped) < 0.45
    assert prd_precision(dropped) > 0.9


def test_the_order_of_rows_and_their_precision_do_not_matter() -> None:
    real, fake = modes(0, 600, 10), modes(1, 500, 7)
    shuffled = fake[torch.randperm(500, generator=torch.Generator().manual_seed(0))]
    value = float(prd_recall(pair(real, fake)))
    assert float(prd_recall(pair(real, shuffled))) == value
    assert float(prd_recall(pair(real.double(), fake.double()))) == value


def test_fewer_rows_than_clusters_are_too_few() -> None:
    with pytest.raises(TooFewSamplesError, match="as many rows as clusters, 20, in each set; got 19"):
        prd_recall(pair(modes(0, 100, 10), modes(1, 19, 10)))


def test_standard_errors_are_not_below_those_of_fresh_fakes() -> None:
    real, rng = Features.given(modes(0, 300, 10)), torch.Generator().manual_seed(7)
    draws = [modes(s, 300, 6)[torch.randint(0, 300, (300,), generator=rng)] for s in range(1, 16)]
    pairs = [Pair(real, Features.given(fake)) for fake in draws]
    for metric in (prd_recall, prd_precision):
        scores = [metric(p) for p in pairs]
        claimed = np.sqrt(np.mean([score.se**2 for score in scores if score.se is not None]))
        assert 0.85 < claimed / np.std(scores, ddof=1) < 4, metric.name
