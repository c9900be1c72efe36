"""Modes captured: counting, the judge's errors, stacked digits, rings."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganeval.errors import TooFewSamplesError, WrongInputError
from ganeval.metrics.modes import count_modes, modes_of_points, reverse_kl, stacked_hits


def ring(k: int = 8) -> torch.Tensor:
    angle = torch.arange(k) * 2 * math.pi / k
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def confusion(error: float, k: int = 10, n: int = 1000) -> np.ndarray:
    counts = np.full((k, k), int(n * error / (k - 1)))
    np.fill_diagonal(counts, int(n * (1 - error)))
    return counts


def test_every_class_hit_is_captured_with_a_perfect_judge() -> None:
    score = count_modes(np.array([1, 5, 0]), names=("a", "b", "c"))
    assert (float(score), score.details["missing"]) == (2.0, ["c"])


def test_hits_that_the_judges_errors_explain_are_no_mode() -> None:
    hits = np.array([1111] * 9 + [3])
    assert float(count_modes(hits)) == 10
    assert float(count_modes(hits, confusion=confusion(0.01))) == 9


def test_hits_beyond_the_judges_errors_are_a_mode() -> None:
    assert float(count_modes(np.array([1111] * 9 + [60]), confusion=confusion(0.01))) == 10


def test_a_judge_that_errs_never_hides_a_full_set_of_modes() -> None:
    assert float(count_modes(np.full(10, 1000), confusion=confusion(0.05))) == 10


def test_no_image_at_all_is_too_few() -> None:
    with pytest.raises(TooFewSamplesError):
        count_modes(np.zeros(3, dtype=np.int64))


def test_reverse_kl_of_one_mode_in_eight_is_log_eight() -> None:
    assert reverse_kl(np.array([10, 0, 0, 0, 0, 0, 0, 0])) == pytest.approx(math.log(8))


def test_points_on_the_ring_are_all_of_high_quality() -> None:
    score = modes_of_points(ring().repeat(5, 1) + 0.01, ring(), sigma=0.02)
    assert float(score) == 8
    assert score.details["high_quality"]["value"] == 1.0
    assert score.details["reverse_kl"] == pytest.approx(0.0)


def test_the_closed_ball_of_three_sigma_counts() -> None:
    centre = torch.zeros(1, 2, dtype=torch.float64)
    on_the_border = torch.tensor([[0.75, 0.0]], dtype=torch.float64)
    assert float(modes_of_points(on_the_border, centre, sigma=0.25)) == 1


def test_points_far_from_every_centre_capture_nothing() -> None:
    score = modes_of_points(torch.full((4, 2), 9.0), ring(), sigma=0.02)
    assert float(score) == 0
    assert score.details["high_quality"]["value"] == 0.0


def test_points_and_centres_of_different_dimension_are_refused() -> None:
    with pytest.raises(WrongInputError, match="share a dimension"):
        modes_of_points(torch.zeros(2, 3), ring(), sigma=0.1)


def test_stacked_digits_index_their_mode_like_a_number() -> None:
    hits = stacked_hits(np.array([[0, 0, 0], [9, 9, 9], [1, 2, 3]]))
    assert np.flatnonzero(hits).tolist() == [0, 123, 999]
