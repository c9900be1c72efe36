"""Birthday test: it finds the support of generators whose support is known, and its interval covers it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganeval.errors import TooFewSamplesError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics.birthday import birthday, support_size


def collapsed(support: int, n: int, seed: int, weights: np.ndarray | None = None) -> Features:
    rng = np.random.default_rng(seed)
    images = np.random.default_rng(0).normal(size=(support, 6)) * 10
    return Features.given(images[rng.choice(support, n, p=weights)] + rng.normal(size=(n, 6)) * 1e-4)


REAL = Features.given(np.random.default_rng(1).normal(size=(2000, 6)) * 10)


@pytest.mark.parametrize("skewed", [False, True])
def test_the_interval_covers_the_effective_support(skewed: bool) -> None:  # noqa: FBT001 - a case, not a switch
    weights = np.linspace(1, 5, 400) / np.linspace(1, 5, 400).sum() if skewed else np.full(400, 1 / 400)
    truth, hits = 1 / (weights**2).sum(), 0
    for seed in range(100):
        score = birthday(Pair(REAL, collapsed(400, 300, seed, weights)), threshold=0.1)
        assert score.interval is not None
        hits += score.interval[0] <= truth <= score.interval[1]
    assert hits >= 90


def test_fifty_images_are_told_from_real_data() -> None:
    fifty = birthday(Pair(REAL, collapsed(50, 1000, 3)))
    real = birthday(Pair(REAL, Features.given(np.random.default_rng(5).normal(size=(1000, 6)) * 10)))
    assert 40 < fifty < 60
    assert real > 20 * fifty


def test_without_collisions_the_value_is_a_lower_bound() -> None:
    score = birthday(Pair(REAL, Features.given(torch.arange(600.0).reshape(100, 6) * 7)), threshold=1e-6)
    assert score.details["bounded_below"]
    assert score.interval is None
    assert float(score) == pytest.approx(4950 / 2.9957, rel=1e-4)


def test_the_closest_pairs_are_listed_for_people() -> None:
    pairs = birthday(Pair(REAL, collapsed(3, 30, 0)), threshold=0.1).details["pairs"]
    assert len(pairs) == 20
    assert pairs[0]["distance"] <= pairs[-1]["distance"] <= 0.1


def test_one_image_repeated_has_support_one() -> None:
    assert support_size(np.full(50, 49))[0] == 1.0


def test_one_fake_is_too_few() -> None:
    with pytest.raises(TooFewSamplesError):
        birthday(Pair(REAL, collapsed(1, 1, 0)), threshold=1.0)


def test_two_unlike_images_show_a_support_of_at_least_one() -> None:
    score = birthday(Pair(REAL, collapsed(2, 2, 1)), threshold=1e-9)
    assert float(score) >= 1
