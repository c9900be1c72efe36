"""Neighbour metrics: one sweep for all of them, against prdc's four and torch-fidelity's two.

    python -m benchmarks.neighbours [--n 10000] [--d 2048] [--repeats 1]      ratios to the peers, extra memory
    python -m benchmarks.neighbours --growth                                  time against n^2 for four sizes

Every contestant runs on the same arrays in one process with the same threads; only ratios mean anything.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.timing import Contest
from ganeval.features import Features
from ganeval.metric import METRICS
from ganeval.pair import Pair

OURS = (
    "precision", "recall", "density", "coverage", "clipped_density", "clipped_coverage", "realism", "rarity",
    "authenticity", "duplicates", "copies",
)  # fmt: skip


@dataclass(frozen=True)
class Timing:
    """Wall seconds (the fastest repeat), CPU seconds of it and the largest resident memory added while it ran."""

    seconds: float
    cpu: float
    megabytes: float


def rows(n: int, d: int, seed: int) -> torch.Tensor:
    """(n, d) float32, non-negative and sparse as pooled Inception features are."""
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)).clamp_min_(0)


def all_ours(real: torch.Tensor, fake: torch.Tensor) -> None:
    pair = Pair(Features.given(real), Features.given(fake))
    for name in OURS:
        METRICS[name](pair)


def prdc_four(real: torch.Tensor, fake: torch.Tensor) -> None:
    from prdc import compute_prdc

    with contextlib.redirect_stdout(io.StringIO()):  # it prints
        compute_prdc(real.numpy(), fake.numpy(), nearest_k=5)


def fidelity_two(real: torch.Tensor, fake: torch.Tensor) -> None:
    from torch_fidelity.metric_prc import calculate_precision_recall_full

    calculate_precision_recall_full(fake, real)


def contests(n: int = 10_000, d: int = 2048) -> Iterator[Contest]:
    """All our neighbour metrics from one sweep, against prdc's four and torch-fidelity's two."""
    real, fake = rows(n, d, 0), rows(n, d, 1)
    yield Contest(
        f"Neighbour metrics ({len(OURS)} of ours), n = {n}, d = {d}",
        lambda: all_ours(real, fake),
        {"prdc, 4": lambda: prdc_four(real, fake), "torch-fidelity, 2": lambda: fidelity_two(real, fake)},
        {"prdc, 4": 2.5, "torch-fidelity, 2": 2.0},
        repeats=2,
    )


def timed(work: Callable[[torch.Tensor, torch.Tensor], None], real: torch.Tensor, fake: torch.Tensor) -> Timing:
    with peak_memory() as peak:
        cpu, start = time.process_time(), time.perf_counter()
        work(real, fake)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return Timing(seconds, cpu, peak[0])


@contextlib.contextmanager
def peak_memory(every: float = 0.005) -> Iterator[list[float]]:
    """A list whose only entry is the resident megabytes added inside the block, at most (Linux)."""
    peak, over, base = [0.0], threading.Event(), resident()

    def watch() -> None:
        while not over.wait(every):
            peak[0] = max(peak[0], resident() - base)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


def resident() -> float:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096 / 2**20


def compare(n: int, d: int, repeats: int) -> dict[str, Timing]:
    """Ours and the peers, in turns; the fastest of `repeats`."""
    contestants = {"ganeval, all": all_ours, "prdc, 4": prdc_four, "torch-fidelity, 2": fidelity_two}
    real, fake = rows(n, d, 0), rows(n, d, 1)
    all_ours(real[:1500], fake[:1500])  # imports and thread pools
    best: dict[str, Timing] = {}
    for _ in range(repeats):
        for name, work in contestants.items():
            now = timed(work, real, fake)
            if name not in best or now.seconds < best[name].seconds:
                best[name] = now
    return best


def growth(d: int = 128, sizes: tuple[int, ...] = (5000, 10000, 20000, 40000)) -> dict[int, Timing]:
    return {n: timed(all_ours, rows(n, d, 0), rows(n, d, 1)) for n in sizes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--d", type=int, default=2048)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--alone", action="store_true", help="ours only, for sizes that peers have no memory for")
    given = parser.parse_args()
    if given.growth:
        table = growth()
        for n, timing in table.items():
            least = table[min(table)]
            ratio = timing.cpu / least.cpu / (n / min(table)) ** 2
            print(
                f"n = {n:6d}: {timing.seconds:7.2f} s, cpu {timing.cpu:7.2f} s, {ratio:.2f} of n^2, {timing.megabytes:.0f} MB"
            )
        return
    if given.alone:
        print(timed(all_ours, rows(given.n, given.d, 0), rows(given.n, given.d, 1)))
        return
    table = compare(given.n, given.d, given.repeats)
    ours = table["ganeval, all"]
    for name, timing in table.items():
        print(
            f"{name:20s} {timing.seconds:7.2f} s  cpu {timing.cpu:7.2f} s  {timing.megabytes:6.0f} MB  "
            f"{timing.seconds / ours.seconds:5.2f} x ours (cpu {timing.cpu / ours.cpu:.2f} x)"
        )


if __name__ == "__main__":
    main()
