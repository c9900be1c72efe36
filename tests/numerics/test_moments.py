from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.errors import TooFewSamplesError, WrongInputError
from ganeval.numerics.moments import TILE, Moments, Running, offset_and_spread


def rows_of(n: int, d: int, seed: int = 0, offset: float = 0.0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + offset


def assert_equal(a: Moments, b: Moments) -> None:
    assert a.n == b.n
    torch.testing.assert_close(a.mean, b.mean, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(a.scatter, b.scatter, rtol=1e-10, atol=1e-10)


def test_moments_are_numpys() -> None:
    rows = rows_of(57, 7, offset=30.0)
    moments = Moments.of(rows, tile=10)
    np.testing.assert_allclose(moments.mean, rows.mean(dim=0), rtol=1e-14)
    np.testing.assert_allclose(moments.covariance(), np.cov(rows.numpy(), rowvar=False), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(
        moments.covariance(0), np.cov(rows.numpy(), rowvar=False, ddof=0), rtol=1e-12, atol=1e-13
    )


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 40), min_size=1, max_size=5), offset=st.floats(-1e3, 1e3))
def test_any_shards_in_any_grouping_give_the_whole(cuts: list[int], offset: float) -> None:
    rows = rows_of(40, 3, offset=offset)
    edges = [0, *sorted(cuts), 40]
    shards = [Moments.of(rows[a:b]) for a, b in itertools.pairwise(edges)]
    left = right = Moments.empty(3)
    for shard in shards:
        left = left.merge(shard)
    for shard in reversed(shards):
        right = shard.merge(right)
    assert_equal(left, Moments.of(rows))
    assert_equal(right, left)


def test_the_empty_set_is_the_identity() -> None:
    moments = Moments.of(rows_of(9, 4))
    assert Moments.empty(4).merge(moments) is moments
    assert moments.merge(Moments.empty(4)) is moments
    assert Moments.of(torch.empty(0, 4)).n == 0


@pytest.mark.parametrize("tile", [1, 7, 64, 1000])
def test_tiles_do_not_matter(tile: int) -> None:
    rows = rows_of(64, 5, offset=100.0)
    assert_equal(Moments.of(rows, tile), Moments.of(rows))


def test_float32_rows_with_a_large_mean_keep_their_digits() -> None:
    rows = (rows_of(5000, 4) * 0.1).float() + 300
    np.testing.assert_allclose(
        Moments.of(rows).covariance(), np.cov(rows.double().numpy(), rowvar=False), rtol=1e-9, atol=1e-12
    )


def test_one_row_has_no_covariance() -> None:
    with pytest.raises(TooFewSamplesError, match="at least 2 rows; got 1"):
        Moments.of(rows_of(1, 3)).covariance()


def test_widths_must_agree() -> None:
    with pytest.raises(WrongInputError, match="d = 3 and d = 4"):
        Moments.of(rows_of(5, 3)).merge(Moments.of(rows_of(5, 4)))


def test_integers_are_no_rows() -> None:
    with pytest.raises(WrongInputError, match="floating point"):
        Moments.of(torch.ones(3, 3, dtype=torch.int64))


@pytest.mark.parametrize("batch", [1, 300, TILE, 5000])
def test_a_running_sum_is_merging_tile_by_tile_to_the_last_bit(batch: int) -> None:
    rows = rows_of(2500, 70, offset=30.0).float()  # not a multiple of the tile, and wider than one step of a product
    running, merged = Running(70), Moments.empty(70)
    for part in rows.split(batch):
        running.add(part)
    for part in rows.split(TILE):
        merged = merged.merge(Moments.of(part))
    found = running.finish()
    assert found.n == 2500
    assert torch.equal(found.mean, merged.mean)
    assert torch.equal(found.scatter, merged.scatter)


def test_a_running_sum_of_nothing_is_the_empty_set() -> None:
    running = Running(3)
    running.add(torch.empty(0, 3))
    assert (running.finish().n, running.finish().scatter.sum()) == (0, 0)


@pytest.mark.parametrize("size", [1e-24, 1.0, 1e24])
def test_offset_and_spread_are_those_of_all_rows_together(size: float) -> None:
    sets = [(rows_of(n, 5, n, offset=3.0) * size).float() for n in (40, 130, 1)]
    together = torch.cat(sets).double().numpy()
    found = offset_and_spread(sets)
    np.testing.assert_allclose(found[0], abs(together.mean(axis=0)).max(), rtol=1e-6)
    np.testing.assert_allclose(found[1], together.var(axis=0).mean() ** 0.5, rtol=1e-6)
