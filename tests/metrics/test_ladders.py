"""Ten faults of generators, at two strengths, on real digits: no metric calls a fault an improvement, or its card says
so.

A metric with a direction is a promise that the better way is better. Where a fault moves it that way nevertheless, the
card has to name the fault under "Improved by:", so that nobody gates by it unawares.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from ganeval.core.compute import Compute
from ganeval.datasets.dataset import DATASETS
from ganeval.errors import GanevalError
from ganeval.features.extraction import extract
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.images.imageset import ImageSet
from ganeval.measure.faults import collapse, drop_class, shuffle_labels
from ganeval.measure.faults import noise as add_noise
from ganeval.metrics import METRICS, Metric
from ganeval.records.scores import Score

Pictures = NDArray[np.uint8]
Fault = Callable[[Pictures, NDArray[np.int64], float, np.random.Generator], Pictures]
STRENGTHS = (0.1, 0.4)
CLEARLY = 3.0  # combined standard errors by which a faulty set has to look better to count as an improvement


def some(images: Pictures, share: float, rng: np.random.Generator) -> NDArray[np.int64]:
    return rng.choice(len(images), size=round(share * len(images)), replace=False)


def noise(images: Pictures, labels: object, s: float, rng: np.random.Generator) -> Pictures:
    return add_noise(images, None, rng, strength=255 * s)


def blur(images: Pictures, labels: object, s: float, rng: np.random.Generator) -> Pictures:
    padded = np.pad(images.astype(float), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    h, w = images.shape[2:]
    box = sum((padded[:, :, i : i + h, j : j + w] for i in range(3) for j in range(3)), np.zeros(images.shape)) / 9
    return np.rint((1 - 2 * s) * images + 2 * s * box).astype(np.uint8)


def garbage(images: Pictures, labels: object, s: float, rng: np.random.Generator) -> Pictures:
    broken, rows = images.copy(), some(images, s, rng)
    broken[rows] = rng.integers(0, 256, broken[rows].shape, dtype=np.uint8)
    return broken


def warp(images: Pictures, labels: object, s: float, rng: np.random.Generator) -> Pictures:
    """Rows slide sideways along a wave of its own for each image."""
    broken = images.copy()
    for image in broken:
        phase = rng.uniform(0, 2 * math.pi)
        for y in range(image.shape[1]):
            image[:, y] = np.roll(image[:, y], round(5 * s * math.sin(phase + y)), axis=1)
    return broken


def shift(images: Pictures, labels: object, s: float, rng: np.random.Generator) -> Pictures:
    broken, rows = images.copy(), some(images, 2 * s, rng)
    broken[rows] = np.roll(images[rows], 1, axis=3)
    return broken


def faded(images: Pictures, labels: object, s: float, rng: np.random.Generator) -> Pictures:
    return np.rint(images * (1 - s)).astype(np.uint8)


def shuffled_labels(images: Pictures, labels: NDArray[np.int64], s: float, rng: np.random.Generator) -> Pictures:
    return shuffle_labels(images, labels, rng, strength=s)


def collapsed(images: Pictures, labels: NDArray[np.int64], s: float, rng: np.random.Generator) -> Pictures:
    return collapse(images, labels, rng, strength=20 / s)


def dropped_classes(images: Pictures, labels: NDArray[np.int64], s: float, rng: np.random.Generator) -> Pictures:
    return drop_class(images, labels, rng, strength=10 * s)


def averaged(images: Pictures, labels: NDArray[np.int64], s: float, rng: np.random.Generator) -> Pictures:
    """Every image on its way to the mean of its class: what a truncated or a regressing generator shows."""
    means = np.stack([images[labels == c].mean(axis=0) for c in range(10)])
    return np.rint((1 - 1.5 * s) * images + 1.5 * s * means[labels]).astype(np.uint8)


FAULTS: dict[str, Fault] = {
    "noise": noise,
    "blur": blur,
    "garbage": garbage,
    "warps": warp,
    "shifts": shift,
    "fading": faded,
    "shuffled labels": shuffled_labels,
    "collapse": collapsed,
    "dropped classes": dropped_classes,
    "averaging": averaged,
}


@pytest.fixture(scope="module")
def parts() -> tuple[Features, Features, tuple[Pictures, NDArray[np.int64]]]:
    """Real, held-out, and the honest fakes: disjoint digits, with as many of each class among the fakes."""
    splits = [DATASETS["digits"].load(name) for name in ("train", "test")]
    images, labels = (np.concatenate([getattr(s, what) for s in splits]) for what in ("images", "labels"))
    order = np.random.default_rng(0).permutation(len(images))
    real, held, rest = order[:600], order[600:1200], order[1200:]
    even = np.concatenate([rest[labels[rest] == c][:50] for c in range(10)])
    return seen(images[real], labels[real]), seen(images[held], labels[held]), (images[even], labels[even])


def seen(images: Pictures, labels: NDArray[np.int64]) -> Features:
    return extract(
        ImageSet.from_array(images, labels=labels), "digits", compute=Compute(device="cpu", cache=False, progress=False)
    )


@pytest.fixture(scope="module")
def ladders(parts: tuple[Features, Features, tuple[Pictures, NDArray[np.int64]]]) -> dict[str, list[Pair]]:
    """For each fault the honest pair and those of rising strength; neighbours and the like are shared by all
    metrics.
    """
    real, held, (images, labels) = parts
    honest = Pair(real, seen(images, labels), heldout=held)
    rng = np.random.default_rng(1)
    return {
        name: [honest, *(Pair(real, seen(fault(images, labels, s, rng), labels), heldout=held) for s in STRENGTHS)]
        for name, fault in FAULTS.items()
    }


QUICKLY = {"c2st": {"permutations": 1}, "mmd_test": {"permutations": 99, "at_most": 300}, "fld": {"at_most": 300}}
DIRECTED = [m for m in METRICS if not m.slow and not m.paired and m.better != "target" and "generator" not in m.needs]


def improving(metric: Metric, ladders: dict[str, list[Pair]]) -> list[str]:
    """The faults of which some strength looks clearly better than no fault."""
    honest = measured(metric, next(iter(ladders.values()))[0])
    if honest is not None and float(honest) == metric.perfect and metric.perfect in metric.within:
        return []  # nothing can be better
    return [name for name, ladder in ladders.items() if any(better(metric, p, honest) for p in ladder[1:])]


def better(metric: Metric, pair: Pair, honest: Score | None) -> bool:
    faulty = measured(metric, pair)
    if faulty is None or honest is None:
        return False
    gain = (float(faulty) - float(honest)) * (1 if metric.better == "higher" else -1)
    return gain > max(CLEARLY * math.hypot(honest.se or 0.0, faulty.se or 0.0), 1e-6 * abs(honest))


def measured(metric: Metric, pair: Pair) -> Score | None:
    try:
        return metric(pair, **QUICKLY.get(metric.name, {}))
    except GanevalError:
        return None


def named(metric: Metric) -> set[str]:
    """The faults under "Improved by:" of the card."""
    found = re.search(r"Improved by: ([^.]*)\.", " ".join(metric.card.split()))
    return {name for name in FAULTS if found is not None and name in found[1]}


@pytest.mark.parametrize("metric", DIRECTED, ids=lambda m: m.name)
def test_no_fault_is_an_improvement_unless_the_card_names_it(metric: Metric, ladders: dict[str, list[Pair]]) -> None:
    assert set(improving(metric, ladders)) <= named(metric)
