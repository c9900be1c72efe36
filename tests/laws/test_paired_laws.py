"""The laws of metrics that compare image i with image i, over all that the registry finds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from ganeval.errors import GanevalError, UndefinedError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics import METRICS, Metric

PAIRED = [m for m in METRICS if m.paired and not m.slow]
DRAWS, N = 60, 120


@pytest.fixture(params=PAIRED, ids=lambda m: m.name)
def metric(request: pytest.FixtureRequest) -> Metric:
    return request.param


def pairs(world: Any, *, noise: float, seed: int = 0, n: int = N) -> Pair:
    """Rows of the world and the same rows with noise: each image beside a worse one of its own."""
    rows, labels = world.rows(n, seed)
    g = torch.Generator().manual_seed(100 + seed)
    moved = rows + noise * torch.randn(rows.shape, generator=g, dtype=rows.dtype)
    return Pair(world.features(rows, labels), world.features(moved, labels), paired=True)


@pytest.fixture(scope="module")
def draws(world: Any) -> list[Pair]:
    """Fresh pairs, the same for all metrics."""
    return [pairs(world, noise=0.5, seed=seed) for seed in range(DRAWS)]


def reordered(pair: Pair, real: Any, fake: Any) -> Pair:
    assert pair.real is not None
    return Pair(pair.real.take(np.asarray(real)), pair.fake.take(np.asarray(fake)), paired=True)


def test_every_paired_metric_is_covered_here() -> None:
    assert {"mse", "psnr", "ssim", "ms_ssim_paired", "rfid", "agreement"} <= {m.name for m in PAIRED}
    assert METRICS["lpips_paired"].paired


@pytest.mark.parametrize("copies", [1, 3], ids=["once", "every row three times"])
def test_identical_pairs_are_perfect(metric: Metric, copies: int, world: Any) -> None:
    rows, labels = world.rows(N // copies, 0)
    same = world.features(rows.repeat(copies, 1), labels.repeat(copies))
    value = float(metric(Pair(same, same, paired=True)))
    if metric.perfect is None:
        assert value == pytest.approx(20 * np.log10(255) + 10 * np.log10(784))
    else:
        assert value == pytest.approx(metric.perfect, abs=1e-9)


def test_the_order_of_pairs_is_irrelevant(metric: Metric, world: Any) -> None:
    pair, order = pairs(world, noise=0.3), np.random.default_rng(0).permutation(N)
    assert float(metric(reordered(pair, order, order))) == pytest.approx(float(metric(pair)), rel=1e-9)


def test_more_noise_is_worse(metric: Metric, world: Any) -> None:
    values = [float(metric(pairs(world, noise=s))) for s in (0.1, 0.6, 1.5)]
    assert values == sorted(values, reverse=metric.better == "higher")
    assert values[0] != values[-1]


def test_pairs_in_another_order_are_refused_with_a_remedy(metric: Metric, world: Any) -> None:
    pair = pairs(world, noise=0.2)
    order = np.random.default_rng(1).permutation(N)
    with pytest.raises(UndefinedError, match=r"no closer than shuffled.*one order"):
        metric(reordered(pair, np.arange(N), order))


def test_a_few_exchanged_pairs_are_named(metric: Metric, world: Any) -> None:
    order = np.arange(N)
    order[40:60] = np.roll(order[40:60], 1)
    with pytest.raises(UndefinedError, match=r"20 of 120 generated images are much closer .* exchanged"):
        metric(reordered(pairs(world, noise=0.05), np.arange(N), order))


def test_loose_sets_are_refused_with_a_remedy(metric: Metric, world: Any) -> None:
    pair = pairs(world, noise=0.2)
    with pytest.raises(UndefinedError, match=r"needs paired.*paired=True"):
        metric(Pair(pair.real, pair.fake))


def test_what_is_missing_is_named(metric: Metric) -> None:
    bare = Pair(None, Features.given(torch.zeros(5, 2)))
    for need in bare.missing(metric.needs):
        with pytest.raises(GanevalError, match=need.split("_")[-1]):
            metric(bare)


def test_the_same_pairs_give_the_same_number_and_stay_as_they_were(metric: Metric, world: Any) -> None:
    pair, again = pairs(world, noise=0.3), pairs(world, noise=0.3)
    torch.manual_seed(3)
    state = torch.get_rng_state()
    first, second = metric(pair), metric(again)
    assert (first, first.se, first.interval) == (second, second.se, second.interval)
    assert torch.equal(state, torch.get_rng_state())
    assert pair.real is not None
    assert again.real is not None
    assert torch.equal(pair.real.embeddings, again.real.embeddings)


def test_float32_and_float64_agree(metric: Metric, world: Any) -> None:
    pair = pairs(world, noise=0.3)
    assert pair.real is not None
    single = [replace(f, embeddings=f.embeddings.float()) for f in (pair.real, pair.fake)]
    assert float(metric(Pair(*single, paired=True))) == pytest.approx(float(metric(pair)), rel=1e-4)


def test_a_signature_names_both_sets_and_a_network_only_where_one_looked(metric: Metric, world: Any) -> None:
    parts = metric(pairs(world, noise=0.3)).signature.split("|")
    assert any(part.startswith("real:") for part in parts)
    assert any(part.startswith("x:") for part in parts) != metric.only_pixels
    assert not any(part.startswith("seed:") for part in parts)


def test_the_interval_covers_what_it_claims(metric: Metric, draws: list[Pair]) -> None:
    scores = [metric(pair) for pair in draws]
    mean = sum(map(float, scores)) / DRAWS
    covered = sum(s.interval is not None and s.interval[0] <= mean <= s.interval[1] for s in scores)
    assert covered >= 0.85 * DRAWS, f"{covered} of {DRAWS} intervals cover"


def test_one_value_for_each_pair_whose_mean_is_the_score(metric: Metric, world: Any) -> None:
    score = metric(pairs(world, noise=0.3))
    rows = score.per_sample[score.linear]
    assert len(rows) == N
    if score.linear != "influence":
        assert float(rows.mean(dtype=np.float64)) == pytest.approx(float(score), rel=1e-5)
