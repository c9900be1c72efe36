"""What it costs to measure inside a training loop: 2,000 images of 28x28 against 2,000, the real side seen once.

`python -m benchmarks.loop [--calls 300] [--threads 1] [--rows fid ...] [--write]` prints seconds a call by metrics, and
the memory that the process held early, after a third of the calls, and at the end; `--write` also puts them into
docs/results/loop.md. Needs MNIST.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ganeval import Compute, Protocol, image_set
from ganeval.core.files import write_atomic
from ganeval.core.machine import processor
from ganeval.integrations.watch import Watch

N, SEED, WARM = 2000, 0, 10  # WARM: calls after which memory begins to count
MARK = "<!-- measured -->"
PAGE = Path(__file__).parents[1] / "docs" / "results" / "loop.md"
SETS = {
    "fid": ("fid",),
    "fid, kid": ("fid", "kid"),
    "precision, recall, coverage": ("precision", "recall", "coverage"),
    "seven": ("fid", "kid", "precision", "recall", "coverage", "missing_classes", "class_balance"),
    "everything": (),  # that runs by default, searches for copies and for missing modes among it
}
HEADS = (
    "metrics",
    "first call, s",
    "every later call, s",
    "CPU s a call",
    "held at call {warm}, MB",
    "at {third}",
    "at {last}",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--n", type=int, default=N, help="images a side")
    parser.add_argument("--rows", nargs="*", default=list(SETS), choices=list(SETS))
    parser.add_argument("--write", action="store_true", help="put the table into docs/results/loop.md")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    real, pool = (image_set(f"mnist:{split}", n=asked.n, seed=SEED).array() for split in ("test", "train"))
    rows = []
    for name in asked.rows:
        rows.append((", ".join(SETS[name]) or name, *measured(SETS[name], real, pool, asked.calls)))
        print(" | ".join(rows[-1]), flush=True)
    text = render(rows, asked)
    print(text)
    if asked.write:
        before, _, after = PAGE.read_text(encoding="utf-8").split(MARK)
        write_atomic(PAGE, f"{before}{MARK}\n\n{text}\n\n{MARK}{after}".encode())


def measured(metrics: tuple[str, ...], real: np.ndarray, pool: np.ndarray, calls: int) -> tuple[str, ...]:
    """First call, median and CPU time of the others, and memory after the calls of `marks`.

    Where all metrics are asked for, the real images are also what copies are looked for in.
    """

    def draw(n: int, labels: object, rng: torch.Generator) -> np.ndarray:  # noqa: ARG001 - what a generator is asked
        return pool[torch.randperm(len(pool), generator=rng)[:n].numpy()]

    train = None if metrics else real
    protocol = Protocol(real=real, train=train, classifier="mnist", labels="none", n=len(real), metrics=metrics)
    watch = Watch(protocol, Compute(cache=False))
    seconds, used, held = [], [], {}
    for step in range(1, calls + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        watch(step, draw)
        seconds.append(time.perf_counter() - wall)
        used.append(time.process_time() - cpu)
        if step in marks(calls):
            held[step] = memory()
    later = [f"{statistics.median(found[1:]):.2f}" for found in (seconds, used)]
    return f"{seconds[0]:.2f}", *later, *(f"{held[step]:.0f}" for step in marks(calls))


def marks(calls: int) -> tuple[int, int, int]:
    return min(WARM, calls), max(calls // 3, min(WARM, calls)), calls


def memory() -> float:
    """Megabytes that the process holds now; where the system does not tell, the most that it ever held."""
    gc.collect()
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def render(rows: Sequence[Sequence[str]], asked: argparse.Namespace) -> str:
    warm, third, last = marks(asked.calls)
    heads = [head.format(warm=warm, third=third, last=last) for head in HEADS]
    said = (
        f"`--calls {asked.calls} --threads {asked.threads} --n {asked.n}` on {processor()}, {os.cpu_count()} cores, "
        f"load of the machine while measuring {os.getloadavg()[2]:.0f}; seed {SEED}."
    )
    lines = [heads, ["---"] + ["--:"] * (len(heads) - 1), *rows]
    return said + "\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
