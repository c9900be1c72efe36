"""How far the work is from the processor's own limit: Gflop a second of the networks and of products of matrices.

Inception is a fixed number of multiplications, and KID over all pairs of 10,000 rows is as many as 100 subsets of
1,000; who does them is at most as fast as the processor multiplies. One thread, CPU seconds, in turns.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from unittest.mock import patch

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.frechet import rows
from benchmarks.inception import BATCH, CPU, by_batch, colour_pictures, network
from ganeval.extractors.inception import Inception
from ganeval.numerics.products import VARIABLE, WAYS, product

ROUNDS = 2
TILE, COLUMNS = 1024, 2048

Works = Mapping[str, tuple[Callable[[], object], float]]  # name -> what to run, its Gflop


def table(images: int = BATCH // 2) -> str:
    """Markdown: Gflop a second of each, one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        took = in_turns({**networks(images), **of_matrices()})
    finally:
        torch.set_num_threads(before)
    lines = [f"| {name} | {rate:.0f} |\n" for name, rate in took.items()]
    return "| work, one thread | Gflop a CPU second |\n|---|---|\n" + "".join(lines)


def networks(images: int) -> Works:
    theirs, _ = network()
    pictures = colour_pictures(images)[:images]
    ours = Inception.of(theirs.state_dict(), "").to(CPU)
    rough = ours.to(CPU, "bf16")
    with FlopCounterMode(display=False) as counted:
        by_batch(theirs, pictures[:1])
    gflop = counted.get_total_flops() * images / 1e9
    title = f"Inception, {images} images of 32 x 32, {gflop / images:.1f} Gflop each"
    return {
        f"{title}: ganeval": (lambda: by_batch(ours, pictures), gflop),
        f"{title}: torch-fidelity": (lambda: by_batch(theirs, pictures), gflop),
        f"{title}: ganeval, bf16": (lambda: by_batch(rough, pictures), gflop),
    }


def of_matrices() -> Works:
    x, y, shift = rows(TILE, COLUMNS, 0), rows(TILE, COLUMNS, 1), torch.zeros(TILE)
    gflop = 2 * TILE * TILE * COLUMNS / 1e9
    whose: dict[str, Callable[[], object]] = {
        f"`{VARIABLE}={way}`": partial(as_named, way, x, y, shift) for way in WAYS
    }
    whose["NumPy"] = lambda: x.numpy() @ y.numpy().T
    return {f"Product of float32, {TILE} x {TILE} x {COLUMNS}, {name}": (work, gflop) for name, work in whose.items()}


def as_named(way: str, x: torch.Tensor, y: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    with patch.dict(os.environ, {VARIABLE: way}):
        return product(x, y, shift)


def in_turns(works: Works) -> dict[str, float]:
    """Gflop a second of each, the median of some rounds; one before that does not count."""
    took: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS + 1):
        for name, (work, gflop) in works.items():
            start = time.process_time()
            work()
            took[name].append(gflop / (time.process_time() - start))
    return {name: statistics.median(rates[1:]) for name, rates in took.items()}


if __name__ == "__main__":
    print(table(), end="")
