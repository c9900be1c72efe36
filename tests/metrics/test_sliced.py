from __future__ import annotations

from itertools import product

import pytest
import torch

from ganeval.errors import TooFewSamplesError, WrongInputError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics.sliced import mind, sliced_wasserstein
from ganeval.numerics.slices import directions, sliced_transport


def rows_of(n: int, d: int, seed: int) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def pair_of(real: torch.Tensor, fake: torch.Tensor) -> Pair:
    return Pair(Features.given(real), Features.given(fake))


def test_a_shift_moves_every_direction_by_its_share() -> None:
    """Exactly: the mean over the same directions of (direction . shift)^2."""
    rows, shift = rows_of(40, 3, 0), torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    axes = directions(3, 1000, 2020, torch.device("cpu"))
    expected = float((shift @ axes).square().mean())
    assert sliced_wasserstein(pair_of(rows, rows + shift)) == pytest.approx(expected, rel=1e-12)
    assert expected == pytest.approx(float(shift.square().sum()) / 3, rel=0.1)


def test_mind_of_a_shift_is_three_d_times_its_square() -> None:
    rows = rows_of(40, 64, 0)
    assert mind(pair_of(rows, rows + 0.5), projections=4000) == pytest.approx(3 * 64 * 0.25, rel=0.05)


@pytest.mark.parametrize(("n", "m"), [(4, 6), (5, 3), (6, 6), (1, 7)])
def test_unequal_sets_are_compared_as_if_every_point_were_repeated(n: int, m: int) -> None:
    real, fake = rows_of(n, 1, 0), rows_of(m, 1, 1)
    one = torch.ones(1, 1, dtype=torch.float64)
    value, _ = sliced_transport(real, fake, one)
    repeated = (real.repeat_interleave(m, 0).sort(0).values - fake.repeat_interleave(n, 0).sort(0).values).square()
    assert float(value) == pytest.approx(float(repeated.mean()), rel=1e-12)


def test_the_plan_is_the_cheapest_one() -> None:
    real, fake = rows_of(4, 1, 0), rows_of(4, 1, 1)
    cheapest = min(
        sum(float((real[i] - fake[j]) ** 2) for i, j in enumerate(plan)) / 4
        for plan in product(range(4), repeat=4)
        if len(set(plan)) == 4
    )
    value, _ = sliced_transport(real, fake, torch.ones(1, 1, dtype=torch.float64))
    assert float(value) == pytest.approx(cheapest, rel=1e-12)


def test_the_standard_error_is_the_true_spread() -> None:
    real = rows_of(2000, 4, 999)
    scores = [sliced_wasserstein(pair_of(real, 1.3 * rows_of(300, 4, s) + 0.3), projections=40) for s in range(200)]
    values = torch.tensor([float(s) for s in scores], dtype=torch.float64)
    errors = torch.tensor([s.se for s in scores], dtype=torch.float64)
    assert float(errors.mean()) == pytest.approx(float(values.std()), rel=0.1)
    assert 0.92 <= float(((values - values.mean()).abs() < 1.96 * errors).double().mean()) <= 0.98


def test_directions_are_seeded_units() -> None:
    axes = directions(5, 30, 1, torch.device("cpu"))
    torch.testing.assert_close(axes.norm(dim=0), torch.ones(30, dtype=torch.float64))
    assert torch.equal(axes, directions(5, 30, 1, torch.device("cpu")))
    assert not torch.equal(axes, directions(5, 30, 2, torch.device("cpu")))


def test_chunks_of_directions_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = pair_of(rows_of(20, 3, 0), rows_of(15, 3, 1))
    whole = mind(pair, projections=50)
    monkeypatch.setattr("ganeval.numerics.slices.CHUNK", 100)
    assert mind(pair, projections=50) == pytest.approx(whole, rel=1e-12)


def test_too_little_is_refused() -> None:
    with pytest.raises(TooFewSamplesError, match="got 5 and 1"):
        mind(pair_of(rows_of(5, 2, 0), rows_of(1, 2, 1)))
    with pytest.raises(WrongInputError, match="from 2 to 100000; got 1"):
        mind(pair_of(rows_of(5, 2, 0), rows_of(5, 2, 1)), projections=1)
