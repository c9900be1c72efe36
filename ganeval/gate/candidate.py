"""What a gate judges: the last evaluation of a run directory, or one evaluation file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ganeval.core.wording import few, plural
from ganeval.errors import MissingFileError
from ganeval.gate.entry import require_sound
from ganeval.gate.rules import GateConfig
from ganeval.records.scores import Evaluation
from ganeval.runs import layout

SHOWN = 20  # runs of a folder
EvaluateRun = Callable[[Path, GateConfig], Evaluation]


def read_candidate(path: Path, config: GateConfig, evaluate_run: EvaluateRun | None = None) -> Evaluation:
    """The last evaluation of a run directory, or one evaluation file; a run without any is evaluated, if it can be."""
    if path.is_file():
        return require_sound(Evaluation.read(path, per_sample=True), path)
    if not path.is_dir():
        raise MissingFileError(f"Expected a run directory or an evaluation file; there is nothing at {path}.")
    found = _last_result(path)
    if found is not None:
        return require_sound(Evaluation.read(found, per_sample=True), found)
    if evaluate_run is not None:
        return evaluate_run(path, config)
    raise MissingFileError(_several(path) or f"{path} holds no evaluation. Evaluate it first: ganeval evaluate.")


def _last_result(run: Path) -> Path | None:
    """The evaluation at the latest step, where there is one."""
    steps = [pair for folder in layout.evaluations(run) for pair in layout.by_step(folder, "")]
    files = [folder / "result.json" for _, folder in sorted(steps)]
    return next((file for file in reversed(files) if file.is_file()), None)


def require_run(path: Path) -> None:
    """A folder of runs is no run: say which there are, or that there is none."""
    if not (path / layout.RUN).exists():
        raise MissingFileError(
            _several(path) or f"There is no run in {path}: it has neither a {layout.RUN} nor an evaluation."
        )


def _several(folder: Path) -> str:
    """The sentence about a folder of runs; "" where there are none."""
    runs = sorted(inside.name for inside in folder.iterdir() if inside.is_dir() and _is_run(inside))
    if not runs:
        return ""
    shown = few(runs, SHOWN)
    return f"{folder} is a folder of {plural(len(runs), 'run')}, and one run is needed; name it: {shown}."


def _is_run(folder: Path) -> bool:
    return (folder / layout.RUN).is_file() or _last_result(folder) is not None
