"""What depends on one set alone is worked out once, however many pairs the set is in, and moves no number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from ganeval.features import own
from ganeval.features.own import Own
from ganeval.features.pair import Pair
from ganeval.features.ranks import ALONE
from ganeval.features.rows import Features
from ganeval.metrics import METRICS
from ganeval.numerics.nearest import nearest_within

ASKED = ("fid", "kid", "precision", "recall", "coverage", "realism", "rarity")


def rows(n: int, seed: int, d: int = 6) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def counted(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> list[int]:
    """How many rows each call of `module.name` was about."""
    calls, real = [], getattr(module, name)

    def call(given: torch.Tensor, *rest: Any, **options: Any) -> Any:
        calls.append(len(given))
        return real(given, *rest, **options)

    monkeypatch.setattr(module, name, call)
    return calls


def test_the_real_side_is_swept_and_summed_once_for_all_fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    swept, summed = counted(monkeypatch, own, "nearest_within"), counted(monkeypatch, own, "gaussian_of")
    real = Features.given(rows(150, 0))
    for seed in (1, 2, 3):
        pair = Pair(real, Features.given(rows(120, seed)))
        for name in ASKED:
            METRICS[name](pair)
    assert (swept.count(150), swept.count(120)) == (1, 3)
    assert (summed.count(150), summed.count(120)) == (1, 3)


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("d", [6, 80], ids=["more rows than columns", "fewer"])
def test_a_real_side_that_was_used_before_gives_the_same_bits(name: str, d: int) -> None:
    n = 60
    used, fake = Features.given(rows(n, 0, d)), rows(n, 1, d)
    METRICS[name](Pair(used, Features.given(rows(n, 2, d))))
    again = METRICS[name](Pair(used, Features.given(fake)))
    fresh = METRICS[name](Pair(Features.given(rows(n, 0, d)), Features.given(fake)))
    assert (float(again), again.se) == (float(fresh), fresh.se)
    for key, values in fresh.per_sample.items():
        np.testing.assert_array_equal(again.per_sample[key], values)


@pytest.mark.parametrize("asked", [(3, 7, 5), (7, 3), (1, 2)])
def test_shorter_lists_are_the_beginnings_of_longer_ones(asked: tuple[int, ...]) -> None:
    lattice = torch.tensor([[float(i % 5), float(i // 5 % 4)] for i in range(60)])  # ties, and every row three times
    kept = Own(lattice)
    for k in asked:
        found, wanted = kept.nearest(k, ALONE), nearest_within(lattice, k)
        np.testing.assert_array_equal(found.index, wanted.index)
        np.testing.assert_array_equal(found.squared, wanted.squared)


def test_other_labels_keep_what_was_worked_out_and_other_rows_do_not() -> None:
    features = Features.given(rows(40, 0))
    assert features.with_labels(np.arange(40) % 2).own is features.own
    assert features.drawn_by("seed").own is features.own
    for other in (features.take(np.arange(39)), replace(features, embeddings=rows(40, 1))):
        assert other.own is not features.own
        assert other.own.rows is other.embeddings


def test_a_measurement_in_a_loop_asks_the_real_rows_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    from ganeval import Compute, Protocol, image_set
    from ganeval.integrations.watch import Watch

    swept = counted(monkeypatch, own, "nearest_within")
    images = image_set("digits:test", n=160).array()
    watch = Watch(
        Protocol(real=images[:90], classifier="digits", labels="none", n=70, metrics=("fid", "precision"), floor=False),
        Compute(device="cpu", cache=False),
    )

    def draw(n: int, labels: object, rng: torch.Generator) -> np.ndarray:
        return images[90:][torch.randperm(70, generator=rng)[:n].numpy()]

    for step in (1, 2, 3):
        assert watch(step, draw) is not None
    assert (swept.count(90), swept.count(70)) == (1, 3)
