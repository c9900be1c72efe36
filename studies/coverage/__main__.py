"""Errors and intervals of metrics on fresh fakes: what they promise on two real embeddings.

Each world is a data set seen by its own judge and a cheap generator with a large pool (`pools`). The reference is
fixed, as it is in a gate; fresh sets of fakes are random parts of the pool, with classes in equal numbers and at
random.

n of N rows vary less than n fresh ones, by sqrt(1 - n / N) in the standard deviation: standard deviations are divided
by that, and an interval is asked whether it covers the deviation so enlarged.
"""

from __future__ import annotations

import math
import platform
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganeval.core.files import write_atomic
from ganeval.measure.functions import evaluate
from ganeval.records.scores import ScoreRecord
from studies.coverage.pools import CLASSES, World, world
from studies.page import RESULTS, machine, markdown_table, render_document

WORLDS = (("mnist", "pca"), ("hoda", "warp"))
METRICS = (
    "recall",
    "intra_recall",
    "coverage",
    "clipped_coverage",
    "beta_recall",
    "symmetric_precision",
    "prd_precision",
    "prd_recall",
    "embedding_spread",
    "fid",
    "fid_debiased",
    "intra_fid",
    "kid",
    "intra_kid",
    "sliced_wasserstein",
    "vendi",
    "alpha_precision",
    "c2st",
)
COPIES = ("ct", "nn_ratio")  # fakes against training rows, the reference held out
REAL, POOL, SETS, SIZES = 2000, 40_000, 200, (500, 2000)
QUICK_SETS, QUICK_SIZES = 40, (500,)
Found = dict[str, list[ScoreRecord]]


def main(
    *,
    out: Path = RESULTS,
    pools: Path = Path("runs/coverage-pools"),
    sets: int = SETS,
    sizes: tuple[int, ...] = SIZES,
    quick: bool = False,
) -> Path:
    """Write `out/coverage.md`.

    Args:
        out: folder of the page.
        pools: where the embedded pools are kept.
        sets: fresh sets of fakes a line; more of them go on where fewer stopped.
        sizes: fakes of a set.
        quick: 40 sets of 500 fakes a line.
    """
    sets, sizes = (QUICK_SETS, QUICK_SIZES) if quick else (sets, sizes)
    page, lines = out / "coverage.md", []
    for data, generator in WORLDS:
        seen = world(data, generator, pool=POOL, real=REAL, kept=pools)
        for n in sizes:
            for balanced in (True, False):
                sys.stderr.write(f"{seen.name}, n = {n}, {'balanced' if balanced else 'at random'}\n")
                how = (seen.name, f"{n}", "equal numbers" if balanced else "at random")
                found = _measured(seen, n, sets, balanced=balanced)
                lines += [(*how, *line) for name, scores in found.items() for line in _row(name, scores, n / POOL)]
                write_atomic(page, _page(lines, sets, sizes))  # what an interrupted study leaves
    return page


def _measured(seen: World, n: int, sets: int, *, balanced: bool) -> Found:
    rng, found = np.random.default_rng([n, balanced]), defaultdict(list)
    for _ in range(sets):
        fake = seen.pool.take(_rows(seen, n, rng, balanced=balanced))
        near = evaluate(seen.real, fake, metrics=METRICS, floor=False, cache=False)
        far = evaluate(seen.real, fake, train=seen.train, metrics=COPIES, floor=False, cache=False)
        for name, score in {**near.scores, **far.scores}.items():
            if score.ok and score.se is not None and score.interval is not None:
                found[name].append(score)
    return found


def _rows(seen: World, n: int, rng: np.random.Generator, *, balanced: bool) -> NDArray[np.int64]:
    if not balanced:
        return rng.choice(len(seen.pool), n, replace=False)
    turns = len(seen.pool) // CLASSES  # image i is of class i mod 10
    return np.concatenate([rng.choice(turns, n // CLASSES, replace=False) * CLASSES + c for c in range(CLASSES)])


def _row(name: str, scores: Sequence[ScoreRecord], share: float) -> Iterator[tuple[str, ...]]:
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
        name,
        f"{values.mean():.4g}",
        f"{ratio:.2f} ± {ratio / math.sqrt(2 * len(scores)):.2f}",
        f"{covered:.1%}",
        holds,
    )


def _page(lines: Sequence[Sequence[str]], sets: int, sizes: Sequence[int]) -> str:
    command = f"coverage --sets {sets} --sizes {' '.join(map(str, sizes))}"
    said = (
        f"On {machine()}, Python {platform.python_version()}: {sets} fresh sets of fakes a line, {REAL} fixed real "
        f"rows, pools of {POOL:,}; seeds 0, 1 and [n, balanced]."
    )
    heads = ("embedding, generator", "n", "classes", "metric", "mean", "stated / true", "covered", "holds")
    legend = (
        "stated / true: root mean square of the stated error over the standard deviation of the values, with its own "
        "error. covered: 95 % intervals that hold the mean. holds: 0.9 to 1.1 and 92 to 98 %."
    )
    return render_document(
        "Errors and intervals on fresh fakes", command, [legend, markdown_table(heads, lines)], said=said
    )
