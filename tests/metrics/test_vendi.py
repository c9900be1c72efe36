"""Vendi score: closed forms, the primal against the dual, and the standard error against the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.errors import TooFewSamplesError, UndefinedError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics.vendi import ORDERS, Spectrum, vendi


def score(rows: torch.Tensor, **options: float) -> float:
    return float(vendi(Pair(None, Features.given(rows)), **options))


@pytest.mark.parametrize("q", ORDERS)
def test_k_orthogonal_groups_of_equal_size_count_as_k(q: float) -> None:
    assert score(torch.eye(5).repeat(4, 1) * 3.0, q=q) == pytest.approx(5.0, abs=1e-9)


@pytest.mark.parametrize("q", ORDERS)
def test_parallel_rows_count_as_one(q: float) -> None:
    rows = torch.tensor([[1.0, 2.0]]) * torch.tensor([[1.0], [5.0], [0.1]])
    assert score(rows, q=q) == pytest.approx(1.0, abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(2, 12), d=st.integers(1, 12), q=st.sampled_from(ORDERS), seed=st.integers(0, 999))
def test_the_smaller_matrix_gives_the_number_of_the_kernel_matrix(n: int, d: int, q: float, seed: int) -> None:
    rows = torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    unit = torch.nn.functional.normalize(rows)
    p = torch.linalg.eigvalsh(unit @ unit.T / n).clamp(min=0)
    p = p[p > 1e-12]
    by_kernel = {
        1.0: lambda: math.exp(-float((p * p.log()).sum())),
        math.inf: lambda: 1 / float(p.max()),
    }.get(q, lambda: float(p.pow(q).sum()) ** (1 / (1 - q)))()
    assert score(rows, q=q) == pytest.approx(by_kernel, rel=1e-7)


def test_order_two_is_one_over_the_squared_norm_of_the_kernel() -> None:
    rows = torch.randn(30, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    unit = torch.nn.functional.normalize(rows)
    assert score(rows, q=2.0) == pytest.approx(1 / float((unit @ unit.T / 30).square().sum()), rel=1e-12)


def test_the_order_given_is_the_order_used() -> None:
    rows = torch.randn(50, 6, generator=torch.Generator().manual_seed(1)) * torch.tensor([5.0, 1, 1, 1, 0.1, 0.1])
    values = [score(rows, q=q) for q in ORDERS]
    assert values == sorted(values, reverse=True)
    assert values[0] > values[-1] + 0.5


def test_each_rows_coordinates_sum_to_one() -> None:
    rows = torch.randn(7, 20, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(Spectrum.of(rows).coordinates.sum(dim=1), torch.ones(7, dtype=torch.float64))


@pytest.mark.parametrize("q", ORDERS)
def test_the_standard_error_is_the_spread_of_fresh_samples(q: float) -> None:
    scale, shift = torch.tensor([3.0, 2, 1, 1, 0.5, 0.3]), torch.tensor([1.0, 0, 0, 0, 0, 0])
    draws = []
    for seed in range(120):
        rows = torch.randn(800, 6, generator=torch.Generator().manual_seed(seed)) * scale + shift
        draws.append(vendi(Pair(None, Features.given(rows)), q=q))
    truth = np.std([float(d) for d in draws], ddof=1)
    assert np.mean([d.se for d in draws]) == pytest.approx(truth, rel=0.15)


def test_the_ratio_to_an_identical_real_set_is_one() -> None:
    rows = Features.given(torch.randn(20, 3, generator=torch.Generator().manual_seed(3)))
    details = vendi(Pair(rows, rows)).details
    assert all(ratio == pytest.approx(1.0) for ratio in details["ratio_to_real"].values())


def test_a_row_of_zeros_has_no_direction() -> None:
    with pytest.raises(UndefinedError, match="no direction"):
        score(torch.tensor([[0.0, 0.0], [1.0, 0.0]]))


def test_one_row_is_too_few() -> None:
    with pytest.raises(TooFewSamplesError, match="at least 2 rows; got 1"):
        score(torch.ones(1, 2))
