from __future__ import annotations

import itertools
import math

import pytest
import torch

from ganeval.numerics.covariance import Covariance, rows_around_mean
from ganeval.numerics.gaussian import Gaussian, frechet_distance, frechet_influence
from ganeval.numerics.moments import Moments
from ganeval.numerics.roots import root_trace, transport
from ganeval.numerics.symmetric import cholesky, congruence, outer


def singular_sum(cross: torch.Tensor) -> float:
    return float(torch.linalg.svdvals(cross).sum())


def rows_of(n: int, d: int, seed: int) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def covariance(n: int, d: int, seed: int) -> torch.Tensor:
    return Moments.of(rows_of(n, d, seed)).covariance()


def matrix_root(a: torch.Tensor, b: torch.Tensor) -> float:
    return root_trace(Covariance(matrix=a), Covariance(matrix=b))


def test_the_root_of_diagonal_matrices_is_a_sum_of_roots() -> None:
    a, b = torch.rand(9, dtype=torch.float64), torch.rand(9, dtype=torch.float64)
    assert matrix_root(a.diag(), b.diag()) == pytest.approx(float((a * b).sqrt().sum()), rel=1e-13)


def test_the_root_agrees_with_the_definition_through_a_matrix_root() -> None:
    a, b = covariance(80, 12, 0), covariance(80, 12, 1)
    values, vectors = torch.linalg.eigh(a)
    half = vectors @ values.sqrt().diag() @ vectors.T
    expected = torch.linalg.eigvalsh(half @ b @ half).sqrt().sum()
    assert matrix_root(a, b) == pytest.approx(float(expected), rel=1e-12)
    assert matrix_root(a, b) == pytest.approx(matrix_root(b, a), rel=1e-12)


def test_a_root_of_a_square_is_the_trace() -> None:
    a = covariance(80, 12, 0)
    assert matrix_root(a, a) == pytest.approx(float(a.trace()), rel=1e-12)


@pytest.mark.parametrize("n", [5, 12, 13])
def test_rows_and_covariance_routes_agree_where_there_are_fewer_rows_than_columns(n: int) -> None:
    both = [forms(rows) for rows in (rows_of(n, 13, 0), rows_of(n + 3, 13, 1))]
    expected = singular_sum(both[0]["matrix"].factor @ both[1]["matrix"].factor.T)
    for first, second in itertools.product(both[0].values(), both[1].values()):
        assert root_trace(first, second) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("n", [5, 12, 13])
def test_the_map_is_the_same_whatever_says_the_covariance(n: int) -> None:
    both = [forms(rows) for rows in (rows_of(n, 13, 0), rows_of(n + 3, 13, 1))]
    (_, expected), *others = [transport(*pair) for pair in itertools.product(both[0].values(), both[1].values())]
    for root, q in others:
        torch.testing.assert_close(q.T @ q, expected.T @ expected, rtol=1e-7, atol=1e-7)
        assert root == pytest.approx(float((q.T @ q @ Moments.of(rows_of(n, 13, 0)).covariance()).trace()), rel=1e-8)


def forms(rows: torch.Tensor) -> dict[str, Covariance]:
    """A covariance as its matrix and as rows."""
    return {
        "matrix": Covariance(matrix=Moments.of(rows).covariance()),
        "rows": Covariance(rows=rows_around_mean(rows)[1]),
    }


@pytest.mark.parametrize("n", [2, 40])
def test_rows_around_their_mean_say_mean_and_covariance(n: int) -> None:
    rows = rows_of(n, 41, 0) + 30
    mean, around = rows_around_mean(rows)
    torch.testing.assert_close(mean, rows.mean(dim=0), rtol=1e-14, atol=0)
    torch.testing.assert_close(around.T @ around, Moments.of(rows).covariance(), rtol=1e-12, atol=1e-12)


def spread(least: float, d: int, seed: int) -> torch.Tensor:
    """Rows (d, d) whose covariance has variances from 1 down to `least`, along random directions."""
    directions = torch.linalg.qr(rows_of(d, d, seed)).Q
    return torch.logspace(0, math.log10(least), d, dtype=torch.float64).sqrt()[:, None] * directions


@pytest.mark.parametrize("kinds", list(itertools.product(["rows", "matrix"], repeat=2)), ids=str)
@pytest.mark.parametrize("least", [1e-3, 1e-7, 1e-10])
@pytest.mark.parametrize("d", [40, 300])
def test_roots_that_drown_beside_the_largest_are_found_without_the_slow_way(
    kinds: tuple[str, str], least: float, d: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = spread(least, d, 0), spread(least, d, 1)
    given = [
        Covariance(**{kind: f if kind == "rows" else f.T @ f}) for kind, f in zip(kinds, (first, second), strict=True)
    ]
    expected, of_one = singular_sum(first @ second.T), float(first.square().sum())
    monkeypatch.setattr(torch.linalg, "svdvals", None)
    assert root_trace(given[0], given[1]) == pytest.approx(expected, rel=1e-9)
    assert transport(given[0], given[1])[0] == pytest.approx(expected, rel=1e-9)
    assert root_trace(given[0], Covariance(rows=first)) == pytest.approx(of_one, rel=1e-9)


def test_roots_of_dead_directions_are_zero() -> None:
    """Each of two halves moves in directions of its own and in 20 that both have: in those alone there is a root."""
    d = 300
    directions = torch.linalg.qr(rows_of(d, d, 0)).Q
    first, second = directions[:160] * 3, directions[140:]
    for a, b in itertools.product(
        (Covariance(rows=first), Covariance(matrix=first.T @ first)),
        (Covariance(rows=second), Covariance(matrix=second.T @ second)),
    ):
        assert root_trace(a, b) == pytest.approx(60, rel=1e-9)
        assert transport(a, b)[0] == pytest.approx(60, rel=1e-9)


def test_dead_and_duplicated_directions_keep_identity_exact() -> None:
    rows = rows_of(200, 6, 0)
    rows = torch.cat([rows, rows[:, :3], torch.zeros(200, 2, dtype=torch.float64)], dim=1)
    a = Moments.of(rows).covariance()
    assert matrix_root(a, a) == pytest.approx(float(a.trace()), rel=1e-12)


def test_duplicated_rows_fewer_than_columns_keep_identity_exact() -> None:
    rows = rows_of(10, 40, 0).repeat(3, 1)
    _, f = rows_around_mean(rows)
    both = Covariance(rows=f)
    assert root_trace(both, both) == pytest.approx(float(f.square().sum()), rel=1e-12)


def test_the_map_carries_one_covariance_to_the_other() -> None:
    a, b = covariance(80, 12, 0), covariance(80, 12, 1)
    root, q = transport(Covariance(matrix=a), Covariance(matrix=b))
    plan = q.T @ q
    torch.testing.assert_close(plan @ a @ plan, b, rtol=1e-10, atol=1e-10)
    assert root == pytest.approx(float((plan @ a).trace()), rel=1e-12)


def test_a_set_without_spread_has_no_root() -> None:
    still, moving = Gaussian.of(torch.ones(20, 3)), Gaussian.of(rows_of(20, 3, 0))
    assert frechet_distance(moving, still) == pytest.approx(
        moving.covariance.trace + float((moving.mean - 1).square().sum())
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
        root = singular_sum(spread @ real.covariance.factor.T)
        return shift + real.covariance.trace + float(spread.square().sum()) - 2 * root

    uniform = torch.full((n,), 1 / n, dtype=torch.float64)
    for i in range(3):
        tilt = -uniform.clone()
        tilt[i] += 1
        slope = (distance(uniform + step * tilt) - distance(uniform - step * tilt)) / (2 * step)
        assert slope == pytest.approx(float(psi[i]), rel=1e-4)


@pytest.mark.parametrize("d", [3, 300])
def test_factors_and_congruences_are_those_of_the_definition_on_both_sides_of_small(d: int) -> None:
    a, b = covariance(2 * d, d, 0), covariance(2 * d, d, 1)
    lower = cholesky(a)
    assert lower is not None
    torch.testing.assert_close(lower @ lower.T, a, rtol=1e-12, atol=1e-12)
    assert torch.equal(lower, lower.tril())
    torch.testing.assert_close(congruence(lower, b), lower.T @ b @ lower, rtol=1e-12, atol=1e-12)
    assert cholesky(a - 9 * torch.eye(d, dtype=torch.float64)) is None


def test_the_distance_of_wide_sets_is_that_of_their_definition() -> None:
    real, fake = rows_of(700, 300, 0), 1.2 * rows_of(650, 300, 1) + 0.1
    a, b = Moments.of(real).covariance(), Moments.of(fake).covariance()
    root = torch.linalg.eigvals(a @ b).sqrt().real.sum()
    shift = (real.mean(dim=0) - fake.mean(dim=0)).square().sum()
    expected = float(shift + a.trace() + b.trace() - 2 * root)
    assert frechet_distance(Gaussian.of(real), Gaussian.of(fake)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("n", [1, 3, 258, 1001])
def test_the_product_of_rows_with_themselves_is_that_product_and_symmetric_to_the_bit(n: int) -> None:
    rows = rows_of(n, 31, n)
    found = outer(rows)
    torch.testing.assert_close(found, rows @ rows.T, rtol=1e-12, atol=1e-12)
    assert torch.equal(found, found.T)
    torch.testing.assert_close(outer(rows.T), rows.T @ rows, rtol=1e-12, atol=1e-12)
