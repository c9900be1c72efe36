"""Both libraries' products agree, the faster one is remembered, and what depends on them stays exact."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganeval.errors import WrongInputError
from ganeval.numerics import products
from ganeval.numerics.kernels import cubic, kernel_sums
from ganeval.numerics.nearest import nearest_within
from ganeval.numerics.products import product


@pytest.fixture(autouse=True)
def nothing_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(products.VARIABLE, raising=False)
    products._fastest.cache_clear()


def rows(n: int, d: int, seed: int) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) + 0.3


def both(monkeypatch: pytest.MonkeyPatch, measure: Callable[[], Any]) -> list[Any]:
    found = []
    for way in products.WAYS:
        monkeypatch.setenv(products.VARIABLE, way)
        found.append(measure())
    return found


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 7), (130, 70, 600)])
def test_both_ways_give_the_products_to_rounding(shape: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, d = shape
    x, y, shift = rows(a, d, 0), rows(b, d, 1), rows(1, b, 2)[0]
    exact = x.double() @ y.double().T + shift.double()
    for found in both(monkeypatch, lambda: product(x, y, shift)):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found.double(), exact, rtol=1e-5, atol=1e-5 * d**0.5)


def test_parts_of_rows_and_columns_are_multiplied_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    x, shift = rows(8, 12, 0), torch.zeros(4)
    plain, other = both(monkeypatch, lambda: product(x[::2, 3:9], x[1::2, 3:9], shift))
    torch.testing.assert_close(plain, other, rtol=1e-5, atol=1e-5)


def test_a_kernel_distance_is_the_same_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, other = both(monkeypatch, lambda: kernel_sums(rows(90, 600, 0), rows(70, 600, 1) * 1.2, cubic, 32).mmd2)
    assert other == pytest.approx(plain, rel=1e-5)


def test_neighbours_are_the_same_both_ways_to_the_last_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    real = torch.cat([rows(60, 40, 0), rows(60, 40, 0) + 1e-6])  # pairs that float32 products cannot tell apart
    plain, other = both(monkeypatch, lambda: nearest_within(real, 3))
    assert np.array_equal(plain.squared, other.squared)
    assert np.array_equal(plain.index, other.index)


def test_float64_rows_are_never_rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    x = rows(5, 9, 0).double()
    plain, other = both(monkeypatch, lambda: product(x, x, x[:, 0]))
    assert plain.dtype == torch.float64
    assert torch.equal(plain, other)


def test_the_faster_way_is_measured_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    measured: list[int] = []
    monkeypatch.setattr(products, "_measured", lambda: measured.append(1) or "onednn")
    for _ in range(2):
        products._fastest.cache_clear()  # as a new process
        product(rows(2, 3, 0), rows(2, 3, 1), torch.zeros(2))
    assert measured == [1]
    assert '"onednn"' in (tmp_path / "ganeval" / "fastest.json").read_text()


def test_the_measurement_names_one_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "TRIED", (8, 8))
    assert products._measured() in products.WAYS


def test_a_torch_without_the_operator_takes_its_own_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "_LINEAR", None)
    assert not products.onednn_is_faster(rows(2, 2, 0))


def test_an_unknown_way_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(products.VARIABLE, "mkl")
    with pytest.raises(WrongInputError, match="must be torch, onednn or measure; got 'mkl'"):
        product(rows(2, 3, 0), rows(2, 3, 1), torch.zeros(2))
