"""Temperature and calibration error against cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from ganeval.classifiers.calibration import expected_calibration_error, fit_temperature, negative_log_likelihood
from ganeval.classifiers.card import confusion_matrix, quality
from ganeval.errors import UndefinedError, WrongInputError


def _calibrated(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are exactly right: labels are drawn from their softmax."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, 4)) * 2
    return logits, (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)


@pytest.mark.parametrize("factor", [0.3, 1.0, 3.0])
def test_the_temperature_undoes_a_known_scale(factor: float) -> None:
    logits, labels = _calibrated(20_000)
    assert fit_temperature(factor * logits, labels) == pytest.approx(factor, rel=0.03)


def test_no_other_temperature_is_likelier() -> None:
    logits, labels = _calibrated(500)
    best = fit_temperature(logits * 2, labels)
    for other in (0.9 * best, 1.1 * best):
        assert negative_log_likelihood(2 * logits / best, labels) < negative_log_likelihood(2 * logits / other, labels)


def test_one_error_in_two_thousand_does_not_decide_the_temperature() -> None:
    logits = np.tile([12.0, 0.0], (2000, 1))
    labels = np.zeros(2000, dtype=int)
    assert fit_temperature(logits, labels) == pytest.approx(1.0, abs=0.01)
    logits[0] = [0.5, 0.0]
    labels[0] = 1
    assert 0.7 < fit_temperature(logits, labels) < 1.4


def test_honest_probabilities_have_almost_no_calibration_error() -> None:
    logits, labels = _calibrated(50_000)
    assert expected_calibration_error(logits, labels) < 0.01
    assert expected_calibration_error(4 * logits, labels) > 0.1


def test_a_temperature_without_images_is_refused() -> None:
    with pytest.raises(WrongInputError, match="one label per row"):
        fit_temperature(np.zeros((0, 3)), np.zeros(0, dtype=int))


def test_recall_of_a_class_without_images_is_undefined() -> None:
    with pytest.raises(UndefinedError, match="Class 2 has no image"):
        quality(np.eye(3)[:2], np.array([0, 1]), 1.0)


def test_rows_of_the_confusion_matrix_are_the_true_classes() -> None:
    assert confusion_matrix(np.array([2, 2]), np.array([0, 0]), 3).tolist() == [[0, 0, 2], [0, 0, 0], [0, 0, 0]]
