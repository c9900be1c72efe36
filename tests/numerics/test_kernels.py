from __future__ import annotations

import pytest
import torch

from ganeval.errors import TooFewSamplesError
from ganeval.numerics.kernels import Kernel, cubic, gaussian, kernel_sums


def rows_of(n: int, d: int, seed: int) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def loops(real: torch.Tensor, fake: torch.Tensor, k: Kernel) -> float:
    """The definition, one pair at a time."""

    def one(x: torch.Tensor, y: torch.Tensor) -> float:
        return float(k(x[None], y[None]))

    def within(rows: torch.Tensor) -> float:
        n = len(rows)
        return sum(one(rows[i], rows[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))

    across = sum(one(r, f) for r in real for f in fake) / (len(real) * len(fake))
    return within(real) + within(fake) - 2 * across


@pytest.mark.parametrize("kernel", [cubic, gaussian(1.7)], ids=["cubic", "gaussian"])
@pytest.mark.parametrize("tile", [3, 8, 100])
def test_tiled_sums_are_the_definition(kernel: Kernel, tile: int) -> None:
    real, fake = rows_of(13, 4, 0), rows_of(9, 4, 1) + 0.5
    assert kernel_sums(real, fake, kernel, tile).mmd2 == pytest.approx(loops(real, fake, kernel), rel=1e-12)


def test_the_cubic_kernel_is_the_published_one() -> None:
    x, y = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]])
    assert float(cubic(x, y)) == (11 / 2 + 1) ** 3


def test_the_gaussian_kernel_at_distance_one() -> None:
    x, y = torch.zeros(1, 2, dtype=torch.float64), torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    assert float(gaussian(2.0)(x, y)) == pytest.approx(2.718281828459045 ** (-1 / 8), rel=1e-14)


def test_wide_float32_rows_agree_with_float64() -> None:
    real, fake = rows_of(300, 600, 0), 1.1 * rows_of(200, 600, 1) + 0.1
    exact = kernel_sums(real, fake, cubic).mmd2
    assert kernel_sums(real.float(), fake.float(), cubic).mmd2 == pytest.approx(exact, rel=1e-6)


def test_the_influence_is_the_change_of_the_estimate_when_a_row_is_left_out() -> None:
    real, fake = rows_of(300, 4, 0), rows_of(400, 4, 1) + 0.4
    sums = kernel_sums(real, fake, cubic)
    for i in (0, 7):
        without = kernel_sums(real, torch.cat([fake[:i], fake[i + 1 :]]), cubic).mmd2
        jackknife = (len(fake) - 1) * (sums.mmd2 - without)
        assert jackknife == pytest.approx(float(sums.influence[i]), rel=0.02, abs=0.02)


def test_one_row_has_no_pairs() -> None:
    with pytest.raises(TooFewSamplesError, match="2 fake rows; got 1"):
        kernel_sums(rows_of(5, 2, 0), rows_of(1, 2, 1), cubic)
