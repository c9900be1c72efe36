"""Every arm for every seed: trained once, kept, and shown the test split when all are there.

A folder holds one file of weights for each (arm, seed), so an interrupted experiment goes on where it was. What decides
the numbers stands in experiment.json; a folder with other contents is refused. The test split is read in one place,
`test_scores`, after the last network has been trained, and its scores are stored: nothing is chosen afterwards. Who
asks for more seeds later opens it again, and experiment.json says so.
"""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
from numpy.typing import NDArray
from tqdm import tqdm

from ganeval.classifiers.member import weight_bytes
from ganeval.classifiers.network import empty_folded
from ganeval.core.files import read_json, write_atomic, write_json
from ganeval.core.machine import quiet
from ganeval.datasets.dataset import DATASETS
from ganeval.errors import IncomparableError
from studies.balanced.arms import ARMS, Arm, Draw
from studies.balanced.classifier import RECIPE, STEPS, choose_steps, malignancy, train_network

SEEDS = range(10)
SETUP, TEST = "experiment.json", "test.npz"


@dataclass(frozen=True)
class Experiment:
    """A folder of trained networks, one for each (arm, seed)."""

    folder: Path
    arms: tuple[Arm, ...] = ARMS
    seeds: Sequence[int] = SEEDS

    @property
    def setup(self) -> dict[str, Any]:
        return read_json(self.folder / SETUP)

    def weights(self, arm: Arm, seed: int) -> Path:
        return self.folder / f"{arm.name.replace(' ', '-')}-{seed}.safetensors"

    def unfinished(self) -> list[tuple[Arm, int]]:
        """Seed by seed, so that an early look has whole pairs."""
        return [(arm, seed) for seed in self.seeds for arm in self.arms if not self.weights(arm, seed).exists()]


def prepare(experiment: Experiment, candidates: Sequence[int] = STEPS) -> None:
    """Choose the length of training on `val`, once, and write what was decided."""
    asked = {"recipe": asdict(RECIPE), "candidates": list(candidates)}
    if (experiment.folder / SETUP).exists():
        _require_same(experiment, asked)
        return
    data = DATASETS["breastmnist"]
    table = choose_steps(data.load("train"), data.load("val"), candidates)
    write_json(experiment.folder / SETUP, {**asked, "choice": table, "steps": table[0]["steps"], "cpu_seconds": {}})


def train_all(experiment: Experiment, draw: Draw | None = None, generator: str = "") -> None:
    """Train what is missing, and keep every network once it is done.
    Without `draw` only arms that need no generator.
    """
    if draw is not None:
        _remember_generator(experiment, generator)
    train, steps = DATASETS["breastmnist"].load("train"), experiment.setup["steps"]
    todo = [(arm, seed) for arm, seed in experiment.unfinished() if draw is not None or not arm.draws]
    for arm, seed in tqdm(todo, desc="balanced training", disable=quiet()):
        start = time.process_time()
        network = train_network(arm.build(train, draw or _no_generator, seed), seed=seed, steps=steps)
        write_atomic(experiment.weights(arm, seed), weight_bytes(network))
        _note_seconds(experiment, arm, time.process_time() - start)


def test_scores(experiment: Experiment) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.int64]]:
    """Log odds of malignant for the test images, (seeds, 156) for each arm, and the labels (156,)."""
    path = experiment.folder / TEST
    if _seeds_shown(path) != len(experiment.seeds):
        left = experiment.unfinished()
        if left:
            raise IncomparableError(
                f"The test split is opened when every network is trained; {len(left)} are not, the first "
                f"{left[0][0].name} with seed {left[0][1]}. Train them first."
            )
        _open_test(experiment, path)
    with np.load(path, allow_pickle=False) as stored:
        return {arm.name: stored[arm.name] for arm in experiment.arms}, stored["labels"]


def _open_test(experiment: Experiment, path: Path) -> None:
    test = DATASETS["breastmnist"].load("test")
    found: dict[str, Any] = {
        arm.name: np.stack([_scores(experiment, arm, seed, test.images) for seed in experiment.seeds])
        for arm in experiment.arms
    }
    before = experiment.setup.get("opened", [_seeds_shown(path)] if path.exists() else [])
    write_json(experiment.folder / SETUP, {**experiment.setup, "opened": [*before, len(experiment.seeds)]})
    buffer = io.BytesIO()
    np.savez(buffer, labels=test.labels, **found)
    write_atomic(path, buffer.getvalue())


def _seeds_shown(path: Path) -> int:
    """How many seeds the stored scores are of; 0 where none are stored."""
    if not path.exists():
        return 0
    with np.load(path, allow_pickle=False) as stored:
        return len(next(stored[name] for name in stored.files if name != "labels"))


def _scores(experiment: Experiment, arm: Arm, seed: int, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    network = empty_folded(RECIPE.architecture)
    network.load_state_dict(safetensors.torch.load(experiment.weights(arm, seed).read_bytes()))
    return malignancy(network, images)


def _note_seconds(experiment: Experiment, arm: Arm, seconds: float) -> None:
    setup = experiment.setup
    spent = setup["cpu_seconds"]
    write_json(
        experiment.folder / SETUP, {**setup, "cpu_seconds": {**spent, arm.name: spent.get(arm.name, 0.0) + seconds}}
    )


def _remember_generator(experiment: Experiment, name: str) -> None:
    """The first generator that draws for these networks is the only one."""
    if "generator" in experiment.setup:
        _require_same(experiment, {"generator": name})
    write_json(experiment.folder / SETUP, {**experiment.setup, "generator": name})


def _no_generator(_labels: NDArray[np.int64], _seed: int) -> NDArray[np.uint8]:
    raise IncomparableError("This arm draws images of a generator, and none was given. Pass the run of one.")


def _require_same(experiment: Experiment, asked: dict[str, Any]) -> None:
    changed = sorted(key for key, value in asked.items() if _plain(experiment.setup.get(key)) != _plain(value))
    if changed:
        raise IncomparableError(
            f"The networks in {experiment.folder.name} were trained with another {', '.join(changed)}. "
            "Take another folder, or the same settings."
        )


def _plain(value: Any) -> Any:
    """As it comes back from JSON: tuples are lists there."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
