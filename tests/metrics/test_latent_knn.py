"""Nearest-neighbour accuracy: the vote by its definition, k chosen without a look at the report split."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from ganeval.errors import TooFewSamplesError, UndefinedError, WrongInputError
from ganeval.features.rows import Features
from ganeval.metrics.probes.latent_knn import latent_knn, selection_accuracy


def blobs(n: int, seed: int, noise: float = 1.0) -> Features:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    return Features.given(rng.normal(size=(n, 5)) * noise + 2 * np.eye(5)[labels], labels=labels)


def test_the_accuracy_is_that_of_scikit_learn_for_odd_votes_of_two_classes() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 4)), rng.integers(0, 2, 300)
    fit, report = Features.given(x[:200], labels=y[:200]), Features.given(x[200:], labels=y[200:])
    theirs = KNeighborsClassifier(7).fit(x[:200], y[:200]).score(x[200:], y[200:])
    assert float(latent_knn(fit, fit, report, ks=(7,))) == pytest.approx(theirs)


def test_k_is_the_best_on_the_selection_split() -> None:
    fit, select, report = blobs(400, 0, 1.5), blobs(300, 1, 1.5), blobs(300, 2, 1.5)
    score = latent_knn(fit, select, report)
    table = score.details["selection_accuracy"]
    assert table[str(score.details["k"])] == max(table.values())


def test_the_report_split_does_not_choose_k() -> None:
    fit, select, report = blobs(300, 0, 2.0), blobs(300, 1, 2.0), blobs(100, 2, 2.0)
    other = Features.given(report.embeddings + 3.0, labels=report.labels)
    assert latent_knn(fit, select, report).details["k"] == latent_knn(fit, select, other).details["k"]


def test_a_single_candidate_is_taken_without_a_look_at_the_selection_split() -> None:
    fit, report = blobs(300, 0), blobs(100, 2)
    scores = [latent_knn(fit, select, report, ks=(5,)) for select in (blobs(50, 1), blobs(50, 1, 9.0))]
    assert scores[0] == scores[1]
    assert scores[0].details["selection_accuracy"] == {}


def test_a_representation_can_be_chosen_before_anything_is_reported() -> None:
    fit, select, report = blobs(400, 0, 1.5), blobs(300, 1, 1.5), blobs(300, 2, 1.5)
    chosen = selection_accuracy(fit, select)
    assert {str(k): a for k, a in chosen.items()} == latent_knn(fit, select, report).details["selection_accuracy"]


def test_labels_are_needed_everywhere() -> None:
    bare = Features.given(np.zeros((60, 5)))
    with pytest.raises(UndefinedError, match="the report set has none"):
        latent_knn(blobs(60, 0), blobs(60, 1), bare)


def test_fewer_rows_than_neighbours_are_too_few() -> None:
    few = blobs(20, 0)
    with pytest.raises(TooFewSamplesError, match="50 neighbours"):
        latent_knn(few, few, few)


def test_rows_come_back_as_correct_or_not() -> None:
    score = latent_knn(blobs(200, 0), blobs(100, 1), blobs(150, 2))
    assert score.per_sample["correct"].mean() == pytest.approx(float(score))
    assert torch.is_tensor(blobs(1, 0).labels)


@pytest.mark.parametrize("offset", [1e6, 1e9])
def test_rows_far_from_the_origin_have_the_same_neighbours(offset: float) -> None:
    fit, report = blobs(300, 0), blobs(300, 1)
    moved = [Features.given(part.embeddings.double() + offset, labels=part.labels) for part in (fit, report)]
    assert float(latent_knn(moved[0], moved[0], moved[1], ks=(5,))) == pytest.approx(
        float(latent_knn(fit, fit, report, ks=(5,))), abs=0.01
    )


def test_no_number_of_neighbours_is_refused() -> None:
    with pytest.raises(WrongInputError, match="at least one number of neighbours"):
        latent_knn(blobs(60, 0), blobs(60, 1), blobs(60, 2), ks=())
