from __future__ import annotations

import math

import pytest
import torch

from ganeval.errors import TooFewSamplesError, UnknownNameError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics import Metric
from ganeval.metrics.frechet import INTERCEPT, fid, fid_debiased, fid_infinity


def rows_of(n: int, d: int, seed: int) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def pair_of(real: torch.Tensor, fake: torch.Tensor) -> Pair:
    return Pair(Features.given(real), Features.given(fake))


def standardised(n: int, d: int, seed: int) -> torch.Tensor:
    """Rows with mean exactly 0 and covariance exactly the identity."""
    rows = rows_of(n, d, seed)
    rows = rows - rows.mean(dim=0)
    return torch.linalg.solve_triangular(torch.linalg.cholesky(torch.cov(rows.T).reshape(d, d)), rows.T, upper=False).T


def test_one_dimension_is_the_school_formula() -> None:
    x = standardised(50, 1, 0)
    assert fid(pair_of(2 * x + 1, 5 * x - 3)) == pytest.approx((1 + 3) ** 2 + (5 - 2) ** 2, rel=1e-10)


@pytest.mark.parametrize("d", [2, 16, 64])
def test_axis_parallel_gaussians_are_a_sum_over_axes(d: int) -> None:
    x = standardised(4 * d, d, 0)
    scale, shift = torch.linspace(0.5, 3, d, dtype=torch.float64), torch.linspace(-1, 1, d, dtype=torch.float64)
    expected = shift.square().sum() + (scale - 1).square().sum()
    assert fid(pair_of(x, x * scale + shift)) == pytest.approx(float(expected), rel=1e-10)


def test_a_rotation_of_both_changes_nothing() -> None:
    real, fake = rows_of(90, 8, 0), 1.5 * rows_of(70, 8, 1) + 0.3
    turn = torch.linalg.qr(rows_of(8, 8, 2)).Q
    assert fid(pair_of(real @ turn, fake @ turn)) == pytest.approx(fid(pair_of(real, fake)), rel=1e-10)


@pytest.mark.parametrize("n", [40, 7])
def test_identical_sets_are_at_zero_in_any_order(n: int) -> None:
    rows = rows_of(n, 16, 0)
    assert fid(pair_of(rows, rows.flip(0))) == 0.0


def test_fewer_rows_than_columns_agree_with_the_covariance_route() -> None:
    real, fake = rows_of(300, 40, 0), rows_of(20, 40, 1) + 1
    value = fid(pair_of(real, fake))
    a, b = torch.cov(real.T), torch.cov(fake.T)
    values, vectors = torch.linalg.eigh(a)
    half = vectors @ values.sqrt().diag() @ vectors.T
    root = torch.linalg.eigvalsh(half @ b @ half).clamp(min=0).sqrt().sum()
    shift = (real.mean(0) - fake.mean(0)).square().sum()
    assert value == pytest.approx(float(shift + a.trace() + b.trace() - 2 * root), rel=1e-7)


def test_without_its_error_the_value_is_the_same() -> None:
    pair = pair_of(rows_of(80, 8, 0), rows_of(60, 8, 1) + 1)
    bare = fid(pair, se=False)
    assert bare == pytest.approx(fid(pair), rel=1e-12)
    assert bare.se is None
    assert not bare.per_sample


def test_stylegan3_divides_by_n() -> None:
    x = standardised(50, 1, 0)
    pair = pair_of(x, 3 * x)
    assert fid(pair, convention="stylegan3") == pytest.approx(4 * 49 / 50, rel=1e-10)
    assert fid(pair, convention="clean-fid") == pytest.approx(4, rel=1e-10)


def test_an_unknown_convention_names_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'stylegan3'"):
        fid(pair_of(rows_of(9, 2, 0), rows_of(9, 2, 1)), convention="stylegan")


def test_outliers_have_the_largest_influence() -> None:
    fake = rows_of(200, 4, 1)
    fake[17] += 8
    score = fid(pair_of(rows_of(200, 4, 0), fake))
    assert int(score.per_sample["influence"].argmax()) == 17


@pytest.mark.parametrize("metric", [fid_debiased, fid_infinity], ids=lambda m: m.name)
def test_debiased_forms_refuse_small_sets_and_say_how_many_would_do(metric: Metric) -> None:
    with pytest.raises(TooFewSamplesError, match="n >= 10 d = 80"):
        metric(pair_of(rows_of(100, 8, 0), rows_of(79, 8, 1)))


@pytest.mark.parametrize("metric", [fid_debiased, fid_infinity], ids=lambda m: m.name)
def test_debiased_forms_are_nearer_to_the_truth(metric: Metric) -> None:
    """1.2^2 I against I in 8 dimensions: 8 * 0.04 = 0.32."""
    real = standardised(4000, 8, 99)
    pairs = [pair_of(real, 1.2 * rows_of(100, 8, seed)) for seed in range(40)]
    plain = sum(float(fid(p, se=False)) for p in pairs) / len(pairs) - 0.32
    debiased = sum(float(metric(p)) for p in pairs) / len(pairs) - 0.32
    assert plain > 0.1
    assert abs(debiased) < plain / 4


@pytest.mark.parametrize("metric", [fid_debiased, fid_infinity], ids=lambda m: m.name)
def test_the_blocks_are_seeded(metric: Metric) -> None:
    real, fake = (Features.given(rows_of(n, 4, seed)) for n, seed in ((100, 0), (60, 1)))
    three, again, four = (metric(Pair(real, fake, seed=seed)) for seed in (3, 3, 4))
    assert three == again != four


def test_the_half_split_is_its_formula() -> None:
    pair = pair_of(rows_of(100, 4, 0), rows_of(60, 4, 1))
    at = fid_debiased(pair).details["fid_at_n"]
    assert at["60"] == pytest.approx(fid(pair))
    assert fid_debiased(pair) == pytest.approx(2 * at["60"] - at["30"])


def test_the_weights_are_the_intercept_of_a_line() -> None:
    values = torch.tensor([3.0, 5.0, 4.0, 9.0], dtype=torch.float64)
    design = torch.tensor([[1.0, k] for k in (1, 2, 3, 4)], dtype=torch.float64)
    intercept = torch.linalg.lstsq(design, values[:, None]).solution[0]
    assert float(torch.tensor(INTERCEPT, dtype=torch.float64) @ values) == pytest.approx(float(intercept))


def test_the_score_carries_its_protocol() -> None:
    score = fid(pair_of(rows_of(30, 3, 0), rows_of(20, 3, 1)))
    assert score.n == 20
    assert "n:20" in score.signature
    assert score.interval is not None
    assert score.se is not None
    assert math.isclose(score.interval[1] - float(score), 1.959964 * score.se, rel_tol=1e-5)
