"""What a training tells of itself: log lines, alarms, pictures of the same latents, samples for evaluation."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
import torch

from ganeval.errors import GanevalError
from ganeval.runs import layout
from ganeval.runs.directory import RunDirectory
from reference_models.plumbing import health
from reference_models.plumbing.points import JUDGED, Points, measure, render_points
from reference_models.plumbing.sampling import Sampler

GRID_COLUMNS = 8  # fixed latents per class; the grid has one row per class
GRID_ROWS = 8  # of a generator that knows no classes


class TrainingDivergedError(GanevalError):
    """A loss or a weight became NaN or infinite; the last good checkpoint is kept."""


class Diary:
    """The run's log, and what has been said in it; `seed` is that of the latents in the pictures."""

    def __init__(self, run: RunDirectory, seed: int) -> None:
        self.run = run
        self._seed = seed
        self._sums: dict[str, torch.Tensor] = {}
        self._counts: dict[str, int] = {}
        self._lines = 0
        self._alarmed: set[str] = set()
        self._cpu_before = 0.0
        self._cpu_start = time.process_time()

    @property
    def cpu_seconds(self) -> float:
        """Processor seconds of all threads of this training, over all resumed parts."""
        return self._cpu_before + time.process_time() - self._cpu_start

    def state_dict(self) -> dict[str, Any]:
        return {"cpu_seconds": self.cpu_seconds, "lines": self._lines}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._cpu_before, self._lines = state["cpu_seconds"], state["lines"]

    def note(self, values: Mapping[str, torch.Tensor | float]) -> None:
        """Values of this step; a line holds their means since the last one."""
        for tag, value in values.items():
            number = torch.as_tensor(value, dtype=torch.float32).detach().mean()
            self._sums[tag] = self._sums[tag] + number if tag in self._sums else number
            self._counts[tag] = self._counts.get(tag, 0) + 1

    def write_line(self, step: int, progress: Mapping[str, Any]) -> None:
        """One line of what was noted, with the alarms that it sounds; a value that is not finite ends the training."""
        if not self._sums:
            return
        values = {tag.replace("__", "/"): float(total) / self._counts[tag] for tag, total in self._sums.items()}
        self._sums, self._counts = {}, {}
        self._lines += 1
        self.run.log(step, {**values, "cpu_seconds": self.cpu_seconds, "images": progress["images"]})
        self._sound_alarms(step, values)
        wrong = [tag for tag, value in values.items() if not math.isfinite(value)]
        if wrong:
            self.diverged(f"{', '.join(wrong)} is not finite", progress)

    def _sound_alarms(self, step: int, values: Mapping[str, float]) -> None:
        for tag, text in health.alarms(values, self._lines).items():
            if tag not in self._alarmed:
                self._alarmed.add(tag)
                self.run.event(step, "alarm", text=text)

    def diverged(self, reason: str, progress: Mapping[str, Any]) -> NoReturn:
        """Write that the training has failed, and end it."""
        step = progress["step"]
        self.run.event(step, "nan", text=reason)
        self.run.update(status="failed", **progress)
        kept = self.run.checkpoint()
        raise TrainingDivergedError(
            f"Training diverged at step {step}: {reason}. "
            + (f"The last good checkpoint is {kept.name}. " if kept else "There is no checkpoint yet. ")
            + "Lower the learning rate or raise the penalty."
        )

    def has_grid(self, step: int) -> bool:
        return (self.run.path / layout.FIXED / f"{layout.step_name(step)}.png").exists()

    def has_samples(self, step: int) -> bool:
        return (self.run.path / layout.SAMPLES / f"{layout.step_name(step)}.npz").exists()

    def write_grid(self, step: int, draw: Sampler) -> None:
        """A picture of the same latents as every time: a row for each class."""
        known = draw.conditional
        labels = np.repeat(np.arange(draw.classes) if known else np.zeros(GRID_ROWS, np.int64), GRID_COLUMNS)
        latents = hashlib.sha256(f"{self._seed} {draw.latent}".encode()).hexdigest()
        rows, shown = len(labels) // GRID_COLUMNS, labels.tolist() if known else ()
        self.run.write_grid(step, draw(labels, seed=self._seed), rows=rows, labels=shown, latents=latents)

    def write_points(self, step: int, draw: Sampler, data: Points) -> None:
        """The picture of a toy's points, and as curves what its protocol says of them."""
        points, _ = draw.evenly(JUDGED, self._seed)
        self.run.log(step, measure(data.toy, points))
        self.run.write_grid(step, render_points(data.toy, points)[None], rows=1)

    def write_samples(self, step: int, draw: Sampler, per_class: int) -> None:
        """Images for evaluation, with their labels where the generator knows any."""
        images, labels = draw.evenly(per_class, self._seed)
        self.run.write_samples(step, images, labels, latents=draw.latents_id(self._seed, labels))
