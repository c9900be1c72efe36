"""Modes in the plane: the modern loss of `gan_mlp` against the plain one of 2014, on ring, grid and parabola.

Both losses train the same networks on the same points for the same number of steps; the plain one at two learning
rates, because what it forgets depends on the rate. Each run is judged by its toy's frozen protocol on fresh points. A
finished run of the same recipe is taken as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.records.scores import Score
from ganeval.runs.readers.native import read_run
from ganeval.runs.record import RunRecord
from reference_models.gan_mlp import PLANE
from reference_models.plumbing.options import Options
from reference_models.plumbing.points import JUDGED, TOYS
from reference_models.plumbing.system import open_sampler
from studies.critics.trainings import trained_with

SYSTEM = "gan_mlp"
ARMS: Mapping[str, Mapping[str, Any]] = {  # what each changes of the profile `cpu`
    "modern": {**PLANE, "loss": "modern"},
    "plain, lr 0.003": {**PLANE, "loss": "plain", "lr": 3e-3},
    "plain, lr 0.002": {**PLANE, "loss": "plain"},
}
SIZES: Mapping[str, Mapping[str, int]] = {"ring": {"steps": 3000}, "grid": {"steps": 8000}, "parabola": {"steps": 1000}}
FRESH = 1_000_000  # added to the seed of a training, the seed of the points that judge it
OPTIONS = Options(device="cpu", threads=1, log_every=100, grids=20, checkpoints=1)


@dataclass(frozen=True, eq=False)
class Run:
    """One training, its curves, and what the protocol says of 2,500 fresh points."""

    toy: str
    arm: str
    seed: int
    record: RunRecord
    info: Mapping[str, Any]  # run.json
    points: NDArray[np.float32]  # (2500, 2, 1, 1)
    score: Score


def train_all(root: Path, seeds: Sequence[int], toys: Sequence[str]) -> list[Run]:
    """Every toy, loss and seed; seed by seed, so that what an interrupted command leaves is a whole comparison."""
    runs = {(toy, arm, seed): train(root, toy, arm, seed) for seed in seeds for toy in toys for arm in ARMS}
    return [runs[toy, arm, seed] for toy in toys for arm in ARMS for seed in seeds]


def train(root: Path, toy: str, arm: str, seed: int) -> Run:
    run = trained_with(root, SYSTEM, toy, seed, OPTIONS, **SIZES[toy], **ARMS[arm])
    points, _ = open_sampler(run.path, device="cpu").evenly(JUDGED, FRESH + seed)
    score = TOYS[toy].judge(torch.from_numpy(points).flatten(1))
    return Run(toy, arm, seed, read_run(run.path), run.info, points, score)


def possible(toy: str) -> int:
    """How many modes a toy has.

    >>> [possible(toy) for toy in ("ring", "grid", "parabola")]
    [8, 25, 20]
    """
    return int(real_score(toy).details["possible"])


def real_score(toy: str) -> Score:
    """The protocol on as many real points: what a perfect generator would get."""
    return TOYS[toy].judge(TOYS[toy].draw(JUDGED, torch.Generator().manual_seed(FRESH)))
