from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganeval.errors import TooFewSamplesError, WrongInputError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.measure.functions import evaluate
from ganeval.metrics.inception import inception_score, mode_score
from ganeval.records.scores import Z95


def pair_of(fake: torch.Tensor, real: torch.Tensor | None = None) -> Pair:
    def features(logits: torch.Tensor) -> Features:
        return Features.given(torch.zeros(len(logits), 2), logits=logits)

    return Pair(None if real is None else features(real), features(fake))


def saturated(classes: list[int], k: int = 10, height: float = 5000.0) -> torch.Tensor:
    return height * torch.nn.functional.one_hot(torch.tensor(classes), k).float()


def test_with_balanced_labels_the_interval_stays_symmetric_in_the_logarithm() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 4
    fake = Features.given(
        rng.normal(size=(80, 3)), labels=labels, logits=3 * np.eye(4)[labels] + rng.normal(size=(80, 4))
    )
    real = Features.given(rng.normal(size=(90, 3)), logits=rng.normal(size=(90, 4)))
    e = evaluate(real, fake, metrics=["inception_score", "fid"])
    score, fid = e["inception_score"], e["fid"]
    assert score.interval is not None
    assert score.se is not None
    assert score.interval[0] * score.interval[1] == pytest.approx(score.value**2)
    assert math.log(score.interval[1] / score.value) == pytest.approx(Z95 * score.se / score.value)
    assert fid.interval == pytest.approx((fid.value - Z95 * fid.se, fid.value + Z95 * fid.se))
    alone = inception_score(Pair(None, fake))
    assert score.se < alone.se  # within classes


def test_saturated_balanced_classes_reach_the_number_of_classes() -> None:
    score = inception_score(pair_of(saturated(list(range(10)) * 3)))
    assert score == pytest.approx(10, rel=1e-12)
    assert score.se == pytest.approx(0, abs=1e-9)


def test_a_collapsed_generator_scores_one() -> None:
    assert inception_score(pair_of(saturated([3] * 20))) == pytest.approx(1, rel=1e-12)


def test_half_and_half_between_two_classes() -> None:
    """Three certain images of class 0 and one of class 1: exp(entropy of (3/4, 1/4))."""
    expected = math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert inception_score(pair_of(saturated([0, 0, 0, 1], k=2))) == pytest.approx(expected, rel=1e-12)


def test_the_definition_in_loops() -> None:
    logits = torch.randn(25, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    p = logits.softmax(dim=1).tolist()
    q = [sum(row[c] for row in p) / 25 for c in range(4)]
    divergence = sum(sum(v * math.log(v / q[c]) for c, v in enumerate(row)) for row in p) / 25
    assert inception_score(pair_of(logits)) == pytest.approx(math.exp(divergence), rel=1e-12)


def test_the_standard_error_is_the_true_spread() -> None:
    g = torch.Generator().manual_seed(0)
    weights = torch.tensor([0.5, 0.3, 0.2])
    scores = []
    for _ in range(200):
        classes = torch.multinomial(weights, 400, replacement=True, generator=g)
        logits = 2.0 * torch.nn.functional.one_hot(classes, 3) + torch.randn(400, 3, generator=g)
        scores.append(inception_score(pair_of(logits)))
    values = torch.tensor([float(s) for s in scores], dtype=torch.float64)
    errors = torch.tensor([s.se for s in scores], dtype=torch.float64)
    assert float(errors.mean()) == pytest.approx(float(values.std()), rel=0.1)
    covered = [s.interval[0] <= values.mean() <= s.interval[1] for s in scores if s.interval]
    assert 0.92 <= sum(map(float, covered)) / 200 <= 0.98


def test_splits_are_drawn_with_the_seed_of_torch_fidelity_in_every_protocol() -> None:
    pair = pair_of(torch.randn(100, 5, generator=torch.Generator().manual_seed(0)))
    assert inception_score(pair, splits=10) == inception_score(Pair(None, pair.fake, seed=1), splits=10)
    assert inception_score(pair, splits=1) == pytest.approx(inception_score(pair), rel=1e-12)


def test_splits_are_shuffled_and_are_not_the_rows_in_order() -> None:
    logits = torch.randn(100, 5, generator=torch.Generator().manual_seed(0))
    in_order = [float(inception_score(pair_of(part))) for part in logits.split(10)]
    score = inception_score(pair_of(logits), splits=10)
    assert score != pytest.approx(sum(in_order) / 10, rel=1e-6)
    sorted_rows = saturated([c for c in range(10) for _ in range(10)])  # in order every split holds one class
    assert inception_score(pair_of(sorted_rows), splits=10) > 3


def test_the_mode_score_is_the_inception_score_where_classes_are_as_frequent_as_they_should_be() -> None:
    fake = torch.randn(50, 5, generator=torch.Generator().manual_seed(0))
    assert mode_score(pair_of(fake, fake)) == pytest.approx(inception_score(pair_of(fake)), rel=1e-12)


def test_the_mode_score_punishes_a_missing_class_by_its_divergence() -> None:
    """Fakes of two of four classes: exp(log 2 - log 2) = 1, where the inception score is 2."""
    real, fake = saturated([0, 1, 2, 3], k=4), saturated([0, 1, 0, 1], k=4)
    assert mode_score(pair_of(fake, real)) == pytest.approx(1, rel=1e-12)
    assert inception_score(pair_of(fake)) == pytest.approx(2, rel=1e-12)


def test_one_class_only_is_no_question() -> None:
    with pytest.raises(WrongInputError, match="k >= 2 classes"):
        inception_score(pair_of(torch.ones(5, 1)))


def test_one_image_has_no_average() -> None:
    with pytest.raises(TooFewSamplesError, match="got 1"):
        inception_score(pair_of(torch.ones(1, 3)))
