"""What it costs to measure inside a training loop: 2,000 images of 28x28 against 2,000, the real side seen once.

`python -m benchmarks.loop [--calls 100] [--threads 2]` prints a table of seconds a call by metrics, and how memory
grew.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time

import numpy as np
import torch

from ganeval import Compute, Protocol, image_set
from ganeval.core.machine import processor
from ganeval.integrations.watch import Watch

N = 2000
SETS = {
    "fid": ("fid",),
    "fid, kid": ("fid", "kid"),
    "precision, recall, coverage": ("precision", "recall", "coverage"),
    "the headline": ("fid", "kid", "precision", "recall", "coverage", "missing_classes", "class_balance"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    real, pool = image_set("mnist:test", n=N).array(), image_set("mnist:train", n=N).array()
    print(f"{processor()}, {asked.threads} threads, n = {N} of 28x28, {asked.calls} calls, seed 0")
    print("metrics | first call, s | median of the others, s | CPU s a call | memory grew, MB")
    for name, metrics in SETS.items():
        print(" | ".join((name, *measured(metrics, real, pool, asked.calls))), flush=True)


def measured(metrics: tuple[str, ...], real: np.ndarray, pool: np.ndarray, calls: int) -> tuple[str, ...]:
    """First call, median and CPU time of the others, growth of the peak after the fifth."""

    def draw(n: int, labels: object, rng: torch.Generator) -> np.ndarray:  # noqa: ARG001 - what a generator is asked
        return pool[torch.randperm(len(pool), generator=rng)[:n].numpy()]

    watch = Watch(Protocol(real=real, classifier="mnist", labels="none", n=N, metrics=metrics), Compute(cache=False))
    seconds, start, peak = [], 0.0, 0
    for step in range(1, calls + 1):
        began = time.perf_counter()
        watch(step, draw)
        seconds.append(time.perf_counter() - began)
        if step == min(5, calls):
            start, peak = time.process_time(), _peak()
    cpu = (time.process_time() - start) / max(calls - 5, 1)
    return f"{seconds[0]:.2f}", f"{statistics.median(seconds[1:]):.2f}", f"{cpu:.2f}", f"{_peak() - peak:.0f}"


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
