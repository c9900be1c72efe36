"""The sweep equals brute force, integer by integer, with ties and duplicates, whatever the tiles and the shares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import reduce
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import ganeval.numerics.balls
from ganeval.numerics.jackknife import EIGHTHS, NEVER, THIRDS, Deletion
from ganeval.numerics.nearest import Nearest, nearest_between, nearest_within
from ganeval.numerics.neighbours import FEW, Crossing, Neighbours, crossing
from ganeval.numerics.tiles import TILE

K = 4


def neighbours(
    real: torch.Tensor,
    fake: torch.Tensor,
    k: int,
    *,
    further: int = 0,
    tile: int = TILE,
    strata: NDArray[np.int64] | None = None,
) -> Neighbours:
    """Both sides and what lies between them, as a pair asks for them."""
    real_near, fake_near = nearest_within(real, k, tile=tile), nearest_within(fake, k + further, tile=tile)
    return Neighbours(real_near, fake_near, crossing(real, fake, real_near, fake_near, tile=tile, strata=strata))


def normal(seed: int, n: int, d: int, shift: float = 0.0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) + shift


def lattice(seed: int, n: int, d: int) -> torch.Tensor:
    """Many exact ties."""
    return torch.randint(0, 3, (n, d), generator=torch.Generator().manual_seed(seed)).float()


def tight(seed: int) -> torch.Tensor:
    """Clusters far smaller than the error bound of a single-precision product."""
    return normal(9, 6, 64).repeat(25, 1) + 1e-4 * normal(seed, 150, 64)


SETS: dict[str, tuple[torch.Tensor, torch.Tensor]] = {
    "normal": (normal(0, 150, 16), normal(1, 127, 16, 0.3)),
    "copies": (normal(0, 12, 8).repeat(10, 1), normal(0, 12, 8).repeat(10, 1)),
    "lattice": (lattice(0, 150, 4), lattice(1, 111, 4)),
    "tight": (tight(2), tight(3)),
    "far from zero": (normal(0, 90, 5).double() * 1e-7 + 1e3, normal(1, 70, 5).double() * 1e-7 + 1e3),
    "half precision": (normal(0, 90, 5).half(), normal(1, 70, 5).half()),
    "one constant": (normal(0, 40, 3), torch.ones(30, 3)),
    "fewer rows than asked": (normal(0, 3, 2), normal(1, 4, 2)),
}


def squares(x: torch.Tensor, y: torch.Tensor, *, same: bool = False) -> NDArray[np.float64]:
    a, b = x.double().numpy(), y.double().numpy()
    out = ((a[:, None] - b[None]) ** 2).sum(-1)
    if same:
        np.fill_diagonal(out, np.inf)
    return out


def radii(x: torch.Tensor) -> NDArray[np.float64]:
    found = np.sort(squares(x, x, same=True), axis=1)[:, :K]
    return np.pad(found, [(0, 0), (0, K - found.shape[1])], constant_values=np.inf)


def first(d2: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices of the K smallest finite entries of each row, ties to the lower index, -1 where there are fewer."""
    order = np.argsort(d2, axis=1, kind="stable")[:, :K]
    order = np.where(np.isinf(np.take_along_axis(d2, order, 1)), -1, order)
    return np.pad(order, [(0, 0), (0, max(0, K - order.shape[1]))], constant_values=-1)


def by_brute_force(x: torch.Tensor, y: torch.Tensor) -> dict[str, NDArray[Any]]:
    """Every integer of the crossing, from the full matrix."""
    d2, real, fake = squares(x, y), radii(x), radii(y)
    clip = np.minimum(real, np.median(np.sqrt(real), axis=0) ** 2 * (1 + 1e-12))  # a root squared may fall short
    return {
        "in_real": np.stack([(d2 <= real[:, [k]]).sum(0) for k in range(K)], 1),
        "clipped": np.stack([(d2 <= clip[:, [k]]).sum(0) for k in range(K)], 1),
        "in_fake": np.stack([(d2 <= fake[None, :, k]).sum(1) for k in range(K)], 1),
        "smallest": np.stack([np.where(d2 <= real[:, [k]], np.sqrt(real[:, [k]]), np.inf).min(0) for k in range(K)], 1),
        "to_real": first(d2.T)[:, :FEW],
        "to_fake": first(d2),
    }


def integers(found: Crossing) -> dict[str, NDArray[Any]]:
    return {
        "in_real": found.in_real.count,
        "clipped": found.in_real.clipped,
        "in_fake": found.in_fake.count,
        "smallest": found.in_real.smallest,
        "to_real": found.fake_to_real.index,
        "to_fake": found.real_to_fake.index,
    }


def assert_integers_equal(found: dict[str, NDArray[Any]], wanted: dict[str, NDArray[Any]]) -> None:
    for key, value in wanted.items():
        if key == "smallest":
            np.testing.assert_allclose(found[key], value, rtol=1e-12)
        else:
            np.testing.assert_array_equal(found[key], value, err_msg=key)


@pytest.fixture(params=["highest", "medium"])
def matmul_precision(request: pytest.FixtureRequest) -> Iterator[str]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(request.param)
    yield request.param
    torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize("tile", [13, 1024])
@pytest.mark.parametrize("name", list(SETS))
@pytest.mark.usefixtures("matmul_precision")
def test_every_integer_equals_brute_force(name: str, tile: int) -> None:
    x, y = SETS[name]
    assert_integers_equal(integers(neighbours(x, y, K, tile=tile).crossing), by_brute_force(x, y))


@pytest.mark.parametrize("name", ["copies", "tight", "lattice"])
def test_every_integer_equals_brute_force_where_bounds_fail_in_masses(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ganeval.numerics.balls, "_MANY", 3)
    x, y = SETS[name]
    assert_integers_equal(integers(neighbours(x, y, K).crossing), by_brute_force(x, y))


@pytest.mark.parametrize("name", list(SETS))
def test_neighbour_lists_equal_brute_force(name: str) -> None:
    x, y = SETS[name]
    within, between = nearest_within(x, K, tile=17), nearest_between(x, y, K, tile=17)
    np.testing.assert_array_equal(within.index, first(squares(x, x, same=True)))
    np.testing.assert_allclose(within.squared, radii(x), rtol=1e-12)
    np.testing.assert_array_equal(between.index, first(squares(x, y)))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_small_integer_sets_equal_brute_force(data: st.DataObject) -> None:
    d = data.draw(st.integers(1, 3))
    entry = st.integers(-2, 2)
    x, y = (
        torch.tensor(data.draw(st.lists(st.lists(entry, min_size=d, max_size=d), min_size=5, max_size=14))).float()
        for _ in range(2)
    )
    assert_integers_equal(integers(neighbours(x, y, K, tile=4).crossing), by_brute_force(x, y))


def test_nothing_depends_on_the_size_of_tiles() -> None:
    for x, y in SETS.values():
        small, large = neighbours(x, y, K, tile=19), neighbours(x, y, K)
        for a, b in zip(arrays(small), arrays(large), strict=True):
            np.testing.assert_array_equal(a, b)


def arrays(value: Any) -> list[NDArray[Any]]:
    if not is_dataclass(value):
        return [value]
    return [array for field in fields(value) for array in arrays(getattr(value, field.name))]


def realism_by_brute_force(x: torch.Tensor, y: torch.Tensor, k: int) -> NDArray[np.float64]:
    radius, distance = np.sqrt(radii(x)[:, k - 1]), np.sqrt(squares(x, y))
    usable, least = radius <= np.median(radius), 1e-5 * np.median(radius)
    return (np.maximum(radius, least)[usable, None] / np.maximum(distance, least)[usable]).max(0)


@pytest.mark.parametrize("name", ["normal", "tight", "far from zero", "one constant"])
def test_realism_equals_brute_force(name: str) -> None:
    x, y = SETS[name]
    np.testing.assert_allclose(
        neighbours(x, y, K, tile=31).crossing.realism, realism_by_brute_force(x, y, 3), rtol=1e-9
    )


@pytest.mark.parametrize("deleted", [EIGHTHS, THIRDS])
@pytest.mark.parametrize("strata", [None, np.arange(200) % 4])
def test_levels_of_the_jackknife_equal_deleting_and_starting_again(deleted: Deletion, strata: Any) -> None:
    x, y = SETS["normal"]
    strata = None if strata is None else strata[: len(y)]
    found, kept = neighbours(x, y, K, further=12, strata=strata).crossing, deleted.kept(len(y), strata)
    for subset in (0, 17, 62):
        again = neighbours(x, y[torch.from_numpy(kept[:, subset])], K, further=6)
        covered = again.crossing.in_fake.count > 0
        reached = again.crossing.real_to_fake.squared[:, [0]] <= again.real.squared
        for k in range(1, K + 1):
            if deleted is THIRDS:
                np.testing.assert_array_equal(found.covered[:, subset] < k, covered[:, k - 1])
            else:
                np.testing.assert_array_equal(found.reached[:, subset] < k, reached[:, k - 1])
    assert found.covered.max() == NEVER


def test_every_subset_keeps_as_many_of_each_stratum() -> None:
    strata = np.repeat(np.arange(5), 24)
    for deleted in (EIGHTHS, THIRDS):
        kept = deleted.kept(len(strata), strata)
        assert {tuple(np.bincount(strata[subset])) for subset in kept.T} == {(24 - 24 // deleted.groups,) * 5}


Shares = Callable[[int], list[Any]]  # Any: both types have merge, and only with their own kind


def nearest_shares(of: int) -> list[Nearest]:
    return [nearest_within(SETS["lattice"][0], K, tile=32, part=(p, of)) for p in range(of)]


def crossing_shares(of: int) -> list[Crossing]:
    x, y = SETS["lattice"]
    near = nearest_within(x, K), nearest_within(y, K)
    return [crossing(x, y, *near, tile=32, part=(p, of)) for p in range(of)]


@pytest.mark.parametrize("shares", [nearest_shares, crossing_shares])
@pytest.mark.parametrize("of", [2, 3, 40])
def test_merged_shares_equal_the_whole(shares: Shares, of: int) -> None:
    (whole,) = shares(1)
    merged = reduce(lambda a, b: a.merge(b), shares(of))
    for a, b in zip(arrays(merged), arrays(whole), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("shares", [nearest_shares, crossing_shares])
def test_merge_is_associative_and_has_an_identity(shares: Shares) -> None:
    a, b, c = shares(3)  # all three of one type
    n, m = (len(rows) for rows in SETS["lattice"])
    none: Any = Nearest.none(n, K) if isinstance(a, Nearest) else Crossing.none(n, m, K)
    for left, right in ((a.merge(b).merge(c), a.merge(b.merge(c))), (none.merge(a), a), (a.merge(none), a)):
        for one, other in zip(arrays(left), arrays(right), strict=True):
            np.testing.assert_array_equal(one, other)


def test_lists_of_shards_of_rows_merge_to_the_list_of_all() -> None:
    x, y = SETS["lattice"]
    head, tail = nearest_between(x, y[:30], K), nearest_between(x, y[30:], K)
    moved = Nearest(tail.squared, np.where(tail.index < 0, -1, tail.index + 30))
    whole = nearest_between(x, y, K)
    np.testing.assert_array_equal(head.merge(moved).index, whole.index)


def test_inputs_are_not_modified() -> None:
    x, y = (rows.clone() for rows in SETS["normal"])
    neighbours(x, y, K)
    assert torch.equal(x, SETS["normal"][0])
    assert torch.equal(y, SETS["normal"][1])


def test_many_near_ties_beyond_one_tile_are_searched_again_exactly() -> None:
    """A collapsed set: fifty images with a breath of noise, more rows than a tile, far more near-ties than spares."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50, 6))[rng.integers(0, 50, 1300)] * 10 + rng.normal(size=(1300, 6)) * 1e-4
    near = nearest_within(torch.from_numpy(rows), 3)
    squares = ((rows[:, None] - rows[None]) ** 2).sum(axis=2)
    np.fill_diagonal(squares, np.inf)
    np.testing.assert_allclose(near.squared, np.sort(squares, axis=1)[:, :3], rtol=1e-9)
