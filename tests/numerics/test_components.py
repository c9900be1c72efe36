"""Variance components: unbiased, intervals that cover, and the number of trainings that a claim needs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ganeval.errors import TooFewSamplesError, WrongInputError
from ganeval.numerics.components import Components, components


def drawn(rng: np.random.Generator, n: int, k: int, training: float, sampling: float) -> Components:
    values = rng.normal(0, training, (n, 1)) + rng.normal(0, sampling, (n, k))
    errors = [[sampling if k == 1 else None] * k] * n
    return components(values.tolist(), errors)


@pytest.mark.parametrize(("n", "k"), [(5, 1), (5, 3), (8, 2)])
@pytest.mark.parametrize(("training", "sampling"), [(1.0, 0.3), (0.5, 0.5), (0.0, 1.0)])
def test_intervals_cover_both_variances_as_often_as_they_claim(
    n: int, k: int, training: float, sampling: float
) -> None:
    rng = np.random.default_rng([n, k, round(10 * training)])
    found = [drawn(rng, n, k, training, sampling) for _ in range(600)]
    covered = np.mean([low <= training**2 <= high for low, high in (f.training_interval for f in found)])
    assert covered >= 0.93, covered
    if k > 1:
        ends = [f.sampling_interval for f in found]
        assert np.mean([e is not None and e[0] <= sampling**2 <= e[1] for e in ends]) == pytest.approx(0.95, abs=0.03)


def test_the_components_are_right_on_average() -> None:
    rng = np.random.default_rng(0)
    found = [drawn(rng, 6, 3, 2.0, 1.0) for _ in range(1500)]
    assert np.mean([f.training for f in found]) == pytest.approx(4.0, rel=0.06)
    assert np.mean([f.sampling for f in found]) == pytest.approx(1.0, rel=0.05)
    assert np.std([f.mean for f in found]) == pytest.approx(
        math.sqrt(found[0].of_mean(6, 3) * (4 + 1 / 3) / (found[0].training + found[0].sampling / 3)), rel=0.06
    )


def test_the_trainings_that_a_claim_needs_find_it_as_often_as_promised() -> None:
    truth = Components(10.0, 0.0, 1.0, (0, 0), 0.5, None, 0, 0)
    n = truth.trainings_for(2.0, sets=2)
    assert n is not None
    rng = np.random.default_rng(1)
    hits = 0
    from scipy.stats import ttest_ind

    for _ in range(600):
        a, b = rng.normal(0, math.sqrt(1.0 + 0.25), (2, n))
        hits += float(ttest_ind(a + 2.0, b).pvalue) < 0.05
    assert 0.76 <= hits / 600 <= 0.9


def test_more_sets_never_ask_for_more_trainings_and_cannot_replace_them() -> None:
    part = Components(10.0, 0.0, 1.0, (0, 0), 4.0, None, 0, 0)
    needed = [part.trainings_for(1.0, k) for k in (1, 5, 10_000)]
    assert needed == sorted(needed, reverse=True)  # pyright: ignore[reportArgumentType]
    assert needed[-1] == Components(10.0, 0.0, 1.0, (0, 0), 0.0, None, 0, 0).trainings_for(1.0, 1)


def test_what_tells_nothing_is_refused_with_a_remedy() -> None:
    with pytest.raises(TooFewSamplesError, match="Train the recipe again"):
        components([[1.0, 2.0]], [[None, None]])
    with pytest.raises(TooFewSamplesError, match="two sets or more"):
        components([[1.0], [2.0]], [[None], [0.1]])
    with pytest.raises(WrongInputError, match="positive and finite"):
        Components(1.0, 0.0, 1.0, (0, 0), 1.0, None, 0, 0).trainings_for(0.0, 1)
