"""What each metric costs: CPU seconds on 2,000 generated and 2,000 real images of MNIST, after the networks' work."""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np

from ganeval import evaluate, image_set
from ganeval.core.files import write_atomic
from ganeval.images import ImageSet
from ganeval.metrics import METRICS
from studies.page import RESULTS, machine, markdown_table, render_document

N, SEED, NOISE = 2000, 0, 25  # NOISE: of the fakes, in grey levels


def main(*, out: Path = RESULTS) -> Path:
    """Write `out/costs.md`; needs MNIST."""
    real, fake = image_set("mnist:test", n=N, seed=SEED), noisy(image_set("mnist:train", n=N, seed=SEED))
    seconds(real, fake, "missing_classes")  # the networks' work, kept for the others
    found = {metric.name: seconds(real, fake, metric.name) for metric in METRICS}
    return write_atomic(out / "costs.md", render_page({name: cost for name, cost in found.items() if cost is not None}))


def noisy(images: ImageSet) -> ImageSet:
    array = images.array() + np.random.default_rng(SEED).normal(0, NOISE, (len(images), *images.shape))
    return image_set(array.clip(0, 255).round().astype(np.uint8), labels=images.labels)


def seconds(real: ImageSet, fake: ImageSet, name: str, *, data: str = "mnist") -> float | None:
    """CPU seconds of one metric by itself; None where it has no value for these images."""
    start = time.process_time()
    result = evaluate(real, fake, classifier=data, train=f"{data}:train", metrics=[name], floor=False, progress=False)
    return time.process_time() - start if result[name].value is not None else None


def render_page(costs: dict[str, float]) -> str:
    """
    >>> read_costs(render_page({"fid": 1.25, "kid": 0.5}))
    {'fid': 1.2, 'kid': 0.5}
    """
    said = (
        f"CPU seconds of one metric alone, from kept features of {N:,} generated and {N:,} real images of MNIST "
        f"(28x28, 64-d features, all training images where copies are asked for), reading them included; seed {SEED}; "
        f"one run; {machine()}. Metrics asked for together cost less than their sum, for those of neighbours share one "
        "sweep. Metrics that are missing need something else: a generator, pairs, or other weights."
    )
    rows = [(f"`{name}`", f"{cost:.1f}") for name, cost in sorted(costs.items())]
    return render_document(
        "What each metric costs", "costs", [markdown_table(("metric", "CPU seconds"), rows)], said=said
    )


def read_costs(page: str) -> dict[str, float]:
    """The table of the page, read again."""
    return {name: float(cost) for name, cost in re.findall(r"^\| `(\w+)` \| ([\d.]+) \|$", page, re.MULTILINE)}
