"""The run that a page is about: a finished one of the very same recipe where there is one, else trained now."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ganeval.runs.directory import RunDirectory, runs_in
from reference_models.plumbing.options import Options
from reference_models.plumbing.system import fit


def finished(root: Path, system: str, dataset: str, config: Any, seed: int) -> RunDirectory | None:
    """The newest finished run of this very recipe below `root`."""
    asked = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(config).items()}
    found = runs_in(root, system=system, dataset=dataset, status="done", seeds={"seed": seed})
    return next((run for run in found if run.info.get("config") == asked), None)


def trained(root: Path, system: str, dataset: str, config: Any, seed: int, options: Options) -> RunDirectory:
    """That run, trained now where there is none."""
    return finished(root, system, dataset, config, seed) or train_whole(root, system, dataset, config, seed, options)


def train_whole(root: Path, system: str, dataset: str, config: Any, seed: int, options: Options) -> RunDirectory:
    """A run trained now to its end; a training that was stopped stops its caller, too: no page is made of a part."""
    run = fit(system, config, dataset=dataset, out=root, seed=seed, options=options)
    if run.info["status"] != "done":
        raise KeyboardInterrupt(f"{run.path} is {run.info['status']} at step {run.info.get('step', 0):,}")
    return run


def newest(root: Path, system: str, dataset: str) -> RunDirectory | None:
    """The newest finished run of `system` on `dataset` below `root`."""
    return next(runs_in(root, system=system, dataset=dataset, status="done"), None)
