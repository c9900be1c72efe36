"""Realism and rarity of single images, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganeval.errors import UndefinedError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics.prdc import precision
from ganeval.metrics.realism import rarity, realism


def normal(seed: int, n: int, d: int = 4) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def pair(real: torch.Tensor, fake: torch.Tensor) -> Pair:
    return Pair(Features.given(real), Features.given(fake))


def test_realism_falls_with_the_distance_from_the_data() -> None:
    scores = [realism(pair(normal(0, 300), normal(1, 200) + shift)) for shift in (0.0, 2.0, 4.0, 8.0)]
    assert scores == sorted(scores, reverse=True)


def test_realism_of_one_means_inside_a_ball_of_at_most_the_median_radius() -> None:
    real = torch.tensor([[0.0], [1.0], [2.0], [3.0], [50.0]])
    rows = realism(pair(real, torch.tensor([[3.0], [4.5], [5.5], [7.0], [20.0]]))).per_sample["realism"]
    # radii 3, 2, 2, 3, 49 and median 3: the ball of the outlier at 50 takes no part
    np.testing.assert_allclose(rows, [1e5, 3 / 1.5, 3 / 2.5, 3 / 4, 3 / 17], rtol=1e-6)


def test_realism_does_not_depend_on_the_unit_of_the_features() -> None:
    real, fake = normal(0, 100), normal(1, 80)
    small, large = (realism(pair(real * s, fake * s)).per_sample["realism"] for s in (2.0**-20, 2.0**20))
    np.testing.assert_array_equal(small, large)


def test_rarity_is_the_smallest_radius_of_a_ball_around_the_fake() -> None:
    real, fake = normal(0, 100), normal(1, 80)
    score = rarity(pair(real, fake))
    within = torch.cdist(real.double(), real.double()).fill_diagonal_(torch.inf).sort(1).values[:, 2].numpy()
    between = torch.cdist(real.double(), fake.double()).numpy()
    wanted = np.where(between <= within[:, None], within[:, None], np.inf).min(0)
    np.testing.assert_allclose(score.per_sample["rarity"], np.where(np.isinf(wanted), 0, wanted), rtol=1e-6)
    assert score.details["outside"] == pytest.approx(1 - float(precision(pair(real, fake))))


def test_fakes_in_sparse_regions_are_rarer() -> None:
    real = normal(0, 1000, 2)
    assert rarity(pair(real, 1.5 * normal(1, 500, 2))) > rarity(pair(real, 0.3 * normal(1, 500, 2)))


def test_rarity_has_no_value_where_no_fake_is_inside() -> None:
    with pytest.raises(UndefinedError, match="0 of 50 are"):
        rarity(pair(normal(0, 100), normal(1, 50) + 100))


def test_the_interval_of_the_median_covers_it() -> None:
    real = Features.given(normal(0, 300))
    scores = [realism(Pair(real, Features.given(normal(s, 200)))) for s in range(1, 61)]
    middle = np.mean(scores)
    hit = [score.interval[0] <= middle <= score.interval[1] for score in scores if score.interval is not None]
    assert np.mean(hit) >= 0.95 - 1.96 * (0.95 * 0.05 / 60) ** 0.5
