"""Trainings that are killed while they write, and go on: python kill_worker.py OUT MOMENT [MOMENT ...]

A moment is the share (0 to 1) of all that an undisturbed training opens, renames and removes below OUT before the
process kills itself; or, with an s behind it, seconds after which another process does. Prints what each kill left, as
JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import torch

from ganeval.errors import GanevalError
from ganeval.runs.directory import RunDirectory
from reference_models.plumbing.checkpoint import decode_state
from reference_models.plumbing.options import Options
from reference_models.plumbing.session import checkpoints
from reference_models.plumbing.system import SYSTEMS, find_unfinished, fit, resume

NAME, DATASET = "gan_mlp", "synthetic"
CHANGES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir")
KID = {2: 3.0, 4: 1.0, 6: 2.0, 8: 0.5, 10: 0.7, 12: 0.1}  # what the judge says at each step
OPTIONS = Options(device="cpu", log_every=2, checkpoints=6, keep_last=1, sample_per_class=2, grids=2, judge="digits")


def train(out: Path) -> RunDirectory:
    return fit(NAME, replace(SYSTEMS[NAME].profile("smoke"), steps=12), dataset=DATASET, out=out, options=OPTIONS)


class Watch:
    """Counts what happens to files below a folder, and kills this process when it has counted to `end`."""

    def __init__(self, out: Path) -> None:
        self.out, self.count, self.end = str(out), 0, -1
        sys.addaudithook(self.see)

    def see(self, event: str, args: tuple[Any, ...]) -> None:
        if event in CHANGES and isinstance(args[0], (str, os.PathLike)) and os.fspath(args[0]).startswith(self.out):
            self.count += 1
            if self.count == self.end:
                os.kill(os.getpid(), signal.SIGKILL)


def killed(watch: Watch, out: Path, moment: str, total: int) -> None:
    """Train in a process that is killed at this moment."""
    pid = os.fork()
    if pid == 0:
        if not moment.endswith("s"):
            watch.count, watch.end = 0, 1 + int(float(moment) * (total - 1))
        train(out)
        os._exit(0)
    if moment.endswith("s"):
        time.sleep(float(moment[:-1]))
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def complaints(run: RunDirectory) -> list[str]:
    """What a killed run must not be: pointers to nothing, a record that names weights that are gone."""
    found = []
    for which in ("last", "best"):
        try:
            path = run.checkpoint(which)
            if path is not None:
                decode_state(path.read_bytes())
        except GanevalError as error:
            found.append(str(error))
    best = run.info.get("best", {}).get("step")
    if best is not None and not (run.path / "checkpoints" / f"step-{best:06d}.safetensors").exists():
        found.append(f"run.json names step {best} the best, and its weights are gone")
    return found


def final(run: RunDirectory) -> dict[str, Any]:
    last, best = run.checkpoint(), run.checkpoint("best")
    assert last is not None
    assert best is not None
    state = decode_state(last.read_bytes())
    left = sorted(str(path.relative_to(run.path)) for path in run.path.rglob("*"))
    return {
        "best": best.name,
        "left": left,
        "status": run.info["status"],
        "told": run.info["best"],
        "weights": state["held"],
    }


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return len(a) == len(b) and all(map(same, a, b)) if isinstance(a, (list, tuple)) else a == b


def outcome(watch: Watch, out: Path, moment: str, total: int, whole: dict[str, Any]) -> dict[str, Any]:
    killed(watch, out, moment, total)
    begun = list(out.glob("*/run.json"))
    if not begun:
        return {"moment": moment, "begun": False, "complaints": []}
    run = RunDirectory(begun[0].parent)
    found, status = complaints(run), run.info["status"]
    if status != "done":
        resume(find_unfinished(out, NAME, DATASET, 0))
    resumed = final(run)
    ignored = (
        {"weights", "left"} if status == "done" else {"weights"}
    )  # after its last word only hidden files can be left
    found += [f"{key} is {resumed[key]}" for key in whole if key not in ignored and resumed[key] != whole[key]]
    if not same(resumed["weights"], whole["weights"]):
        found.append("the weights differ from those of an undisturbed training")
    return {"moment": moment, "begun": True, "complaints": found}


def main(out: Path, moments: list[str]) -> None:
    torch.set_num_threads(1)
    is_best = checkpoints.Checkpoints.is_best

    def told(self: checkpoints.Checkpoints, step: int, *how: Any) -> bool:
        with patch.object(checkpoints, "selection_score", lambda *_: KID[step]):
            return is_best(self, step, *how)

    cast("Any", checkpoints.Checkpoints).is_best = told
    watch = Watch(out)
    whole = final(train(out / "whole"))
    total = watch.count
    for i, moment in enumerate(moments):
        sys.stdout.write(json.dumps(outcome(watch, out / str(i), moment, total, whole)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
