"""torch-fidelity's precision and recall and prdc's four, on the same rows without ties."""

from __future__ import annotations

import pytest
import torch
from torch_fidelity.metric_prc import calculate_precision_recall_full

from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics.prdc import coverage, density, precision, recall

SIZES = [(300, 250, 16), (120, 200, 512)]  # n > d and n < d


def rows(n: int, m: int, d: int) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(n)
    return torch.randn(n, d, generator=rng).double(), torch.randn(m, d, generator=rng).double() * 0.95 + 0.1


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("k", [3, 5])
def test_precision_and_recall_equal_torch_fidelity(size: tuple[int, int, int], k: int) -> None:
    real, fake = rows(*size)
    pair = Pair(Features.given(real), Features.given(fake))
    theirs = calculate_precision_recall_full(fake, real, neighborhood=k)
    assert (float(precision(pair, k=k)), float(recall(pair, k=k))) == pytest.approx(theirs, rel=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_all_four_equal_prdc(size: tuple[int, int, int], capsys: pytest.CaptureFixture[str]) -> None:
    prdc = pytest.importorskip("prdc", reason="prdc is in the extra 'bench'")
    real, fake = rows(*size)
    pair = Pair(Features.given(real), Features.given(fake))
    theirs = prdc.compute_prdc(real.numpy(), fake.numpy(), nearest_k=5)
    capsys.readouterr()  # prdc prints
    ours = {metric.name: float(metric(pair, k=5)) for metric in (precision, recall, density, coverage)}
    assert ours == pytest.approx({name: float(value) for name, value in theirs.items()}, rel=1e-12)


def test_prdc_gives_zero_where_rows_repeat_and_we_do_not() -> None:
    prdc = pytest.importorskip("prdc", reason="prdc is in the extra 'bench'")
    copies = torch.randn(50, 8, generator=torch.Generator().manual_seed(0)).double().repeat(10, 1)
    theirs = prdc.compute_prdc(copies.numpy(), copies.numpy(), nearest_k=5)
    assert set(theirs.values()) == {0.0}
    pair = Pair(Features.given(copies), Features.given(copies))
    assert (precision(pair), recall(pair), coverage(pair)) == (1.0, 1.0, 1.0)
