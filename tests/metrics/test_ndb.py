"""NDB: nothing differs between equal sets, a dropped region does, and the order of the file is irrelevant."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ganeval.errors import TooFewSamplesError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics.ndb import jensen_shannon, ndb


def rows(n: int, seed: int, keep: float = -9.0) -> Features:
    x = torch.randn(4 * n, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Features.given(x[x[:, 0] > keep][:n])


def test_equal_distributions_differ_in_no_bin_beyond_the_family_error() -> None:
    differing = [float(ndb(Pair(rows(600, 2 * s), rows(600, 2 * s + 1)), bins=20)) > 0 for s in range(30)]
    assert np.mean(differing) <= 0.2


def test_the_uncorrected_count_is_near_its_floor_for_equal_distributions() -> None:
    counts = [ndb(Pair(rows(800, 100 + s), rows(800, 500 + s)), bins=20).details for s in range(20)]
    mean = np.mean([c["uncorrected"] for c in counts])
    assert mean <= 2 * counts[0]["uncorrected_floor"] + 1


def test_a_missing_half_plane_empties_its_bins() -> None:
    score = ndb(Pair(rows(1000, 1), rows(1000, 2, keep=0.0)), bins=10)
    assert score > 0.5
    emptied = score.details["under_filled"][0]
    assert emptied["fake"] <= 0.02 * emptied["real"]


def test_the_order_of_the_real_rows_is_irrelevant() -> None:
    real, fake = rows(300, 1), rows(300, 2, keep=-0.5)
    shuffled = Features.given(real.embeddings[torch.randperm(300, generator=torch.Generator().manual_seed(0))])
    assert float(ndb(Pair(real, fake), bins=12)) == float(ndb(Pair(shuffled, fake), bins=12))


def test_jensen_shannon_is_symmetric() -> None:
    p, q = np.array([0.2, 0.8]), np.array([0.5, 0.5])
    assert jensen_shannon(p, q) == pytest.approx(jensen_shannon(q, p))


def test_nineteen_real_rows_are_too_few() -> None:
    with pytest.raises(TooFewSamplesError, match="got 19"):
        ndb(Pair(rows(19, 0), rows(19, 1)))


@pytest.mark.parametrize("offset", [1e6, 1e9])
def test_rows_far_from_the_origin_fall_into_the_same_bins(offset: float) -> None:
    real, fake = rows(400, 1), rows(400, 2, keep=-0.5)
    moved = Pair(Features.given(real.embeddings + offset), Features.given(fake.embeddings + offset))
    assert ndb(moved, bins=10).details["jensen_shannon"] == pytest.approx(
        ndb(Pair(real, fake), bins=10).details["jensen_shannon"], abs=0.01
    )
