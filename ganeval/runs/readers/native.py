"""Our own layout (`ganeval.runs.layout`): a folder with a run.json of schema ganeval.run/1."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganeval.core.files import read_json, read_jsonl
from ganeval.errors import BrokenRunError, GanevalError
from ganeval.records.scores import Evaluation
from ganeval.runs import layout
from ganeval.runs.parsing import as_float
from ganeval.runs.points import Points, curves_of
from ganeval.runs.reader import Reader
from ganeval.runs.record import Curve, Grid, RunRecord, SampleSet

MAX_NOTES = 1000
_KEPT = re.compile(r"data/[\w-]+\.[\w.]+")  # a plain file of that folder: no path leads outside
_STATUSES = ("running", "stopped", "done", "failed")


def probe(folder: Path) -> int:
    """100 where there is a run.json: no other trainer is known to write that name."""
    return 100 if (folder / layout.RUN).is_file() else 0


def read(folder: Path) -> list[RunRecord]:
    """The one run in `folder`; a broken one comes back with `error`."""
    try:
        return [read_run(folder)]
    except BrokenRunError as error:
        return [RunRecord(id=folder.name, path=folder, reader="ganeval", name=folder.name, error=str(error))]


def read_run(path: str | Path) -> RunRecord:
    """Read a run directory in our layout: torn lines, unknown files and missing folders are no errors.

    Raises `BrokenRunError` where run.json is absent, no JSON, or of another schema. An evaluation or a layout that
    cannot be read becomes one of its problems.
    """
    path = Path(path)
    info = layout.read_info(path)
    try:
        (curves, happenings), unread = _logged(path), ()
    except GanevalError as error:
        (curves, happenings), unread = ({}, []), (str(error),)
    evaluations, broken = _evaluations(path)
    grids, strange = _grids(path)
    return RunRecord(
        id=path.name,
        path=path,
        reader="ganeval",
        name=str(info.get("name", path.name)),
        created=str(info.get("created", "")),
        status=_status(info),
        step_unit=str(info.get("step_unit", "step")),
        config=_mapping(info, "config"),
        environment={**_mapping(info, "environment"), **_origin(info)},
        protocol=_protocol(info, path),
        class_names=_names(info),
        curves=curves,
        grids=grids,
        samples=tuple(SampleSet(step, file) for step, file in layout.by_step(path / layout.SAMPLES, ".npz")),
        evaluations=evaluations,
        notes=tuple(happenings),
        problems=(*unread, *broken, *strange),
    )


def _status(info: Mapping[str, Any]) -> str:
    status = info.get("status")
    return status if status in _STATUSES else "unknown"


def _mapping(info: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = info.get(key)
    return value if isinstance(value, dict) else {}


def _protocol(info: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """What the run says of its protocol; a file that it keeps in its own folder `data` by its whole path."""
    said = _mapping(info, "protocol")
    own = {key: value for key, value in said.items() if isinstance(value, str) and _KEPT.fullmatch(value)}
    return {**said, **{key: str(path / value) for key, value in own.items() if (path / value).is_file()}}


def _origin(info: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed, with which seeds, at which commit, and what it cost."""
    return {key: info[key] for key in ("command", "seeds", "git", "cpu_seconds") if info.get(key)}


def _names(info: Mapping[str, Any]) -> tuple[str, ...]:
    names = info.get("class_names")
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _logged(path: Path) -> tuple[dict[str, Curve], list[str]]:
    """Curves by tag and what happened, read line by line: a log of a million lines never lies in memory whole.

    After `{"event": "resume", "step": s}` what was logged beyond s no longer counts.
    """
    points: dict[str, Points] = {}
    notes: list[str] = []
    file = path / layout.EVENTS
    for line in read_jsonl(file) if os.path.lexists(file) else ():
        step = _number(line.get("step"))
        if isinstance(event := line.get("event"), str):
            notes += [_happening(line, event)] if len(notes) < MAX_NOTES else []
            if event == "resume" and step is not None:
                for kept in points.values():
                    kept.cut(step)
        elif step is not None and isinstance(tag := line.get("tag"), str) and "value" in line:
            value = _number(line["value"])
            points.setdefault(tag, Points()).add(step, math.nan if value is None else value)
    return curves_of(points), notes


def _number(value: Any) -> float | None:
    return as_float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _happening(line: Mapping[str, Any], event: str) -> str:
    said = line.get("text")
    return f"{event} at step {line.get('step')}" + (f": {said}" if isinstance(said, str) else "")


def _grids(path: Path) -> tuple[tuple[Grid, ...], list[str]]:
    folder = path / layout.FIXED
    known, notes = {}, []
    if (folder / layout.LAYOUT).is_file():
        try:
            known = read_json(folder / layout.LAYOUT)
        except BrokenRunError as error:
            notes.append(str(error))
    known = known if isinstance(known, dict) else {}
    labels = known.get("labels")
    labels = tuple(labels) if isinstance(labels, list) and all(isinstance(i, int) for i in labels) else ()
    rows, columns = (n if isinstance(n := known.get(key), int) and n > 0 else None for key in ("rows", "cols"))
    latents = str(known.get("latents_sha256", ""))
    return tuple(
        Grid(step, file, rows, columns, labels, latents) for step, file in layout.by_step(folder, ".png")
    ), notes


def _evaluations(path: Path) -> tuple[tuple[Evaluation, ...], list[str]]:
    found, notes = [], []
    for _, folder in layout.by_step(path / layout.EVALUATIONS, ""):
        try:
            if (folder / "result.json").exists():
                found.append(Evaluation.read(folder / "result.json"))
        except GanevalError as error:
            notes.append(str(error))
    return tuple(found), notes


READER = Reader("ganeval", probe, read)
