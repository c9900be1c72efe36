"""What is compared: an evaluation, its file, a run, or a folder of them -> sides, each one recipe with its seeds.

A folder whose runs differ only in their seed is one side, and so are runs of one recipe that are named one by one, as
long as another recipe is left to compare with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganeval.core.files import open_regular
from ganeval.errors import GanevalError, MissingFileError, WrongInputError, printable
from ganeval.gate.entry import require_sound
from ganeval.records.scores import Evaluation
from ganeval.runs import layout
from ganeval.runs.discovery import find_runs
from ganeval.runs.record import RunRecord

MOST = 200  # result files of a folder
_SEED = re.compile(r"[-_ ]?(seed|s)[-_ ]?\d+$", re.IGNORECASE)
_COUNTER = re.compile(r"^\d{4,}-")
_IDLE = {"seed", "out", "name", "device", "runs"}  # what two trainings of one recipe may differ in


@dataclass(frozen=True)
class Side:
    """One recipe: its name and the evaluation of each of its seeds."""

    name: str
    seeds: tuple[Evaluation, ...]


@dataclass(frozen=True)
class _Found:
    """One evaluation, where it came from, and what it shares with the others of its recipe ("" is nothing)."""

    name: str
    evaluation: Evaluation
    recipe: str = ""


def sides_of(given: Sequence[Any]) -> list[Side]:
    """The sides in the order in which they were named; at least two, with names that differ."""
    found = [(place, one) for place, what in enumerate(given) for one in _opened(what)]
    named = _grouped(found, lambda place, one: (one.recipe or place, one.name if not one.recipe else ""))
    if len(named) < 2:  # several runs of one recipe: what was named together stays together
        named = _grouped(found, lambda place, _: place)
    if len(named) < 2:
        named = _grouped(found, lambda place, one: (place, one.name))
    if len(named) < 2:
        raise WrongInputError(
            f"A comparison needs two sides; got {len(named)}. Pass two or more evaluations, result files, runs or "
            "folders."
        )
    return _named_apart([_side(members) for members in named])


def _grouped(found: Iterable[tuple[int, _Found]], key: Any) -> list[list[_Found]]:
    groups: dict[Any, list[_Found]] = {}
    for place, one in found:
        groups.setdefault(key(place, one), []).append(one)
    return list(groups.values())


def _side(members: list[_Found]) -> Side:
    names = list(dict.fromkeys(_SEED.sub("", one.name) if len(members) > 1 else one.name for one in members))
    shown = names[0] if len(members) == 1 else f"{names[0]} ({len(members)} seeds)"
    return Side(shown, tuple(one.evaluation for one in members))


def _named_apart(sides: list[Side]) -> list[Side]:
    """Two sides of one name get the time they were made at, or their place."""
    names = [side.name for side in sides]
    twice = {name for name in names if names.count(name) > 1}
    return [
        Side(f"{side.name} #{place}", side.seeds) if side.name in twice else side for place, side in enumerate(sides, 1)
    ]


def _opened(what: Any) -> list[_Found]:
    if isinstance(what, Evaluation):
        return [_Found(_name(what), require_sound(what, what.name))]
    if isinstance(what, (list, tuple)):
        if not what or not all(isinstance(part, Evaluation) for part in what):
            raise WrongInputError(
                "A list to compare must hold evaluations: the seeds of one recipe; got others or none."
            )
        name = _SEED.sub("", what[0].name)
        return [_Found(name, require_sound(part, part.name), f"list {id(what)}") for part in what]
    if not isinstance(what, (str, Path)):
        raise WrongInputError(
            f"compare takes evaluations, result files, runs and folders; got {type(what).__name__}. Pass what "
            "ganeval.evaluate returned, or a path."
        )
    path = Path(what)
    if path.is_file():
        return [_from_file(path)]
    if not path.is_dir():
        raise MissingFileError(f"{printable(path)} is neither a result file nor a folder. Name a result.json or a run.")
    return _from_folder(path)


def _name(evaluation: Evaluation) -> str:
    return evaluation.name if evaluation.step is None else f"{evaluation.name} at step {evaluation.step}"


def _from_file(path: Path) -> _Found:
    evaluation = require_sound(Evaluation.read(path, per_sample=True), path)
    folder = path.parent.parent.parent if path.name == "result.json" else path.parent
    return _Found(path.stem if path.name != "result.json" else folder.name or _name(evaluation), evaluation)


def _from_folder(folder: Path) -> list[_Found]:
    """Its runs that are evaluated; where there is none, the result files that lie in it."""
    runs = [run for run in find_runs(folder).runs if run.evaluations]
    if runs:
        return [_from_run(run, folder) for run in runs]
    found = [_from_file(path) for path in _results(folder)]
    if not found:
        raise GanevalError(
            f"{printable(folder)} holds no evaluation. Evaluate it first: ganeval-report {printable(folder)}, or "
            "ganeval evaluate --json."
        )
    stems = {_SEED.sub("", one.name) for one in found}
    recipe = f"files {folder}" if len(stems) == 1 and len(found) > 1 else ""
    return [_Found(one.name, one.evaluation, recipe) for one in found]


def _results(folder: Path) -> list[Path]:
    paths = sorted([*folder.glob("*.json"), *folder.glob("*/result.json")])[:MOST]
    return [path for path in paths if _is_result(path)]


def _is_result(path: Path) -> bool:
    try:
        with open_regular(path) as file:
            return b"ganeval.evaluation/" in file.read(4096)
    except (GanevalError, OSError):
        return False


def _from_run(run: RunRecord, folder: Path) -> _Found:
    last = run.evaluations[-1]
    path = layout.result_path(run.path, last.step or 0)
    evaluation = Evaluation.read(path, per_sample=True) if path.is_file() else last
    name = run.path.resolve().name if run.id in (".", "") else run.name or run.id
    return _Found(name, require_sound(evaluation, run.path), _recipe(run, name) or f"run {folder} {run.id}")


def _recipe(run: RunRecord, name: str) -> str:
    """Equal for trainings that differ only in their seed; "" where nothing says how the run was trained."""
    stem = _SEED.sub("", _COUNTER.sub("", name))
    if run.config:
        return f"{stem} {json.dumps(_still(run.config), sort_keys=True, default=str)}"
    return stem if stem != _COUNTER.sub("", name) else ""


def _still(config: Any) -> Any:
    """The configuration without what two seeds of one recipe differ in."""
    if not isinstance(config, Mapping):
        return config
    return {str(key): _still(value) for key, value in config.items() if str(key) not in _IDLE}
