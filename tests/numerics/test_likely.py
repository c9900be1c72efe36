"""What the others foretell of a row is what a fit without it says, and nothing is made of it where sets are alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from ganeval.numerics.likely import PENALTY, WIDTH, predicted, scan_likely
from ganeval.numerics.order import shuffled_sides
from ganeval.numerics.scan import Neighbourhoods, Scan


def scanned(real: np.ndarray, fake: np.ndarray, seed: int, permutations: int = 99) -> Scan:
    mixed = np.random.default_rng(seed).permutation(len(real) + len(fake))
    near = Neighbourhoods.of(torch.from_numpy(np.concatenate([real, fake])[mixed]))
    return scan_likely(near, shuffled_sides(len(real), len(fake), permutations, seed)[mixed])


def p_value(scan: Scan) -> float:
    return float((1 + (scan.null <= scan.statistic.min()).sum()) / (1 + len(scan.null)))


def test_each_row_is_foretold_by_a_fit_without_it() -> None:
    rows = torch.randn(30, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    sides = (torch.arange(30) < 12).double()[:, None]
    width = WIDTH * float(torch.pdist(rows).median())
    kernel = torch.exp(-((torch.cdist(rows, rows) / width) ** 2))
    centre = torch.eye(30, dtype=torch.float64) - 1 / 30
    kernel, target = centre @ kernel @ centre, sides - sides.mean()
    for left_out in range(30):
        others = [row for row in range(30) if row != left_out]
        inner = kernel[others][:, others] + PENALTY * torch.eye(29, dtype=torch.float64)
        expected = kernel[left_out, others] @ torch.linalg.solve(inner, target[others])
        assert float(predicted(rows, sides.float())[left_out]) == pytest.approx(float(expected), abs=1e-5)


def test_p_values_of_equal_distributions_are_as_small_as_they_say_and_no_smaller() -> None:
    rng = np.random.default_rng(0)
    found = [p_value(scanned(rng.normal(size=(70, 3)), rng.normal(size=(50, 3)), seed)) for seed in range(120)]
    for level in (0.05, 0.2, 0.4):
        assert binomtest(sum(p <= level for p in found), 120, level).pvalue > 0.001


@pytest.mark.parametrize("copies", [1, 3])
def test_the_same_rows_on_both_sides_are_no_difference(copies: int) -> None:
    rows = np.random.default_rng(1).normal(size=(60, 3)).repeat(copies, axis=0)
    assert scanned(rows, rows, 0).statistic.min() == 1


def test_classes_of_equal_numbers_on_both_sides_give_no_alarm() -> None:
    corners = 9 * np.random.default_rng(2).normal(size=(10, 4)).repeat(8, axis=0)
    rng = np.random.default_rng(3)

    def drawn() -> np.ndarray:
        return corners + rng.normal(size=corners.shape)

    alarms = sum(p_value(scanned(drawn(), drawn(), seed)) <= 0.05 for seed in range(60))
    assert binomtest(alarms, 60, 0.05, alternative="greater").pvalue > 0.001


def test_foreign_rows_strewn_in_threes_are_named_though_no_ball_holds_enough() -> None:
    rng = np.random.default_rng(4)
    real, fake = rng.normal(size=(600, 6)), rng.normal(size=(600, 6))
    fake[:45] = 3.5 * rng.normal(size=(15, 6)).repeat(3, axis=0) + 0.05 * rng.normal(size=(45, 6))
    mixed = np.random.default_rng(0).permutation(1200)
    near = Neighbourhoods.of(torch.from_numpy(np.concatenate([real, fake])[mixed]))
    scan = scan_likely(near, shuffled_sides(600, 600, 199, 0)[mixed])
    best = scan.sets.members[int(scan.statistic.argmin())]
    assert p_value(scan) == 1 / 200
    assert np.isin(mixed[best], np.arange(600, 645)).sum() > 40  # of 45, in 96
