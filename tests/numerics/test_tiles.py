"""The screen's promise: a lower bound is never above the exact square, and the slack closes the gap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.numerics.screens import Screen, screens
from ganeval.numerics.tiles import Tiles, exact_squares, first_equal, full_grid, upper_grid


def all_pairs(left: Screen, right: Screen) -> tuple[torch.Tensor, torch.Tensor]:
    """Lower bounds and exact squares of every pair, both (n, m) float64 in scaled units."""
    n, m = len(left), len(right)
    lower = Tiles(left, right, max(n, m)).lower(slice(0, n), slice(0, m)).double().clone()
    i, j = torch.arange(n).repeat_interleave(m), torch.arange(m).repeat(n)
    return lower, exact_squares(left, i, right, j).view(n, m)


@pytest.fixture(params=["highest", "high", "medium"])
def matmul_precision(request: pytest.FixtureRequest) -> Iterator[str]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(request.param)
    yield request.param
    torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize("offset", [0.0, 1e3])
@pytest.mark.parametrize("size", [1e-12, 1.0, 1e18])
@pytest.mark.usefixtures("matmul_precision")
def test_bounds_hold_for_any_scale_and_offset(size: float, offset: float) -> None:
    rng = torch.Generator().manual_seed(3)
    x = (torch.randn(60, 700, generator=rng) + offset) * size
    y = torch.cat([x[:20], x[20:40] * (1 + 1e-6), torch.randn(20, 700, generator=rng) * size])
    left, right = screens(x, y)
    lower, exact = all_pairs(left, right)
    upper = lower + left.slack.double()[:, None] + right.slack.double()
    assert bool((lower <= exact).all())
    assert bool((exact <= upper).all())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.sampled_from([torch.float32, torch.float64]))
def test_bounds_hold_for_small_random_sets(seed: int, d: int, dtype: torch.dtype) -> None:
    rng = torch.Generator().manual_seed(seed)
    x, y = (torch.randn(9, d, generator=rng).exp() for _ in range(2))
    left, right = screens(x, y, dtype=dtype)
    lower, exact = all_pairs(left, right)
    assert bool((lower <= exact).all())
    assert bool((exact <= lower + left.slack.double()[:, None] + right.slack.double()).all())


def test_double_precision_bounds_are_a_million_times_tighter() -> None:
    x = torch.randn(5, 2048, generator=torch.Generator().manual_seed(0))
    (single,), (double,) = screens(x), screens(x, dtype=torch.float64)
    assert float(double.slack.max()) < 1e-6 * float(single.slack.max())


def test_bounds_of_single_precision_are_not_vacuous() -> None:
    x = torch.randn(50, 2048, generator=torch.Generator().manual_seed(0))
    (screen,) = screens(x)
    squares = all_pairs(screen, screen)[1]
    assert float(screen.slack.max()) < 1e-3 * float(squares[0, 1:].min())


def test_exact_squares_are_symmetric_zero_on_equal_rows_and_independent_of_company() -> None:
    x = torch.randn(40, 333, generator=torch.Generator().manual_seed(1))
    (screen,) = screens(x)
    i, j = torch.arange(39), torch.arange(1, 40)
    together = exact_squares(screen, i, screen, j)
    assert torch.equal(together, exact_squares(screen, j, screen, i))
    assert torch.equal(together, torch.cat([exact_squares(screen, i[[p]], screen, j[[p]]) for p in range(39)]))
    assert not exact_squares(screen, i, screen, i).any()


def test_exact_squares_agree_with_numpy() -> None:
    x = torch.randn(6, 1000, generator=torch.Generator().manual_seed(1)).double()
    (screen,) = screens(x)
    squares = all_pairs(screen, screen)[1] / screen.unit
    wanted = ((x.numpy()[:, None] - x.numpy()[None]) ** 2).sum(-1)
    np.testing.assert_allclose(squares, wanted, rtol=1e-13)


def test_constant_rows_have_squares_zero() -> None:
    (screen,) = screens(torch.full((4, 3), 7.0))
    lower, exact = all_pairs(screen, screen)
    assert not exact.any()
    assert bool((lower <= 0).all())


def seen(grid: Iterable[tuple[slice, slice]], n: int, m: int) -> np.ndarray:
    times = np.zeros((n, m), int)
    for a, b in grid:
        times[a, b] += 1
    return times


@pytest.mark.parametrize("of", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("n", [1, 2, 10, 31])
def test_the_shares_of_a_grid_hold_every_pair_once(n: int, of: int) -> None:
    upper = sum(seen(upper_grid(n, 3, (part, of)), n, n) for part in range(of))
    np.testing.assert_array_equal(np.triu(upper), np.triu(np.ones((n, n))))
    full = sum(seen(full_grid(n, 7, 3, (part, of)), n, 7) for part in range(of))
    np.testing.assert_array_equal(full, np.ones((n, 7)))


def test_the_shares_of_a_grid_are_equally_large() -> None:
    upper = [int(np.triu(seen(upper_grid(900, 30, (part, 3)), 900, 900)).sum()) for part in range(3)]
    full = [int(seen(full_grid(900, 900, 30, (part, 3)), 900, 900).sum()) for part in range(3)]
    assert max(upper) < 1.01 * min(upper)
    assert len(set(full)) == 1


def test_first_equal_names_the_first_of_equal_rows() -> None:
    rows = torch.tensor([[1.0, 2.0], [0.0, 0.0], [1.0, 2.0], [0.0, 0.0], [5.0, 5.0]])
    assert first_equal(rows).tolist() == [0, 1, 0, 1, 4]
