from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ganeval.features.rows import Features
from ganeval.measure.functions import evaluate
from ganeval.numerics.strata import are_balanced, error_of_mean

CENTRES = np.random.default_rng(0).normal(size=(4, 3)) * 3


def fakes(labels: np.ndarray, seed: int) -> Features:
    """Classes far apart, each with its own spread."""
    rng = np.random.default_rng(seed)
    rows = CENTRES[labels] + rng.normal(size=(len(labels), 3)) * (0.5 + 0.3 * labels)[:, None]
    return replace(Features.given(rows), labels=torch.from_numpy(labels))


def shifted(features: Features) -> Features:
    return replace(features, embeddings=features.embeddings + 0.7)


def test_the_error_within_groups_is_cochrans_by_hand():
    values, groups = np.array([1.0, 3, 10, 14, 12]), np.array([0, 0, 1, 1, 1])
    by_hand = (2 / 5) ** 2 * 2.0 / 2 + (3 / 5) ** 2 * 4.0 / 3
    assert error_of_mean(values, groups) ** 2 == pytest.approx(by_hand)


def test_uneven_groups_are_chance_and_their_spread_counts():
    values, groups = np.array([1.0, 3, 10, 14, 12, 11]), np.array([0, 0, 1, 1, 1, 1])
    assert error_of_mean(values, groups) == error_of_mean(values) == pytest.approx(values.std(ddof=1) / np.sqrt(6))


@pytest.mark.parametrize("groups", [[0, 1, 2, 3], [0, 0, 0, 1, 1, 1, 2], []])
def test_groups_of_one_or_of_other_sizes_are_not_balanced(groups: list[int]):
    assert not are_balanced(np.array(groups, np.int64))


@pytest.mark.parametrize("metric", ["fid", "kid"])
@pytest.mark.parametrize("balanced", [True, False])
def test_an_evaluation_knows_how_its_classes_were_drawn(metric: str, balanced: bool):  # noqa: FBT001
    """The error of distances over 250 fresh sets is their true spread, for classes in equal numbers and at random."""
    real = shifted(fakes(np.arange(600) % 4, 10_000))
    values, errors, textbook = [], [], []
    for seed in range(250):
        labels = np.arange(400) % 4 if balanced else np.random.default_rng([seed, 1]).integers(0, 4, 400)
        record = evaluate(real, fakes(labels, seed), metrics=[metric], floor=False)
        values.append(record[metric].value)
        errors.append(record[metric].se)
        textbook.append(error_of_mean(record.per_sample[f"{metric}.influence"]))
        assert are_balanced(record.labels) == balanced
        assert record[metric].interval == pytest.approx(
            (values[-1] - 1.95996 * errors[-1], values[-1] + 1.95996 * errors[-1]), abs=1e-3 * errors[-1]
        )
    assert np.mean(errors) / np.std(values, ddof=1) == pytest.approx(1.0, abs=0.13)
    if balanced:
        assert np.mean(textbook) > 1.15 * np.mean(errors)


def test_shares_keep_their_binomial_error_and_interval():
    real, fake = fakes(np.arange(200) % 4, 1), fakes(np.arange(200) % 4, 2)
    record = evaluate(real, fake, metrics=["precision"], floor=False)["precision"]
    assert record.value is not None
    assert record.se == pytest.approx(np.sqrt(record.value * (1 - record.value) / 200))


def test_how_classes_were_drawn_does_not_forbid_a_comparison():
    real = fakes(np.arange(200) % 4, 1)
    a, b = (
        evaluate(real, fakes(labels, 2), metrics=["fid"], floor=False)
        for labels in (np.arange(200) % 4, np.random.default_rng(0).integers(0, 4, 200))
    )
    assert are_balanced(a.labels) != are_balanced(b.labels)
    assert a.protocol_hash == b.protocol_hash
