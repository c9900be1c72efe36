"""Many fresh sets of fakes, measured and kept as they come: a study that is stopped goes on where it was.

Set number i has a random stream of its own, so that it holds the same fakes whichever metrics are asked, in whatever
order and by how many processes. Metrics that share work are asked together; delete a file to measure its group anew.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganeval.core.files import write_atomic
from ganeval.measure.functions import evaluate
from studies.coverage.pools import CLASSES, World

GROUPS = {
    "neighbours": (
        "recall",
        "intra_recall",
        "coverage",
        "clipped_coverage",
        "beta_recall",
        "symmetric_precision",
        "alpha_precision",
    ),
    "clusters": ("prd_precision", "prd_recall"),
    "distances": ("fid", "fid_debiased", "intra_fid", "kid", "intra_kid", "sliced_wasserstein"),
    "spread": ("embedding_spread", "vendi"),
    "tests": ("c2st",),
    "copies": ("ct", "nn_ratio"),  # fakes against training rows, the reference held out
}

KEPT_EVERY = 20
Sets = list[dict[str, list[float]]]  # of each set: value, error and interval of each metric that has them


def measured(seen: World, n: int, group: str, sets: int, kept: Path, *, balanced: bool) -> Sets:
    """`sets` sets of n fakes, or all that there are; those measured before are read from `kept`."""
    path = kept / f"{seen.name.replace(', ', '-')}-{n}-{'equal' if balanced else 'random'}-{group}.json"
    found: Sets = json.loads(path.read_text()) if path.exists() else []
    for index in range(len(found), sets):
        fake = seen.pool.take(_rows(seen, n, np.random.default_rng([n, balanced, index]), balanced=balanced))
        train = seen.train if group == "copies" else None
        said = evaluate(seen.real, fake, train=train, metrics=GROUPS[group], floor=False, cache=False).scores
        found.append(
            {
                name: [score.value, score.se, *score.interval]
                for name, score in said.items()
                if score.ok and score.value is not None and score.se is not None and score.interval is not None
            }
        )
        if (index + 1) % KEPT_EVERY == 0 or index + 1 == sets:
            write_atomic(path, json.dumps(found))
            sys.stderr.write(f"{path.stem}: {index + 1} of {sets}\n")
    return found


def columns(found: Sets) -> Mapping[str, NDArray[np.float64]]:
    """(sets, 4) of each metric that answered in every set."""
    names = [name for name in found[0] if all(name in one for one in found)] if found else []
    return {name: np.array([one[name] for one in found]) for name in names}


def _rows(seen: World, n: int, rng: np.random.Generator, *, balanced: bool) -> NDArray[np.int64]:
    if not balanced:
        return rng.choice(len(seen.pool), n, replace=False)
    turns = len(seen.pool) // CLASSES  # image i is of class i mod 10
    return np.concatenate([rng.choice(turns, n // CLASSES, replace=False) * CLASSES + c for c in range(CLASSES)])
