from __future__ import annotations

import numpy as np
import pytest

from ganeval.errors import UndefinedError, WrongInputError
from ganeval.numerics.confusion import corrected_rate


def test_a_perfect_judge_changes_nothing() -> None:
    counts = np.array([[90, 6, 4], [10, 80, 10], [0, 0, 50]])
    rate = corrected_rate(counts, np.diag([1000, 1000, 1000]))
    assert rate.value == pytest.approx(220 / 250)


def test_perfect_fakes_seen_through_a_weak_judge_are_perfect() -> None:
    judge = np.array([[90, 10], [20, 80]])
    assert corrected_rate(judge * 10, judge).value == pytest.approx(1.0)


def test_the_corrected_rate_and_its_error_are_right_on_average() -> None:
    """True rate 0.9 through a judge that is right 85 to 95 % of the time, both samples drawn afresh."""
    rng = np.random.default_rng(0)
    judge = np.array([[0.95, 0.03, 0.02], [0.05, 0.85, 0.10], [0.04, 0.06, 0.90]])
    truth = np.array([[0.9, 0.1, 0.0], [0.05, 0.9, 0.05], [0.0, 0.1, 0.9]])
    rates = []
    for _ in range(600):
        confusion = np.stack([rng.multinomial(400, row) for row in judge])
        counts = np.stack([rng.multinomial(300, row @ judge) for row in truth])
        rates.append(corrected_rate(counts, confusion))
    values, errors = np.array([r.value for r in rates]), np.array([r.se for r in rates])
    assert values.mean() == pytest.approx(0.9, abs=3 * values.std() / 600**0.5)
    assert errors.mean() == pytest.approx(values.std(ddof=1), rel=0.1)
    assert 0.92 <= (abs(values - 0.9) < 1.96 * errors).mean() <= 0.98


def test_a_judge_that_confuses_two_classes_wholly_cannot_be_corrected_for() -> None:
    with pytest.raises(UndefinedError, match="nearly singular"):
        corrected_rate(np.eye(2, dtype=int), np.array([[5, 5], [5, 5]]))


def test_a_judge_needs_test_images_of_every_class() -> None:
    with pytest.raises(WrongInputError, match="class 1 has none"):
        corrected_rate(np.eye(2, dtype=int), np.array([[5, 0], [0, 0]]))
