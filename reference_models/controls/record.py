"""A control as a run: the directory that a training would have left,
so that evaluation and report see no difference.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ganeval.core.machine import processor
from ganeval.errors import WrongInputError
from ganeval.runs.directory import RunDirectory, create_run
from reference_models.controls.control import CONTROLS, build
from reference_models.controls.copying import HELD_OUT_REAL
from reference_models.plumbing.data import Data
from reference_models.plumbing.loading import load_data
from reference_models.plumbing.session.diary import GRID_COLUMNS
from reference_models.plumbing.system import protocol_of


def write_run(
    name: str,
    *,
    dataset: str,
    out: str | Path = "runs",
    seed: int = 0,
    sample_per_class: int = 100,
    run_name: str = "",
    command: Sequence[str] = (),
) -> RunDirectory:
    """Make the control and write `out/<counter>-<name>-<dataset>` with a picture and samples to evaluate;
    no training.
    """
    if sample_per_class < 1:
        raise WrongInputError(f"A run needs samples, one of each class at least; got {sample_per_class} per class.")
    started = time.process_time()
    data = load_data(dataset, seed)
    sampler = build(name, data)
    run = create_run(
        out,
        run_name or f"{name}-{dataset}",
        config={"fault": CONTROLS[name].fault},
        seeds={"seed": seed},
        command=command,
        class_names=data.class_names,
        protocol=_protocol(name, data),
        environment={"torch": torch.__version__, "processor": processor(), "device": "cpu"},
    )
    rows = np.repeat(np.arange(sampler.classes), GRID_COLUMNS)
    run.write_grid(0, sampler(rows, seed), rows=sampler.classes, labels=rows.tolist())
    images, labels = sampler.per_class(sample_per_class, seed)
    run.write_samples(0, images, labels, latents=sampler.latents_id(seed, labels))
    spent = round(time.process_time() - started, 2)
    run.update(
        system=name,
        dataset=dataset,
        trained_on=data.used,
        step=0,
        images=0,
        cpu_seconds=spent,
        shape=list(data.native),
        status="done",
    )
    return run


def _protocol(name: str, data: Data) -> dict[str, str]:
    """Held-out images that were taken out of the training split would be called copies of it:
    no split to compare with.
    """
    protocol = protocol_of(data)
    taken_out = name == HELD_OUT_REAL.name and data.used != protocol.get("train")
    return {key: value for key, value in protocol.items() if not (taken_out and key == "train")}
