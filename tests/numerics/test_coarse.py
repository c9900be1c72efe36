"""The coarse sieve's promise: it loses nothing, so every neighbour is the one that full precision finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ganeval.errors import WrongInputError
from ganeval.numerics import coarse
from ganeval.numerics.coarse import Coarse, chosen_products
from ganeval.numerics.nearest import nearest_across, nearest_between, nearest_within
from ganeval.numerics.neighbours import crossing
from ganeval.numerics.screens import screens
from ganeval.numerics.tiles import Tiles, exact_squares, full_grid


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def plain(n: int, d: int, seed: int) -> torch.Tensor:
    return torch.randn(n, d, generator=seeded(seed)).clamp_min(0)


def in_clusters(n: int, d: int, seed: int) -> torch.Tensor:
    """Tight clusters far from one another: no product of two digits can tell who is near within one."""
    centres = 50 * torch.randn(5, d, generator=seeded(99))
    return centres[torch.arange(n) % 5] + 0.1 * torch.randn(n, d, generator=seeded(seed))


def repeated(n: int, d: int, seed: int) -> torch.Tensor:
    return plain(n // 3 + 1, d, seed).repeat(3, 1)[:n]


def with_zeros(n: int, d: int, seed: int) -> torch.Tensor:
    rows = plain(n, d, seed)
    rows[::4] = 0
    return rows


SETS = (plain, in_clusters, repeated, with_zeros)


def swept(real: torch.Tensor, fake: torch.Tensor, tile: int) -> list[np.ndarray]:
    """Every number of every sweep."""
    within = nearest_within(real, 6, tile=tile), nearest_within(fake, 4, tile=tile)
    found = [*within, nearest_between(fake, real, 3, tile=tile), *nearest_across(real, fake, 2, tile=tile)]
    crossed = crossing(real, fake, *within, tile=tile)
    numbers: list[Any] = [*found, *vars(crossed).values()]
    return [x for each in numbers for x in (vars(each).values() if hasattr(each, "__dict__") else [each])]


@pytest.mark.parametrize("rows", SETS)
@pytest.mark.parametrize("tile", [48, 1536])
def test_every_number_of_a_sweep_is_that_of_full_precision(
    rows: Callable[..., torch.Tensor], tile: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, fake = rows(211, 300, 0), rows(190, 300, 1)
    found = []
    for way in coarse.WAYS:
        monkeypatch.setenv(coarse.VARIABLE, way)
        found.append(swept(real, fake, tile))
    assert all(np.array_equal(one, other) for one, other in zip(*found, strict=True))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), d=st.integers(1, 40), offset=st.sampled_from([0.0, 3.0, 1e3]))
def test_bounds_hold_at_any_width_scale_and_offset(
    seed: int, d: int, offset: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coarse, "WIDE", 1)
    monkeypatch.setenv(coarse.VARIABLE, "bfloat16")
    x = torch.randn(9, d, generator=seeded(seed)).exp() * 10.0 ** (seed % 30 - 15) + offset
    y = torch.cat([x[:3], torch.randn(6, d, generator=seeded(seed + 1))])
    left, right = screens(x, y)
    found = Coarse.of(left, right)
    assert found is not None
    lower = found.lower(slice(0, 9), slice(0, 9)).double()
    i, j = torch.arange(9).repeat_interleave(9), torch.arange(9).repeat(9)
    exact = exact_squares(left, i, right, j).view(9, 9)
    assert bool((lower <= exact).all())
    assert bool((exact <= lower + found.slack[0].double()[:, None] + found.slack[1].double()).all())


def test_where_most_pairs_stay_open_no_tile_is_coarse_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(coarse.VARIABLE, "bfloat16")
    left, right = screens(in_clusters(400, 300, 0), in_clusters(400, 300, 1))
    tiles = Tiles.sieved(left, right, 64)
    coarse_ones = 0
    for a, b in full_grid(400, 400, 64):
        coarse_ones += tiles.coarse is not None
        limit = tiles.lower(a, b).kthvalue(2).values
        tiles.near(a, b, tiles.rough(a, b), limit, None)
    assert 0 < coarse_ones < 10


@pytest.mark.parametrize("i", [[], [2], [0, 0, 3, 3, 3]])
def test_chosen_products_are_those_of_the_rows(i: list[int]) -> None:
    x, y = plain(5, 300, 0), plain(7, 300, 1)
    j = torch.arange(len(i))
    rows = torch.tensor(i, dtype=torch.int64)
    torch.testing.assert_close(chosen_products(x, y, rows, j), (x[rows] * y[j]).sum(1))


def test_few_columns_and_doubles_are_never_coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(coarse.VARIABLE, "bfloat16")
    for rows in (plain(9, coarse.WIDE - 1, 0), plain(9, coarse.WIDE, 0).double()):
        (screen,) = screens(rows, dtype=rows.dtype)
        assert Coarse.of(screen, screen) is None


def test_an_unknown_sieve_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(coarse.VARIABLE, "float8")
    with pytest.raises(WrongInputError, match=r"float32, bfloat16 or measure; got 'float8'"):
        nearest_within(plain(9, 4, 0), 1)


def test_the_machine_decides_once_and_remembers(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(coarse.VARIABLE, raising=False)
    coarse._fastest.cache_clear()
    first = coarse._fastest(1)
    coarse._fastest.cache_clear()
    monkeypatch.setattr(coarse, "_measured", lambda: pytest.fail("it was measured before"))
    assert coarse._fastest(1) == first
    coarse._fastest.cache_clear()
