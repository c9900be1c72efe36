"""FLD: zero for new samples of the training distribution, punishes blur, dropped modes and copies."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from ganeval.errors import TooFewSamplesError
from ganeval.features import Features
from ganeval.metrics.fld import fitted_log_variances, fld, negative_log_likelihood
from ganeval.pair import Pair


def draw(n: int, seed: int, *, modes: int = 3, noise: float = 1.0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(size=(n, 6)) * noise + 6 * np.eye(6)[rng.integers(0, modes, n)])


def score(fake: torch.Tensor) -> float:
    return float(fld(Pair(Features.given(draw(600, 0)), Features.given(fake), heldout=Features.given(draw(600, 1)))))


def test_new_samples_of_the_distribution_score_near_zero() -> None:
    assert abs(score(draw(300, 2))) < 3


def test_blur_noise_and_a_dropped_mode_score_worse() -> None:
    good = score(draw(300, 2))
    assert score(draw(300, 2, modes=2)) > good + 3
    assert score(draw(300, 2, noise=2.0)) > good + 3
    assert score(draw(300, 2, noise=0.3)) > good + 3


def test_copies_of_the_training_set_score_far_worse() -> None:
    train = draw(600, 0)
    copied = fld(Pair(Features.given(train), Features.given(train), heldout=Features.given(draw(600, 1))))
    assert copied > 100
    assert copied.details["gap"] < -100


def test_the_likelihood_is_that_of_the_mixture() -> None:
    rows, centres = torch.randn(5, 3, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
    log_variance = torch.tensor([0.1, -0.5, 1.0, 0.0], dtype=torch.float64)
    densities = [
        np.mean(
            [multivariate_normal.pdf(r, c, math.exp(v)) for c, v in zip(centres.numpy(), log_variance, strict=True)]
        )
        for r in rows.numpy()
    ]
    assert np.allclose(negative_log_likelihood(rows, centres, log_variance).numpy(), -np.log(densities) / 3)


def test_the_fitted_widths_cannot_be_improved_by_a_step() -> None:
    train, fake = draw(400, 0), draw(200, 2)
    variances = fitted_log_variances(fake, train)
    fitted = negative_log_likelihood(train, fake, variances).mean()
    assert negative_log_likelihood(train, fake, variances + 0.3).mean() > fitted
    assert negative_log_likelihood(train, fake, variances - 0.3).mean() > fitted


def test_nineteen_fakes_are_too_few() -> None:
    with pytest.raises(TooFewSamplesError, match="600, 600, 19"):
        score(draw(19, 0))
