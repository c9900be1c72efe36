"""Other implementations on the same features: torch-fidelity live (it is installed anyway), the others as recorded."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric

from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics.frechet import fid
from ganeval.metrics.inception import inception_score
from ganeval.metrics.kernel import kid

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def peers() -> Any:
    return json.loads((GOLDEN / "peers.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def features() -> Any:
    return runpy.run_path(str(GOLDEN / "record_peers.py"))["features"]


def pair_of(real: Any, fake: Any) -> Pair:
    return Pair(Features.given(real), Features.given(fake))


def their_fid(real: np.ndarray, fake: np.ndarray) -> float:
    first, second = (fid_features_to_statistics(torch.from_numpy(rows)) for rows in (real, fake))
    return fid_statistics_to_metric(first, second, verbose=False)["frechet_inception_distance"]


@pytest.mark.parametrize("shape", [(400, 300, 24), (900, 1000, 64), (2000, 300, 128)])
def test_fid_equals_torch_fidelity_where_covariances_have_full_rank(shape: tuple[int, int, int], features: Any) -> None:
    real, fake = features(*shape)
    assert fid(pair_of(real, fake)) == pytest.approx(their_fid(real, fake), rel=1e-8)


@pytest.mark.parametrize("shape", [(60, 50, 128), (300, 50, 128), (50, 300, 128)])
def test_fid_equals_torch_fidelity_within_its_noise_where_rows_are_few(
    shape: tuple[int, int, int], features: Any
) -> None:
    """Their eigenvalues of a product of singular matrices carry sqrt(eps) noise in every empty direction."""
    real, fake = features(*shape)
    assert fid(pair_of(real, fake)) == pytest.approx(their_fid(real, fake), rel=2e-6)


@pytest.mark.parametrize("name", ["pytorch-fid", "clean-fid", "torchmetrics", "torch-fidelity", "stylegan3"])
def test_fid_in_each_convention_is_what_that_library_says(name: str, peers: Any, features: Any) -> None:
    pair = pair_of(*features(*peers["fid"]["shape"]))
    assert fid(pair, convention=name) == pytest.approx(peers["fid"]["values"][name], rel=1e-10)


def test_the_divisor_is_the_only_convention_that_moves_the_number(peers: Any) -> None:
    values = peers["fid"]["values"]
    assert values["pytorch-fid"] == pytest.approx(values["torchmetrics"], rel=1e-12)
    assert values["stylegan3"] != pytest.approx(values["pytorch-fid"], rel=1e-3)


def test_kid_in_subsets_is_torch_fidelitys_seed_for_seed(peers: Any, features: Any) -> None:
    real, fake = features(*peers["kid"]["shape"])
    score = kid(pair_of(real, fake), subsets=20, subset_size=50)
    assert score == pytest.approx(peers["kid"]["torch-fidelity, 20 subsets of 50"], rel=1e-10)
    settings = {"kid_subsets": 20, "kid_subset_size": 50, "rng_seed": 2020, "verbose": False}
    theirs = kid_features_to_metric(torch.from_numpy(real), torch.from_numpy(fake), **settings)
    assert score == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-10)
    assert score.details["subset_sd"] == pytest.approx(theirs["kernel_inception_distance_std"], rel=1e-8)


def test_kid_over_all_pairs_is_the_peers_single_full_subset(peers: Any, features: Any) -> None:
    score = kid(pair_of(*features(*peers["kid"]["shape"])))
    assert score == pytest.approx(peers["kid"]["torchmetrics, one full subset"], rel=1e-10)
    assert score == pytest.approx(peers["kid"]["clean-fid, one full subset"], rel=1e-10)


@pytest.mark.parametrize("spread", [1.0, 30.0])
def test_inception_score_in_splits_is_torch_fidelitys(spread: float) -> None:
    logits = torch.from_numpy(spread * np.random.RandomState(0).standard_normal((503, 12)))
    pair = Pair(None, Features.given(torch.zeros(503, 2), logits=logits))
    theirs = isc_features_to_metric(logits, splits=10)
    score = inception_score(pair, splits=10)
    assert score == pytest.approx(theirs["inception_score_mean"], rel=1e-10)
    assert score.details["split_sd"] == pytest.approx(theirs["inception_score_std"], rel=1e-8)
