"""Two-sample tests: calibrated when nothing differs, powerful when something does, blind to order and copies."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganeval.errors import TooFewSamplesError, UndefinedError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics.probes.two_sample import _by_columns, _by_rows, _folds, _mmd2, c2st, mmd_test


def pair(n: int, m: int, d: int = 6, shift: float = 0.0, seed: int = 0) -> Pair:
    g = torch.Generator().manual_seed(seed)
    real = torch.randn(n, d, generator=g, dtype=torch.float64)
    return Pair(Features.given(real), Features.given(torch.randn(m, d, generator=g, dtype=torch.float64) + shift))


@pytest.mark.parametrize("test", ["c2st", "mmd_test"])
def test_the_p_value_is_uniform_when_real_and_fake_are_one_distribution(test: str) -> None:
    def p_value(seed: int) -> float:
        same = pair(120, 80, seed=seed)
        if test == "c2st":
            return c2st(same, features=32, permutations=99).details["p_value"]
        return float(mmd_test(same, permutations=99))

    p = np.array([p_value(seed) for seed in range(200)])
    for level in (0.05, 0.25, 0.5):
        sd = np.sqrt(level * (1 - level) / len(p))
        assert (p <= level).mean() == pytest.approx(level, abs=3.5 * sd)


def test_a_small_shift_is_found_by_both() -> None:
    shifted = pair(600, 500, shift=0.3)
    assert c2st(shifted).details["p_value"] < 0.01
    assert mmd_test(shifted) < 0.01


def test_a_change_of_shape_that_no_line_can_see_is_found() -> None:
    g = torch.Generator().manual_seed(1)
    real, fake = torch.randn(800, 3, generator=g), 1.6 * torch.randn(800, 3, generator=g)
    assert c2st(Pair(Features.given(real), Features.given(fake))) > 0.58


def test_a_few_images_repeated_are_told_from_real_ones() -> None:
    rng = np.random.default_rng(0)
    real = torch.from_numpy(rng.standard_normal((400, 8)))
    ten = torch.from_numpy(rng.standard_normal((10, 8)))
    collapsed = c2st(Pair(Features.given(real), Features.given(ten.repeat(40, 1))))
    assert collapsed > 0.75
    assert collapsed.details["p_value"] < 0.01


def test_copies_fall_into_the_fold_of_their_original() -> None:
    rows = torch.randn(50, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    assert (_folds(rows, 5, 0) == _folds(rows.clone(), 5, 0)).all()
    assert set(_folds(rows, 5, 0).tolist()) == {0, 1, 2, 3, 4}


def test_the_mmd_of_one_split_is_its_definition_as_loops() -> None:
    x = np.random.default_rng(0).normal(size=(7, 2))
    kernel = np.exp(-((x[:, None] - x[None]) ** 2).sum(-1))
    a, b = range(3), range(3, 7)
    within_a = np.mean([kernel[i, j] for i in a for j in a if i != j])
    within_b = np.mean([kernel[i, j] for i in b for j in b if i != j])
    across = np.mean([kernel[i, j] for i in a for j in b])
    np.fill_diagonal(kernel, 0)
    first = torch.tensor([[1.0]] * 3 + [[0.0]] * 4, dtype=torch.float64)
    assert float(_mmd2(torch.from_numpy(kernel), first, 3, 4)) == pytest.approx(within_a + within_b - 2 * across)


def test_constant_features_have_nothing_to_test() -> None:
    same = Features.given(torch.ones(30, 2))
    with pytest.raises(UndefinedError, match="No feature varies"):
        c2st(Pair(same, same))


def test_nineteen_rows_are_too_few() -> None:
    with pytest.raises(TooFewSamplesError, match="20 rows a side; got 19 fake"):
        c2st(pair(30, 19))


def test_rows_that_are_all_tied_are_no_evidence() -> None:
    one = torch.tensor([[0.0], [1.0], [2.0], [3.0]]).repeat(6, 1)
    assert float(mmd_test(Pair(Features.given(one), Features.given(one.clone())))) == 1.0


@pytest.mark.parametrize(("n", "m", "d"), [(60, 40, 30), (30, 25, 200), (80, 21, 101)])
def test_ridge_regression_says_the_same_through_rows_and_through_columns(n: int, m: int, d: int) -> None:
    g = torch.Generator().manual_seed(n)
    phi = torch.randn(n + m, d, generator=g, dtype=torch.float64) / d**0.5
    target = torch.randn(n + m, 7, generator=g, dtype=torch.float64)
    fold = torch.arange(n + m) % 5
    held = [(fold == number).nonzero().squeeze(1) for number in range(5)]
    penalties = [0.01 * (n + m - len(at)) ** 0.5 for at in held]
    by_rows, by_columns = _by_rows(phi, target, held, penalties), _by_columns(phi, target, held, penalties)
    assert torch.allclose(by_rows, by_columns, rtol=1e-9, atol=1e-10)


def test_more_columns_than_rows_cost_no_matrix_of_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """600 images of 64 x 64 in colour have 12,288 columns: matrices of that size took minutes."""
    sizes, factor = [], torch.linalg.cholesky
    monkeypatch.setattr(torch.linalg, "cholesky", lambda a: sizes.append(len(a)) or factor(a))
    c2st(pair(40, 30, d=900), permutations=99)
    assert max(sizes) < 70
