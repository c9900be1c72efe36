"""The whole quick suite: every metric that runs by default, with errors, on small grey images with a judge of the zoo.

`n` real and `n` generated images of 28 x 28, caches cold: each round has an empty one. The bars are seconds, of two
quiet cores: 25 with everything, of which 8 after the features; 10 with everything and the floors (each metric once
more, real against real), as `evaluate` does by default. There is no peer: no other library has this suite.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.timing import Contest
from ganeval.core.compute import Compute
from ganeval.features.extraction import extract
from ganeval.features.rows import Features
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.measure.functions import evaluate
from ganeval.metrics import Metric
from ganeval.records.scores import Evaluation, Score

JUDGE = "mnist"
ASKED = 10_000  # images a side, that the bars are about
FLOORS = "everything, with floors"
BARS = {"ganeval": 25.0, "after the features": 8.0, FLOORS: 10.0}  # seconds
TOLD = 12  # metrics whose seconds are told
WARM = 200  # images a side, of the untimed round


def contests(n: int = 10_000, d: int = 2048) -> Iterator[Contest]:  # noqa: ARG001 - d is the judge's own
    yield contest(n)


def contest(n: int, device: str = "cpu") -> Contest:
    real, fake, whence = pictures(n)

    @cache
    def embedded() -> tuple[Features, Features]:
        return features(real, device), features(fake, device)

    return Contest(
        f"all quick metrics with errors, {n} + {n} images of 28 x 28 ({whence}), judge {JUDGE}, cold cache, {device}",
        lambda: whole(real, fake, device, floor=False),
        {
            "the features alone": lambda: (features(real, device), features(fake, device)),
            "after the features": lambda: metrics(*embedded(), device, floor=False),
            FLOORS: lambda: whole(real, fake, device, floor=True),
            "after the features, with floors": lambda: metrics(*embedded(), device, floor=True),
        },
        limits=BARS if n >= ASKED else {},
        repeats=1,
        warm_up=lambda: (whole(*pictures(WARM)[:2], device, floor=True), embedded()),
        note=lambda: f"CPU seconds after the features, with floors: {shares(*embedded(), device)}",
    )


def shares(real: Features, fake: Features, device: str) -> str:
    """The metrics that took longest, without what others among them had already worked out."""
    took: defaultdict[str, float] = defaultdict(float)
    inner = [0.0]
    call = Metric.__call__

    def timed(metric: Metric, *args: Any, **options: Any) -> Score:
        start = time.process_time()
        inner.append(0.0)
        try:
            return call(metric, *args, **options)
        finally:
            spent = time.process_time() - start
            took[metric.name] += spent - inner.pop()
            inner[-1] += spent

    with patch.object(Metric, "__call__", timed):
        metrics(real, fake, device, floor=True)
    told = sorted(took.items(), key=lambda one: -one[1])
    told = [*told[:TOLD], (f"the other {len(told) - TOLD}", sum(spent for _, spent in told[TOLD:]))]
    return ", ".join(f"{name} {spent:.1f}" for name, spent in told)


def whole(real: ImageSet, fake: ImageSet, device: str, *, floor: bool) -> Evaluation:
    """From pixels to the record, through a cache that has never seen them."""
    with cold_cache():
        return evaluate(real, fake, train=real, classifier=JUDGE, device=device, floor=floor)


def metrics(real: Features, fake: Features, device: str, *, floor: bool) -> Evaluation:
    return evaluate(real, fake, train=real, classifier=JUDGE, device=device, floor=floor)


def features(images: ImageSet, device: str) -> Features:
    with cold_cache():
        return extract(images, JUDGE, compute=Compute(device=device))


@contextmanager
def cold_cache() -> Iterator[None]:
    before = os.environ.get("XDG_CACHE_HOME")
    with tempfile.TemporaryDirectory() as place:
        os.environ["XDG_CACHE_HOME"] = place
        try:
            yield
        finally:
            if before is None:
                del os.environ["XDG_CACHE_HOME"]
            else:
                os.environ["XDG_CACHE_HOME"] = before


def pictures(n: int) -> tuple[ImageSet, ImageSet, str]:
    """Real images, as many others of them with noise in the generator's place, and where they are from.

    MNIST where it is on this machine, else smooth seeded blobs, which cost the same time.
    """
    try:
        split = image_set("mnist:train")
        images, labels, whence = split.load(0, 2 * n), np.asarray(split.labels)[: 2 * n], "MNIST, half with noise"
    except ValueError:
        images, labels, whence = blobs(2 * n), np.arange(2 * n) % 10, "seeded blobs, half with noise"
    noise = np.random.default_rng(0).normal(0, 12, (n, *images.shape[1:]))
    fakes = (images[n:] + noise).round().clip(0, 255).astype(np.uint8)
    sets = [ImageSet.from_array(rows, labels=marks) for rows, marks in ((images[:n], labels[:n]), (fakes, labels[n:]))]
    return sets[0], sets[1], whence


def blobs(n: int) -> NDArray[np.uint8]:
    coarse = torch.rand(n, 1, 7, 7, generator=torch.Generator().manual_seed(0)) * 255
    return torch.nn.functional.interpolate(coarse, size=28, mode="bicubic").clamp(0, 255).byte().numpy()
