"""Disjoint random pairs of rows within classes, and means over them.

No row is in two pairs, so the pairs of an independent sample are independent and the standard error of a mean holds
(within classes where the labels are balanced). Pairs are drawn along an order of the rows themselves, not of the file,
so the order of rows does not matter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.errors import TooFewSamplesError
from ganeval.numerics.order import canonical_order
from ganeval.numerics.strata import error_of_mean

PAIRS_AT_ONCE = 2048

Pairwise = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # rows (m,), rows (m,) -> values (m,)


@dataclass(frozen=True)
class PairMean:
    """Mean over `pairs` disjoint pairs, its standard error, and the mean in each class by its label."""

    mean: float
    se: float
    by_class: dict[str, float]
    pairs: int


def mean_over_pairs(
    rows: torch.Tensor,
    labels: torch.Tensor | None,
    measure: Pairwise,
    *,
    pairs: int,
    seed: int,
    at_once: int = PAIRS_AT_ONCE,
) -> PairMean:
    """The mean of `measure` over at most `pairs` disjoint random pairs of `rows` (n, d) that share a label.

    labels (n,) integers, or None for one class. `measure` gets the row numbers of at most `at_once` pairs at a time.
    Raises: TooFewSamplesError below two pairs.

    >>> rows = torch.tensor([[0.0], [1.0], [0.0], [1.0]])
    >>> mean_over_pairs(rows, None, lambda a, b: (a == b).float(), pairs=9, seed=0).mean  # no row meets itself
    0.0
    """
    left, right, label = disjoint_pairs(rows, labels, pairs, seed)
    if len(left) < 2:
        raise TooFewSamplesError("Spread needs at least two pairs of one class; generate 4 images of a class or more.")
    chunks = [measure(a, b) for a, b in zip(left.split(at_once), right.split(at_once), strict=True)]
    values = torch.cat(chunks).double().cpu().numpy()
    by_class = {str(int(c)): float(values[label == c].mean()) for c in np.unique(label)}
    return PairMean(float(values.mean()), error_of_mean(values, label), by_class, len(values))


def disjoint_pairs(
    rows: torch.Tensor, labels: torch.Tensor | None, pairs: int, seed: int
) -> tuple[torch.Tensor, torch.Tensor, NDArray[np.int64]]:
    """Row numbers (left, right) of at most `pairs` disjoint pairs of one label each, and the label of each pair."""
    classes = np.zeros(len(rows), dtype=np.int64) if labels is None else labels.cpu().numpy()
    order = canonical_order(rows, seed)
    rng = np.random.default_rng(seed)
    left, right, label = [], [], []
    for c in np.unique(classes):
        members = order[classes[order] == c]
        members = members[rng.permutation(len(members))]
        half = len(members) // 2
        left.append(members[:half])
        right.append(members[half : 2 * half])
        label.append(np.full(half, c))
    a, b, c = np.concatenate(left), np.concatenate(right), np.concatenate(label)
    chosen = np.sort(rng.permutation(len(a))[:pairs])
    return torch.from_numpy(a[chosen]), torch.from_numpy(b[chosen]), c[chosen]
