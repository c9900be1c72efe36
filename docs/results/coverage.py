"""Measures what errors and intervals of metrics promise on two real embeddings, and writes coverage.md beside this file.

    python docs/results/coverage.py [--quick] [--pools FOLDER]

Each world is a data set seen by its own judge and a cheap generator with a large pool (coverage_pools.py). The reference is
fixed, as it is in a gate; fresh sets of fakes are random parts of the pool, with classes in equal numbers and at random.

n of N rows vary less than n fresh ones, by sqrt(1 - n / N) in the standard deviation: standard deviations are divided by
that, and an interval is asked whether it covers the deviation so enlarged.
"""

from __future__ import annotations

import argparse
import math
import platform
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from coverage_pools import CLASSES, World, world
from numpy.typing import NDArray

from ganeval.core.files import write_atomic
from ganeval.measure.functions import evaluate
from ganeval.records.scores import ScoreRecord

WORLDS = (("mnist", "pca"), ("hoda", "warp"))
METRICS = (
    "recall", "intra_recall", "coverage", "clipped_coverage", "beta_recall", "symmetric_precision", "prd_precision",
    "prd_recall", "embedding_spread", "fid", "fid_debiased", "intra_fid", "kid", "intra_kid", "sliced_wasserstein",
    "vendi", "alpha_precision", "c2st",
)  # fmt: skip
COPIES = ("ct", "nn_ratio")  # fakes against training rows, the reference held out
REAL, POOL, SETS, SIZES = 2000, 40_000, 200, (500, 2000)
QUICK_SETS, QUICK_SIZES = 40, (500,)
Found = dict[str, list[ScoreRecord]]


def main(out: Path, pools: Path, sets: int, sizes: Sequence[int]) -> None:
    lines = []
    for data, generator in WORLDS:
        seen = world(data, generator, pool=POOL, real=REAL, kept=pools)
        for n in sizes:
            for balanced in (True, False):
                sys.stderr.write(f"{seen.name}, n = {n}, {'balanced' if balanced else 'at random'}\n")
                how = f"| {seen.name} | {n} | {'equal numbers' if balanced else 'at random'} "
                found = _measured(seen, n, sets, balanced=balanced)
                lines += [how + line for name, scores in found.items() for line in _row(name, scores, n / POOL)]
                write_atomic(out, _page(lines, sets))  # what an interrupted study leaves


def _measured(seen: World, n: int, sets: int, *, balanced: bool) -> Found:
    rng, found = np.random.default_rng([n, balanced]), defaultdict(list)
    for _ in range(sets):
        fake = seen.pool.take(_rows(seen, n, rng, balanced=balanced))
        near = evaluate(seen.real, fake, metrics=METRICS, floor=False, cache=False)
        far = evaluate(seen.train, fake, heldout=seen.real, metrics=COPIES, floor=False, cache=False)
        for name, score in {**near.scores, **far.scores}.items():
            if score.ok and score.se is not None and score.interval is not None:
                found[name].append(score)
    return found


def _rows(seen: World, n: int, rng: np.random.Generator, *, balanced: bool) -> NDArray[np.int64]:
    if not balanced:
        return rng.choice(len(seen.pool), n, replace=False)
    turns = len(seen.pool) // CLASSES  # image i is of class i mod 10
    return np.concatenate([rng.choice(turns, n // CLASSES, replace=False) * CLASSES + c for c in range(CLASSES)])


def _row(name: str, scores: Sequence[ScoreRecord], share: float) -> Iterator[str]:
    values, errors = (np.array([getattr(s, key) for s in scores], float) for key in ("value", "se"))
    if len(scores) < 2 or values.std() == 0:
        return
    shrink = math.sqrt(1 - share)
    ratio = math.sqrt(float((errors**2).mean())) / (float(values.std(ddof=1)) / shrink)
    aims = values + (values.mean() - values) / shrink
    low, high = np.array([s.interval for s in scores]).T
    covered = float(((low <= aims) & (aims <= high)).mean())
    holds = "yes" if 0.9 <= ratio <= 1.1 and 0.92 <= covered <= 0.98 else "no"
    yield (
        f"| {name} | {values.mean():.4g} | {ratio:.2f} ± {ratio / math.sqrt(2 * len(scores)):.2f} | {covered:.1%} "
        f"| {holds} |"
    )


def _page(lines: Sequence[str], sets: int) -> str:
    return "\n".join([
        "# Errors and intervals on fresh fakes", "",
        (f"Made by `python docs/results/coverage.py` on {platform.machine()}, Python {platform.python_version()}: {sets} fresh "
        f"sets of fakes a line, {REAL} fixed real rows, pools of {POOL:,}; seeds 0, 1 and [n, balanced]."), "",
        ("stated / true: root mean square of the stated error over the standard deviation of the values, with its own error. "
        "covered: 95 % intervals that hold the mean. holds: 0.9 to 1.1 and 92 to 98 %."), "",
        "| embedding, generator | n | classes | metric | mean | stated / true | covered | holds |",
        "|---|---|---|---|---|---|---|---|", *lines, "",
    ])  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("coverage.md"))
    parser.add_argument("--pools", type=Path, default=Path("runs/coverage-pools"))
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SETS} sets of {QUICK_SIZES[0]} fakes a line")
    given = parser.parse_args()
    few = (QUICK_SETS, QUICK_SIZES) if given.quick else (SETS, SIZES)
    main(given.out, given.pools, *few)
