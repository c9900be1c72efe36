"""FLD: zero for new samples of the training distribution, punishes blur, dropped modes and copies."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from ganeval.errors import TooFewSamplesError, UndefinedError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics.fld import fitted_log_variances, fld, negative_log_likelihood


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


def test_ten_rows_that_all_sets_share_do_not_carry_the_value() -> None:
    """Of 800 rows: the baseline knows them, but to a width of 1e-3 / d, not to the last digit."""
    train, held, fake = draw(800, 0), draw(800, 1), draw(400, 2)
    plain = fld(Pair(Features.given(train), Features.given(fake), heldout=Features.given(held)))
    shared_train, shared_held = train.clone(), held.clone()
    shared_train[:10], shared_train[400:410], shared_held[:10] = train[0], train[0], train[0]
    shared = fld(Pair(Features.given(shared_train), Features.given(fake), heldout=Features.given(shared_held)))
    assert abs(shared - plain) < 12


def test_columns_that_are_constant_over_held_out_rows_take_no_part() -> None:
    train, held, fake = draw(200, 0), draw(200, 1), draw(200, 2)
    wider = [
        torch.cat([rows, torch.full((200, 1), c, dtype=torch.float64)], dim=1)
        for rows, c in ((train, 0.0), (held, 0.0), (fake, 1.0))
    ]
    narrow = fld(Pair(Features.given(train), Features.given(fake), heldout=Features.given(held)))
    assert fld(Pair(Features.given(wider[0]), Features.given(wider[2]), heldout=Features.given(wider[1]))) == narrow
    assert narrow.details["columns"] == 6


def test_constant_features_have_no_likelihood() -> None:
    with pytest.raises(UndefinedError, match="all rows are equal"):
        fld(
            Pair(
                Features.given(draw(60, 0)),
                Features.given(draw(60, 1)),
                heldout=Features.given(torch.ones(60, 6, dtype=torch.float64)),
            )
        )


def test_the_value_has_no_error_that_a_gate_could_take_for_sampling_noise() -> None:
    score = fld(Pair(Features.given(draw(60, 0)), Features.given(draw(60, 1)), heldout=Features.given(draw(60, 2))))
    assert score.se is None
    assert score.interval is None
