from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from ganeval.core.files import render_json
from ganeval.errors import UndefinedError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics.balance import class_balance, missing_classes
from ganeval.metrics.modes import modes


def features(judged: list[int], k: int, labels: list[int] | None = None) -> Features:
    logits = 9 * torch.nn.functional.one_hot(torch.tensor(judged), k).float()
    return Features.given(torch.zeros(len(judged), 2), logits=logits, labels=labels)


def test_the_divergence_by_hand() -> None:
    """Shares (3/4, 1/4) against one half each."""
    score = class_balance(Pair(None, features([0, 0, 0, 1], 2)))
    assert score == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    assert score.details["kl_target_fake"] == pytest.approx(0.5 * math.log(2 / 3) + 0.5 * math.log(2))
    assert score.details["prior"] == "uniform"


def test_reverse_kl_means_the_divergence_from_fakes_to_target_in_every_metric() -> None:
    pair = Pair(None, features([0, 0, 0, 1], 2))
    balance = class_balance(pair)
    assert modes(pair).details["reverse_kl"] == pytest.approx(float(balance))
    assert "reverse_kl" not in balance.details


def test_a_balanced_set_is_perfect() -> None:
    score = class_balance(Pair(None, features(list(range(5)) * 20, 5)))
    assert score == 0.0
    assert score.details["p_value"] == pytest.approx(1.0)
    assert score.interval is not None
    assert score.interval[0] == 0.0 < score.interval[1]


def test_the_prior_is_what_the_judge_says_of_the_real_set_else_its_labels() -> None:
    real = features([0, 0, 0, 0], 2, labels=[0, 0, 0, 1])
    assert class_balance(Pair(real, features([0, 0], 2))) == 0.0
    assert class_balance(Pair(replace(real, logits=None), features([0, 0, 0, 1], 2))) == 0.0


def test_a_missing_class_is_named_with_its_chance() -> None:
    score = class_balance(Pair(None, features([0, 1] * 10, 3)))
    assert score == pytest.approx(math.log(1.5))
    assert score.details["missing"] == [{"name": "2", "by_chance": pytest.approx((2 / 3) ** 20)}]
    assert score.details["kl_target_fake"] is None
    assert score.details["p_value"] < 0.01
    assert render_json(dict(score.details))


def test_small_counts_are_tested_by_simulation_and_the_test_is_exact() -> None:
    score = class_balance(Pair(None, features([0, 0, 0, 0], 2)))
    assert "multinomial" in score.details["test"]
    assert score.details["p_value"] == pytest.approx(2 / 16, abs=0.02)


def test_a_class_outside_the_target_is_infinitely_far() -> None:
    with pytest.raises(UndefinedError, match=r"classes \[1\] were generated"):
        class_balance(Pair(features([0], 2, labels=[0]), features([0, 1], 2)))


@pytest.mark.parametrize("weights", [[0.25, 0.25, 0.25, 0.25], [0.4, 0.3, 0.2, 0.1], [0.27, 0.25, 0.24, 0.24]])
def test_the_interval_covers_the_true_divergence(weights: list[float]) -> None:
    rng = np.random.default_rng(0)
    truth = sum(p * math.log(p / 0.25) for p in weights)
    inside = 0
    for _ in range(200):
        counts = rng.multinomial(500, weights)
        judged = np.repeat(np.arange(4), counts).tolist()
        low, high = class_balance(Pair(None, features(judged, 4))).interval or (1.0, 0.0)
        inside += low <= truth <= high
    assert inside / 200 >= 0.92


def test_missing_classes_are_counted() -> None:
    score = missing_classes(Pair(None, features([0, 1, 1, 4], 6)))
    assert score == 3
    assert [row["name"] for row in score.details["missing"]] == ["2", "3", "5"]


def test_a_class_that_the_judges_errors_explain_is_doubtful() -> None:
    judge = np.array([[90, 10], [0, 100]])
    fake = replace(features([0] * 900 + [1] * 100, 2), confusion=judge)
    score = missing_classes(Pair(None, fake))
    assert score == 0
    assert score.details["doubtful"] == ["1"]


def draws(n: int, seed: int, shares: list[float]) -> list[int]:
    return np.random.default_rng(seed).choice(len(shares), n, p=shares).tolist()


def test_two_samples_of_one_distribution_differ_as_often_as_they_should() -> None:
    shares = [0.3, 0.25, 0.2, 0.15, 0.1]
    pairs = [Pair(features(draws(300, s, shares), 5), features(draws(300, 1000 + s, shares), 5)) for s in range(200)]
    scores = [class_balance(pair) for pair in pairs]
    assert np.mean([score.details["p_value"] < 0.05 for score in scores]) <= 0.085
    assert np.mean(scores) == pytest.approx(scores[0].details["expected_by_chance"], rel=0.15)


def test_the_expectation_by_chance_knows_both_sizes() -> None:
    pair = Pair(features(draws(400, 0, [0.5, 0.5]), 2), features(draws(100, 1, [0.5, 0.5]), 2))
    assert class_balance(pair).details["expected_by_chance"] == pytest.approx(0.5 * (1 / 100 + 1 / 400))
    assert class_balance(Pair(None, pair.fake)).details["expected_by_chance"] == pytest.approx(0.5 / 100)


def test_small_samples_are_dealt_again_at_random() -> None:
    score = class_balance(Pair(features([0, 0, 0, 1], 2), features([0, 0, 0, 0], 2)))
    assert score.details["test"] == "two samples, dealt again at random"
    assert score.details["p_value"] == pytest.approx(1.0)


def test_balanced_labels_make_the_error_that_of_what_varies_within_them() -> None:
    real = features(draws(1000, 0, [0.1] * 10), 10)
    scores = []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        asked = np.arange(500) % 10
        judged = np.where(rng.random(500) < 0.05, rng.integers(0, 10, 500), asked)
        scores.append(class_balance(Pair(real, features(judged.tolist(), 10, labels=asked.tolist()))))
    claimed = np.sqrt(np.mean([score.se**2 for score in scores if score.se is not None]))
    assert 0.8 < claimed / np.std(scores, ddof=1) < 1.25


def test_the_signature_of_missing_classes_holds_the_real_set_that_says_the_target() -> None:
    fake = features([0, 1, 0, 1] * 5, 3)
    two, three = (missing_classes(Pair(features(part, 3, labels=part), fake)) for part in ([0, 1] * 9, [0, 1, 2] * 9))
    assert (float(two), float(three)) == (0, 1)
    assert two.signature != three.signature
