"""Intra-class metrics: they see what the unconditional ones cannot."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganeval.errors import UndefinedError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics import METRICS, Metric
from ganeval.metrics.intra import intra_fid, intra_kid, intra_recall


def labelled(n: int, seed: int, *, swap: bool = False) -> Features:
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], n)
    rows = rng.normal(size=(3 * n, 4)) + 6 * np.eye(4)[labels]
    return Features.given(rows, labels=(labels + 1) % 3 if swap else labels)


def test_labels_mixed_up_leave_fid_alone_and_ruin_intra_fid() -> None:
    real, good, mixed = labelled(300, 0), labelled(300, 1), labelled(300, 1, swap=True)
    assert float(METRICS["fid"](Pair(real, mixed))) == pytest.approx(float(METRICS["fid"](Pair(real, good))))
    assert intra_fid(Pair(real, mixed)) > 50 * intra_fid(Pair(real, good))


def test_intra_fid_is_the_mean_over_classes() -> None:
    real, fake = labelled(100, 0), labelled(100, 1)
    alone = [
        float(
            METRICS["fid"](
                Pair(real.take(np.flatnonzero(real.labels == c)), fake.take(np.flatnonzero(fake.labels == c)))
            )
        )
        for c in range(3)
    ]
    score = intra_fid(Pair(real, fake))
    assert float(score) == pytest.approx(np.mean(alone))
    assert score.details["by_class"]["1"]["n"] == 100


def test_intra_kid_is_near_zero_for_equal_distributions() -> None:
    score = intra_kid(Pair(labelled(200, 0), labelled(200, 1)))
    assert abs(score) < 4 * score.se


def test_recall_inside_a_collapsed_class_drops() -> None:
    real, fake = labelled(100, 0), labelled(100, 1)
    rows = fake.embeddings.clone()
    rows[:100] = rows[0]
    collapsed = intra_recall(Pair(real, Features.given(rows, labels=fake.labels)))
    assert collapsed.details["worst"] == "0"
    assert collapsed < intra_recall(Pair(real, fake)) - 0.2


def test_a_class_nobody_asked_for_is_an_error() -> None:
    real, fake = labelled(50, 0), labelled(50, 1)
    some = fake.take(np.flatnonzero(fake.labels != 2))
    with pytest.raises(UndefinedError, match="No fake was asked for class 2"):
        intra_fid(Pair(real, some))


@pytest.mark.parametrize("metric", [intra_fid, intra_kid, intra_recall])
def test_fakes_of_a_class_that_the_reference_lacks_are_not_left_out(metric: Metric) -> None:
    rows = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
    real = Features.given(rows, labels=torch.arange(60) % 2)
    fake = Features.given(rows, labels=torch.arange(60) % 3)
    with pytest.raises(UndefinedError, match="20 fakes were asked for class 2, of which there are no real images"):
        metric(Pair(real, fake))
