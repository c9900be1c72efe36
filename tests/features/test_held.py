"""Rows that stay with whoever has them say what they say together: neighbours to the last bit, sums to 1e-10.

The ranks are threads here; `tests/distributed/test_sharing.py` has processes.
"""

from __future__ import annotations

import runpy
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganeval.features.held import Held, crossing_of, sums_of, within_of
from ganeval.features.ranks import Ranks
from ganeval.features.rows import Features
from ganeval.numerics.gaussian import Gaussian
from ganeval.numerics.kernels import cubic, evenly_spaced, kernel_sums
from ganeval.numerics.order import canonical_order

OF_NEIGHBOURS = runpy.run_path(str(Path(__file__).parents[1] / "numerics" / "test_neighbours.py"))
SETS, neighbours = OF_NEIGHBOURS["SETS"], OF_NEIGHBOURS["neighbours"]
K, FURTHER = 4, 3


class Meeting:
    """Where threads show one another what they have."""

    def __init__(self, size: int) -> None:
        self.barrier, self.shown = threading.Barrier(size, timeout=60), [None] * size

    def exchange(self, rank: int, value: Any) -> list[Any]:
        self.shown[rank] = value
        self.barrier.wait()
        found = [*self.shown]
        self.barrier.wait()
        return found


class Threads(Ranks):
    def __init__(self, rank: int, size: int, meeting: Meeting) -> None:
        super().__init__(rank, size)
        object.__setattr__(self, "meeting", meeting)

    def _shown(self, value: Any) -> list[Any]:
        return self.meeting.exchange(self.rank, value)  # pyright: ignore[reportAttributeAccessIssue]

    def gather(self, rows: torch.Tensor, counts: Sequence[int] | None = None) -> torch.Tensor:
        found = self._shown(rows)
        assert counts is None or [*counts] == [len(part) for part in found]
        return torch.cat(found)

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        return torch.stack(self._shown(values)).sum(dim=0)

    def broadcast(self, rows: torch.Tensor, rank: int) -> torch.Tensor:
        found = self._shown(rows)
        assert found[self.rank].shape == found[rank].shape
        return found[rank].clone()

    def agree(self, *, yes: bool) -> bool:
        return all(self._shown(yes))


def together(size: int, work: Callable[[Ranks], Any]) -> list[Any]:
    meeting = Meeting(size)
    with ThreadPoolExecutor(size) as pool:
        return [*pool.map(lambda rank: work(Threads(rank, size, meeting)), range(size))]


def assert_same(found: Any, expected: Any) -> None:
    if is_dataclass(expected):
        for field in fields(expected):
            assert_same(getattr(found, field.name), getattr(expected, field.name))
    else:
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("size", [2, 5])
@pytest.mark.parametrize("name", SETS)
def test_neighbours_are_those_of_all_rows_at_once(name: str, size: int) -> None:
    real, fake = SETS[name]
    whole = neighbours(real, fake, K, further=FURTHER)

    def sweep(ranks: Ranks) -> None:
        one, two = Held.of_whole(real, ranks), Held.of_whole(fake, ranks)
        real_near, fake_near = one.nearest(K), two.nearest(K + FURTHER)
        assert_same(real_near, whole.real)
        assert_same(fake_near, whole.fake)
        assert_same(crossing_of(one, two, real_near, fake_near, None), whole.crossing)

    together(size, sweep)


@pytest.mark.parametrize("size", [2, 3])
def test_sums_and_moments_are_those_of_all_rows_at_once(size: int) -> None:
    real, fake = SETS["normal"]
    whole, gaussian = kernel_sums(real, fake, cubic), Gaussian.of(real)

    def summed(ranks: Ranks) -> None:
        one, two = Held.of_whole(real, ranks), Held.of_whole(fake, ranks)
        found = sums_of(one, two, cubic, lambda: within_of(one, cubic))
        for field in fields(whole):
            torch.testing.assert_close(
                getattr(found, field.name), getattr(whole, field.name), rtol=1e-10, atol=1e-10, msg=field.name
            )
        torch.testing.assert_close(one.gaussian().mean, gaussian.mean, rtol=1e-10, atol=1e-10)
        assert one.gaussian().covariance.trace == pytest.approx(gaussian.covariance.trace, rel=1e-10)

    together(size, summed)


@pytest.mark.parametrize("step", [1, 7, 60, 1000])
def test_a_sample_has_the_same_rows_however_they_are_shared_out(step: int) -> None:
    rows = torch.arange(97.0)[:, None]
    for found in together(3, lambda ranks: Held.of_whole(rows, ranks).every(step)):
        assert torch.equal(found, rows[::step])


@pytest.mark.parametrize("about", [1, 13, 1000])
def test_rows_along_a_direction_are_those_that_one_process_would_take(about: int) -> None:
    rows = SETS["normal"][0]
    wanted = rows[torch.from_numpy(evenly_spaced(canonical_order(rows), about).copy())]
    for held in together(3, lambda ranks: Held.of_whole(rows, ranks).evenly_spaced(about)):
        assert torch.equal(held, wanted)
    for mean in together(3, lambda ranks: Held.of_whole(rows, ranks).mean()):
        torch.testing.assert_close(mean, rows.double().mean(dim=0), rtol=0, atol=1e-12)


def test_the_ends_are_those_of_all_rows_where_a_rank_has_none() -> None:
    rows = torch.tensor([[3.0, 5.0], [4.0, 9.0]])
    assert together(4, lambda ranks: Held.of_whole(rows, ranks).reach()) == [(3.0, 9.0)] * 4
    assert together(4, lambda ranks: Held.of_whole(rows, ranks).all_equal()) == [False] * 4
    assert together(4, lambda ranks: Held.of_whole(rows[:1].repeat(2, 1), ranks).all_equal()) == [True] * 4


def test_rows_that_are_elsewhere_are_never_read_as_numbers() -> None:
    (held,) = together(1, lambda ranks: Held.of_share(torch.ones(3, 2), ranks))
    features = Features(held.stand_in(), Features.given(held.rows).passport, held=held)
    assert len(features) == 3
    with pytest.raises((NotImplementedError, RuntimeError)):
        float(features.embeddings.sum())
