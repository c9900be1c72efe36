"""Disjoint pairs within classes: disjoint, of one label, blind to the file's order, and independent."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganeval.errors import TooFewSamplesError
from ganeval.numerics.pairing import disjoint_pairs, mean_over_pairs


def rows(n: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, 4, generator=torch.Generator().manual_seed(seed))


def test_pairs_are_disjoint_and_share_a_label() -> None:
    labels = np.random.default_rng(0).integers(0, 3, 101)
    left, right, label = disjoint_pairs(rows(101), torch.from_numpy(labels), 1000, seed=0)
    assert len({*left.tolist(), *right.tolist()}) == 2 * len(left)
    assert (labels[left] == labels[right]).all()
    assert (labels[left] == label).all()


def test_every_row_is_in_a_pair_but_the_odd_one_of_a_class() -> None:
    labels = torch.tensor([0] * 7 + [1] * 4)
    left, _, label = disjoint_pairs(rows(11), labels, 1000, seed=0)
    assert (len(left), label.tolist()) == (5, [0, 0, 0, 1, 1])


def test_the_same_rows_are_paired_in_whatever_order_they_come() -> None:
    some = rows(60)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    paired = [
        {
            frozenset((tuple(x[a].tolist()), tuple(x[b].tolist())))
            for a, b in zip(*disjoint_pairs(x, None, 20, 0)[:2], strict=True)
        }
        for x in (some, some[order])
    ]
    assert paired[0] == paired[1]
    assert len(paired[0]) == 20


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_how_many_pairs_are_measured_at_once_is_irrelevant(at_once: int) -> None:
    some, labels = rows(90), torch.arange(90) % 4

    def measure(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (some[a] - some[b]).norm(dim=1)

    whole = mean_over_pairs(some, labels, measure, pairs=40, seed=3)
    assert mean_over_pairs(some, labels, measure, pairs=40, seed=3, at_once=at_once) == whole
    assert whole.pairs == 40
    assert set(whole.by_class) == {"0", "1", "2", "3"}


def test_the_standard_error_is_the_spread_over_fresh_samples() -> None:
    def drawn(seed: int) -> tuple[float, float]:
        some = rows(80, seed)
        found = mean_over_pairs(some, None, lambda a, b: (some[a] - some[b]).norm(dim=1), pairs=99, seed=0)
        return found.mean, found.se

    means, errors = np.array([drawn(seed) for seed in range(300)]).T
    assert errors.mean() == pytest.approx(means.std(ddof=1), rel=0.15)


def test_one_pair_is_too_few() -> None:
    with pytest.raises(TooFewSamplesError, match="two pairs"):
        mean_over_pairs(rows(3), None, lambda a, b: torch.zeros(len(a)), pairs=9, seed=0)
