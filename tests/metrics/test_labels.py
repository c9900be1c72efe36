from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ganeval.core.files import render_json
from ganeval.errors import UndefinedError, WrongInputError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics.labels import classifier_score
from ganeval.numerics.intervals import wilson


def pair_of(labels: list[int], judged: list[int], k: int = 3, confusion: np.ndarray | None = None) -> Pair:
    logits = 9 * torch.nn.functional.one_hot(torch.tensor(judged), k).float()
    features = Features.given(torch.zeros(len(labels), 2), logits=logits, labels=labels)
    return Pair(None, replace(features, confusion=confusion))


def test_the_share_of_agreement_with_its_wilson_interval() -> None:
    score = classifier_score(pair_of([0, 0, 1, 1, 2], [0, 1, 1, 1, 2]))
    assert score == 4 / 5
    assert score.interval == wilson(4, 5)
    assert score.per_sample["correct"].tolist() == [1, 0, 1, 1, 1]


def test_classes_and_confusion_by_hand() -> None:
    details = classifier_score(pair_of([0, 0, 1, 1, 2], [0, 1, 1, 1, 2])).details
    assert details["confusion"] == [[1, 1, 0], [0, 2, 0], [0, 0, 1]]
    second = details["classes"][1]
    assert (second["recall"], second["precision"], second["f1"]) == (1.0, 2 / 3, pytest.approx(0.8))
    assert second["recall_interval"] == [*wilson(2, 2)]
    assert second["f1_interval"][0] < 0.8 < second["f1_interval"][1] <= 1
    assert details["worst"] == "0"


def test_a_class_that_never_came_has_no_recall() -> None:
    details = classifier_score(pair_of([0, 0], [0, 1])).details
    assert details["classes"][2]["recall"] is None
    assert render_json(dict(details))


def test_the_judges_own_errors_are_taken_out() -> None:
    judge = np.array([[95, 5, 0], [0, 90, 10], [2, 0, 98]])
    labels = [c for c in range(3) for _ in range(100)]
    judged = [p for c in range(3) for p in range(3) for _ in range(judge[c, p])]
    score = classifier_score(pair_of(labels, judged, confusion=judge))
    assert score == pytest.approx(0.9433, abs=1e-4)
    assert score.details["corrected"] == pytest.approx(1.0)
    low, high = score.details["corrected_interval"]
    assert low < 1 <= high


def test_without_a_confusion_matrix_there_is_no_corrected_rate_but_a_reason() -> None:
    details = classifier_score(pair_of([0], [0])).details
    assert details["corrected"] is None
    assert "not known" in details["corrected_why"]


def test_labels_out_of_range_are_refused() -> None:
    with pytest.raises(WrongInputError, match=r"0\.\.2.*got 0 to 7"):
        classifier_score(pair_of([0, 7], [0, 1]))


def test_missing_labels_are_named() -> None:
    with pytest.raises(UndefinedError, match=r"needs labels\. Pass labels="):
        classifier_score(Pair(None, Features.given(torch.zeros(2, 2), logits=9 * torch.eye(2))))
