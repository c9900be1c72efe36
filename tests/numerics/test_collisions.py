"""Colliding pairs: equal to the definition as loops, ties and duplicates included, whatever the tile."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.numerics.collisions import collisions


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(2, 40),
    seed=st.integers(0, 999),
    tile=st.sampled_from([3, 16, 64]),
    radius=st.sampled_from([0.0, 1.0, 2.0]),
)
def test_counts_are_those_of_the_loops_on_integer_points(n: int, seed: int, tile: int, radius: float) -> None:
    rows = np.random.default_rng(seed).integers(0, 4, (n, 2)).astype(np.float32)
    distance = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    by_loops = ((distance <= radius) & ~np.eye(n, dtype=bool)).sum(axis=1)
    assert collisions(torch.from_numpy(rows), radius, tile=tile).counts.tolist() == by_loops.tolist()


def test_the_closest_pairs_come_first() -> None:
    rows = torch.tensor([[0.0], [10.0], [10.25], [0.5]], dtype=torch.float64)
    found = collisions(rows, 1.0, listed=1)
    assert found.pairs.tolist() == [[1, 2]]
    assert found.distances.tolist() == [pytest.approx(0.25)]
    assert found.counts.tolist() == [1, 1, 1, 1]


def test_no_pair_is_within_a_tiny_radius() -> None:
    found = collisions(torch.arange(9.0).reshape(-1, 1), 0.5)
    assert found.counts.sum() == 0
    assert found.pairs.shape == (0, 2)
