"""The run that a page is about: a finished one of the very same recipe where there is one, else trained now."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ganeval.runs.directory import RunDirectory
from reference_models.plumbing.session import Options
from reference_models.plumbing.system import fit


def finished(root: Path, system: str, dataset: str, config: Any, seed: int) -> RunDirectory | None:
    """The newest finished run of this very recipe below `root`."""
    asked = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(config).items()}
    for path in sorted(root.glob("*/run.json"), reverse=True):
        info = RunDirectory(path.parent).info
        kind = (info.get("system"), info.get("dataset"), info.get("status"), info.get("seeds"))
        if kind == (system, dataset, "done", {"seed": seed}) and info.get("config") == asked:
            return RunDirectory(path.parent)
    return None


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
    for path in sorted(root.glob("*/run.json"), reverse=True):
        info = RunDirectory(path.parent).info
        if (info.get("system"), info.get("dataset"), info.get("status")) == (system, dataset, "done"):
            return RunDirectory(path.parent)
    return None
