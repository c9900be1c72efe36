from __future__ import annotations

import pytest
import torch

from ganeval.numerics.gaussian import Gaussian, frechet_distance, frechet_influence
from ganeval.numerics.moments import Moments
from ganeval.numerics.roots import factor, factor_of_rows, nuclear_norm, root_trace, transport


def rows_of(n: int, d: int, seed: int) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def covariance(n: int, d: int, seed: int) -> torch.Tensor:
    return Moments.of(rows_of(n, d, seed)).covariance()


def test_the_root_of_diagonal_matrices_is_a_sum_of_roots() -> None:
    a, b = torch.rand(9, dtype=torch.float64), torch.rand(9, dtype=torch.float64)
    assert root_trace(a.diag(), b.diag()) == pytest.approx(float((a * b).sqrt().sum()), rel=1e-13)


def test_the_root_agrees_with_the_definition_through_a_matrix_root() -> None:
    a, b = covariance(80, 12, 0), covariance(80, 12, 1)
    values, vectors = torch.linalg.eigh(a)
    half = vectors @ values.sqrt().diag() @ vectors.T
    expected = torch.linalg.eigvalsh(half @ b @ half).sqrt().sum()
    assert root_trace(a, b) == pytest.approx(float(expected), rel=1e-12)
    assert root_trace(a, b) == pytest.approx(root_trace(b, a), rel=1e-12)


def test_a_root_of_a_square_is_the_trace() -> None:
    a = covariance(80, 12, 0)
    assert root_trace(a, a) == pytest.approx(float(a.trace()), rel=1e-12)


@pytest.mark.parametrize("n", [5, 12, 13])
def test_rows_and_covariance_routes_agree_where_there_are_fewer_rows_than_columns(n: int) -> None:
    rows, other = rows_of(n, 13, 0), rows_of(n + 3, 13, 1)
    routes = [
        nuclear_norm(f(rows) @ f(other).T)
        for f in (lambda x: factor(Moments.of(x).covariance()), lambda x: factor_of_rows(x, x.mean(dim=0)))
    ]
    assert routes[0] == pytest.approx(routes[1], rel=1e-8)


def test_dead_and_duplicated_directions_keep_identity_exact() -> None:
    rows = rows_of(200, 6, 0)
    rows = torch.cat([rows, rows[:, :3], torch.zeros(200, 2, dtype=torch.float64)], dim=1)
    a = Moments.of(rows).covariance()
    assert root_trace(a, a) == pytest.approx(float(a.trace()), rel=1e-12)


def test_duplicated_rows_fewer_than_columns_keep_identity_exact() -> None:
    rows = rows_of(10, 40, 0).repeat(3, 1)
    f = factor_of_rows(rows, rows.mean(dim=0))
    assert nuclear_norm(f @ f.T) == pytest.approx(float(f.square().sum()), rel=1e-12)


def test_the_map_carries_one_covariance_to_the_other() -> None:
    a, b = covariance(80, 12, 0), covariance(80, 12, 1)
    root, q = transport(factor(a), factor(b))
    plan = q.T @ q
    torch.testing.assert_close(plan @ a @ plan, b, rtol=1e-10, atol=1e-10)
    assert root == pytest.approx(float((plan @ a).trace()), rel=1e-12)


def test_a_set_without_spread_has_no_root() -> None:
    still, moving = Gaussian.of(torch.ones(20, 3)), Gaussian.of(rows_of(20, 3, 0))
    assert frechet_distance(moving, still) == pytest.approx(
        moving.total_variance + float((moving.mean - 1).square().sum())
    )
    value, psi = frechet_influence(still, moving, rows_of(20, 3, 0))
    assert value == pytest.approx(frechet_distance(still, moving))
    assert torch.isfinite(psi).all()


@pytest.mark.parametrize("n", [8, 60])
def test_influence_is_the_derivative_of_the_distance_in_a_rows_weight(n: int) -> None:
    """Numerically: put a little more weight on one row and see the distance move by weight times influence."""
    d, step = 10, 1e-6
    real, rows = Gaussian.of(1.3 * rows_of(70, d, 1) + 0.2), rows_of(n, d, 0)
    _, psi = frechet_influence(real, Gaussian.of(rows).biased(), rows)  # weights 1/n mean divisor n

    def distance(weights: torch.Tensor) -> float:
        mean = weights @ rows
        spread = weights.sqrt()[:, None] * (rows - mean)
        shift = float((mean - real.mean).square().sum())
        root = nuclear_norm(spread @ real.factor.T)
        return shift + real.total_variance + float(spread.square().sum()) - 2 * root

    uniform = torch.full((n,), 1 / n, dtype=torch.float64)
    for i in range(3):
        tilt = -uniform.clone()
        tilt[i] += 1
        slope = (distance(uniform + step * tilt) - distance(uniform - step * tilt)) / (2 * step)
        assert slope == pytest.approx(float(psi[i]), rel=1e-4)
