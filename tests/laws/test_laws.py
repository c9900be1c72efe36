"""The laws that every metric obeys, over all metrics that the registry finds. Exceptions stand here, with reasons.

A new metric is picked up by itself. Where it cannot obey a law for a good reason, its name goes into the table above
that law: the reason is the documentation of the weakness.
"""

from __future__ import annotations

import doctest
import importlib
import math
import pkgutil
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import FunctionType
from typing import Any

import numpy as np
import pytest
import torch

import ganeval.metrics
import ganeval.numerics
from ganeval.errors import GanevalError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics import METRICS, Metric
from ganeval.records.scores import Score

TRAINS_A_NETWORK = "trains a network: minutes, and its laws are those of the trainer"
ALL = [m for m in METRICS if not m.slow and not m.paired]
WITH_TARGET = [m for m in ALL if m.perfect is not None]
every_metric = pytest.mark.parametrize("metric", ALL, ids=lambda m: m.name)

# Metrics of the generator callable never look at the fake set.
OF_THE_GENERATOR = {m.name for m in ALL if "generator" in m.needs}

# Worse = the direction of the metric. name -> why that law does not apply.
NOT_ABOUT_QUALITY = {
    "eye_gap": "compares what networks see: what all of them see alike does not move it",
    "authenticity": "asks whether fakes were copied: what looks less like the data was copied less",
    "copies": "asks whether fakes were copied: what looks less like the data was copied less",
    "changed_copies": "asks whether fakes were copied: what looks less like the data was copied less",
    "duplicates": "asks whether fakes repeat each other, and a spread set does not",
}
BLIND_TO_NOISE = {
    "duplicates": "counts fakes that repeat each other: noise makes none",
    **NOT_ABOUT_QUALITY,
    "class_balance": "counts judged classes: noise that spares the class is invisible",
    "missing_classes": "counts judged classes: noise that spares the class is invisible",
    "ndb": "compares bin counts: one standard deviation of noise fills the same bins, even with 3000 rows",
    "modes": "counts modes hit: noise hits them all the same",
    "prd_recall": "asks whether reals are inside the fake manifold, which noise widens",
    "birthday": "estimates support size: noise makes rows more different, which looks like more support",
    "vendi": "measures diversity within the fakes: noise is diversity",
    "embedding_spread": "measures diversity within the fakes: noise is diversity",
    "ms_ssim": "measures similarity within the fakes: noise makes them less alike",
    "recall": "asks whether reals are inside the fake manifold, which noise widens",
    "intra_recall": "asks whether reals are inside the fake manifold, which noise widens",
}
BLIND_TO_SHIFT = {
    "duplicates": "counts fakes that repeat each other: a shift makes none",
    **NOT_ABOUT_QUALITY,
    "class_balance": "counts judged classes: a shift towards none of them is invisible",
    "missing_classes": "counts judged classes: a shift towards none of them is invisible",
    "modes": "counts modes hit: a shift towards none of them is invisible",
    "birthday": "looks at the fakes alone: a shift changes no distance between them",
    "embedding_spread": "looks at the fakes alone: a shift changes no distance between them",
    "ms_ssim": "looks at the fakes alone: a shift is a constant background",
    "vendi": "looks at the fakes alone; the cosine kernel sees a shift as more or less spread",
    "inception_score": "looks at the judge's certainty: a shift of all images together may raise it",
    "mode_score": "looks at the judge's certainty: a shift of all images together may raise it",
    "classifier_score": "a shift that leaves the nearest centre the same leaves the class the same",
}
BLIND_TO_A_DROPPED_MODE = {
    **NOT_ABOUT_QUALITY,
    "birthday": "counts near-duplicates: a few hundred continuous rows hold none, dropped mode or not",
    "precision": "asks whether each fake is real-looking; the remaining ones are",
    "density": "asks whether each fake is real-looking; the remaining ones are",
    "clipped_density": "asks whether each fake is real-looking; the remaining ones are",
    "symmetric_precision": "asks whether each fake is real-looking; the remaining ones are",
    "alpha_precision": "asks how far fakes are from the middle; the modes left are as far as those dropped",
    "classifier_score": "asks whether each fake obeys its label; the remaining ones do",
    "intra_fid": "refuses to answer when a class has no fakes",
    "intra_kid": "refuses to answer when a class has no fakes",
    "intra_recall": "refuses to answer when a class has no fakes",
    "ms_ssim": "compares fakes within one class",
    "embedding_spread": "compares fakes within one class",
}

# name -> why one single fake image has an answer
ANSWERS_ONE_IMAGE = {
    "classifier_score": "one verdict is a proportion with a wide interval",
    "class_balance": "a histogram of one; the test is exact",
    "missing_classes": "a count",
    "modes": "a count",
}


@pytest.fixture(params=ALL, ids=lambda m: m.name)
def metric(request: pytest.FixtureRequest) -> Metric:
    return request.param


def worse(metric: Metric, a: float, b: float) -> bool:
    """a is worse than b."""
    return a > b if metric.better == "lower" else a < b


def rows_again(features: Features, index: torch.Tensor) -> Features:
    return features.take(index.numpy())


def cast(features: Features, dtype: torch.dtype) -> Features:
    return replace(features, embeddings=features.embeddings.to(dtype))


@pytest.mark.parametrize("copies", [1, 3], ids=["once", "every row three times"])
@pytest.mark.parametrize("metric", WITH_TARGET, ids=lambda m: m.name)
def test_identical_sets_are_perfect(metric: Metric, copies: int, world: Any, value_or_skip: Any) -> None:
    rows, labels = world.rows(120 // copies, 0)
    real = world.features(rows.repeat(copies, 1), labels.repeat(copies))
    fake = rows_again(real, torch.arange(119, -1, -1))
    value = value_or_skip(metric, world.pair(real, fake))
    assert metric.perfect is not None
    assert not worse(metric, value, metric.perfect + (1e-9 if metric.better == "lower" else -1e-9))


def test_the_order_of_rows_is_irrelevant(metric: Metric, world: Any, pair: Pair) -> None:
    assert pair.real is not None
    g = torch.Generator().manual_seed(3)
    shuffled = [rows_again(f, torch.randperm(len(f), generator=g)) for f in (pair.real, pair.fake)]
    assert float(metric(world.pair(*shuffled))) == pytest.approx(float(metric(pair)), rel=1e-9, abs=1e-9)


def test_tiles_are_irrelevant(metric: Metric, world: Any, pair: Pair, small_tiles: None) -> None:
    assert pair.real is not None
    tiled = metric(world.pair(pair.real, pair.fake))
    with pytest.MonkeyPatch.context() as patch:
        for function, index in functions_with_a_tile():
            patch.setattr(function, "__defaults__", with_default(function, index, 10**6))
        whole = metric(world.pair(pair.real, pair.fake))
    assert float(tiled) == pytest.approx(float(whole), rel=1e-10, abs=1e-12)
    if whole.se is not None:
        assert tiled.se == pytest.approx(whole.se, rel=1e-9)


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    for function, index in functions_with_a_tile():
        monkeypatch.setattr(function, "__defaults__", with_default(function, index, 7))


def functions_with_a_tile() -> Iterator[tuple[Any, int]]:
    """Every function of the numerics whose parameter `tile` has a default, and where that default stands."""
    for module in pkgutil.iter_modules(ganeval.numerics.__path__, "ganeval.numerics."):
        for thing in vars(importlib.import_module(module.name)).values():
            functions = vars(thing).values() if isinstance(thing, type) else [thing]
            for function in (getattr(f, "__func__", f) for f in functions):
                if not isinstance(function, FunctionType) or not function.__defaults__:
                    continue
                names = function.__code__.co_varnames[: function.__code__.co_argcount][-len(function.__defaults__) :]
                if "tile" in names:
                    yield function, names.index("tile")


def with_default(function: Any, index: int, value: int) -> tuple[Any, ...]:
    return (*function.__defaults__[:index], value, *function.__defaults__[index + 1 :])


def series(world: Any, change: Callable[[torch.Tensor, float], torch.Tensor]) -> list[Pair]:
    """Fakes that are right, wrong and very wrong."""
    real = world.features(*world.rows(240, 0))
    rows, labels = world.rows(200, 1)
    return [world.pair(real, world.features(change(rows, s), labels)) for s in (0.0, 1.0, 3.0)]


@pytest.fixture(scope="module")
def noisier(world: Any) -> list[Pair]:
    noise = torch.randn(200, world.dim, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    return series(world, lambda rows, s: rows + s * noise)


@pytest.fixture(scope="module")
def farther(world: Any) -> list[Pair]:
    away = torch.zeros(world.dim, dtype=torch.float64)
    away[-1] = 1.0  # a direction that leaves the nearest class the same
    return series(world, lambda rows, s: rows + s * away)


@pytest.fixture(scope="module")
def fewer_modes(world: Any) -> list[Pair]:
    real = world.features(*world.rows(240, 0))
    return [world.pair(real, world.features(*world.rows(200, 1, classes=c))) for c in (4, 2)]


def assert_worse_and_worse(metric: Metric, pairs: list[Pair]) -> None:
    right, wrong, very_wrong = scores = [float(metric(pair)) for pair in pairs]
    assert worse(metric, very_wrong, right), scores
    assert not worse(metric, right, wrong), scores
    assert not worse(metric, wrong, very_wrong), scores


def skip_if(metric: Metric, reasons: dict[str, str]) -> None:
    if metric.better == "target":
        pytest.skip("has a target, not a direction")
    if metric.question == "memorisation":
        pytest.skip("asks for copies: noise, shift and dropped modes make none")
    if metric.name in OF_THE_GENERATOR:
        pytest.skip("asks the generator, not the fake set")
    if metric.name in reasons:
        pytest.skip(reasons[metric.name])


def test_more_noise_is_worse(metric: Metric, noisier: list[Pair]) -> None:
    skip_if(metric, BLIND_TO_NOISE)
    assert_worse_and_worse(metric, noisier)


def test_a_larger_shift_is_worse(metric: Metric, farther: list[Pair]) -> None:
    skip_if(metric, BLIND_TO_SHIFT)
    assert_worse_and_worse(metric, farther)


def test_a_dropped_mode_is_worse(metric: Metric, fewer_modes: list[Pair]) -> None:
    skip_if(metric, BLIND_TO_A_DROPPED_MODE)
    full, two = (float(metric(pair)) for pair in fewer_modes)
    assert worse(metric, two, full), (full, two)


# name -> why copies do not make it worse
BLIND_TO_COPIES = {
    "duplicates": "counts fakes that repeat each other, not the training set",
    "mifid": "multiplies a Frechet distance that copies of the training set bring down to its floor",
}


@pytest.mark.parametrize("metric", [m for m in ALL if m.question == "memorisation"], ids=lambda m: m.name)
def test_copying_the_training_set_is_worse(metric: Metric, world: Any) -> None:
    if metric.name in BLIND_TO_COPIES:
        pytest.skip(BLIND_TO_COPIES[metric.name])
    (train, labels), (fresh, _) = world.rows(240, 0), world.rows(200, 1)
    copied = fresh.clone()
    copied[::2] = train[:200:2] + 1e-4
    honest, copying = (
        float(metric(world.pair(world.features(train, labels), world.features(rows, labels[:200]))))
        for rows in (fresh, copied)
    )
    towards = copying < honest if metric.better == "target" else worse(metric, copying, honest)
    assert towards, (honest, copying)


def test_inputs_are_unchanged_and_no_global_generator_is_touched(metric: Metric, pair: Pair) -> None:
    importlib.import_module("sklearn.cluster")  # its first import draws from `random`, whoever asks for it
    before = snapshot(pair)
    torch.manual_seed(11)
    np.random.seed(11)
    random.seed(11)
    states = (torch.get_rng_state(), numpy_state(), random.getstate())
    metric(pair)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert numpy_state() == states[1]
    assert random.getstate() == states[2]
    for old, new in zip(before, snapshot(pair), strict=True):
        assert torch.equal(old, new)


def numpy_state() -> str:
    return repr(np.random.get_state(legacy=False))


def snapshot(pair: Pair) -> list[torch.Tensor]:
    sets = [f for f in (pair.real, pair.fake, pair.heldout) if f is not None]
    return [rows.clone() for f in sets for rows in (f.embeddings, f.logits, f.labels, f.spatial) if rows is not None]


def test_the_same_seed_gives_the_same_number(metric: Metric, world: Any, pair: Pair) -> None:
    assert pair.real is not None
    first, second = metric(pair), metric(world.pair(pair.real, pair.fake))
    assert first == second
    assert (first.se, first.interval) == (second.se, second.interval)


def test_float32_and_float64_agree(metric: Metric, world: Any, pair: Pair) -> None:
    assert pair.real is not None
    scores = [
        metric(world.pair(cast(pair.real, dtype), cast(pair.fake, dtype))) for dtype in (torch.float32, torch.float64)
    ]
    assert float(scores[0]) == pytest.approx(float(scores[1]), rel=1e-5, abs=1e-6)
    if scores[1].se is not None:
        assert scores[0].se == pytest.approx(scores[1].se, rel=1e-4, abs=1e-6)


def test_fewer_rows_than_columns_give_a_finite_number(metric: Metric, make_world: Any, value_or_skip: Any) -> None:
    world = make_world(dim=50)
    real, fake = world.features(*world.rows(48, 0)), world.features(*world.rows(40, 1))
    assert math.isfinite(value_or_skip(metric, world.pair(real, fake)))


def test_one_image_is_too_few(metric: Metric, world: Any) -> None:
    if metric.name in ANSWERS_ONE_IMAGE or metric.name in OF_THE_GENERATOR:
        pytest.skip(ANSWERS_ONE_IMAGE.get(metric.name, "asks the generator, not the fake set"))
    one = world.pair(world.features(*world.rows(50, 0)), world.features(*world.rows(1, 1)))
    with pytest.raises(GanevalError):
        metric(one)


def test_constant_features_give_a_finite_number_or_a_reason(metric: Metric, world: Any, value_or_skip: Any) -> None:
    real = world.features(*world.rows(60, 0))
    rows, labels = world.rows(50, 1)
    assert math.isfinite(value_or_skip(metric, world.pair(real, world.features(torch.ones_like(rows), labels))))


def test_what_is_missing_is_named(metric: Metric) -> None:
    bare = Pair(None, Features.given(torch.zeros(5, 2)))
    for need in bare.missing(metric.needs):
        with pytest.raises(GanevalError, match=need.split("_")[-1]):
            metric(bare)


def test_a_score_carries_its_protocol_and_survives_json(metric: Metric, pair: Pair) -> None:
    from ganeval.core.files import render_json

    score = metric(pair)
    assert isinstance(score, Score)
    assert score.signature.startswith(f"{metric.name}|v:{metric.version}|")
    assert render_json(dict(score.details))
    if score.interval is not None:
        assert score.interval[0] <= float(score) + 1e-12
        assert float(score) - 1e-12 <= score.interval[1]
    for name, values in score.per_sample.items():
        assert len(values) == len(pair.fake), name


def test_the_card_says_range_error_and_source_and_its_examples_run(metric: Metric) -> None:
    assert len(metric.card.splitlines()) >= 3
    assert "Returns:" in metric.card
    assert metric.paper
    namespace = {**metric.compute.__globals__, "np": np, "torch": torch, "Features": Features, "Pair": Pair}
    examples = doctest.DocTestParser().get_doctest(metric.card, namespace, metric.name, None, None)
    runner = doctest.DocTestRunner()
    runner.run(examples)
    assert runner.failures == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_cpu_and_cuda_agree(metric: Metric, world: Any, pair: Pair) -> None:
    assert pair.real is not None

    def moved(f: Features) -> Features:
        fields = {n: getattr(f, n) for n in ("embeddings", "logits", "labels", "spatial")}
        return replace(f, **{n: None if v is None else v.cuda() for n, v in fields.items()})

    assert pair.heldout is not None
    there = world.pair(moved(pair.real), moved(pair.fake), heldout=moved(pair.heldout))
    assert float(metric(there)) == pytest.approx(float(metric(pair)), rel=1e-8, abs=1e-9)
