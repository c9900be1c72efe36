"""Weights & Biases, offline: offline-run-*/ with run-ID.wandb (its history), files/ with summary, config.yaml,
media/images.

Where the history cannot be read, the summary gives the last value of each quantity.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ganeval.runs.history import History, read_history
from ganeval.runs.parsing import document, flat_yaml, iso, names_in, real
from ganeval.runs.points import Points, curves_of
from ganeval.runs.reader import Reader
from ganeval.runs.record import Grid, RunRecord

_FOLDER = re.compile(r"(?:offline-)?run-(\d{8}_\d{6})-(\w+)")
_IMAGE = re.compile(r"(.+)_(\d{1,9})_[0-9a-f]{8,}\.(?:png|jpe?g)")
ADVICE = "the .wandb file holds no history that can be read: the last values are those of its summary"


def probe(folder: Path) -> int:
    if not _FOLDER.fullmatch(folder.name):
        return 0
    names = names_in(folder)
    return 75 if "files" in names or any(name.endswith(".wandb") for name in names) else 0


def read(folder: Path) -> list[RunRecord]:
    files = folder / "files"
    summary = document(files / "wandb-summary.json")
    settings = flat_yaml(files / "config.yaml")  # each key has `desc` and `value` below it
    config = {
        key.removesuffix(".value"): value
        for key, value in settings.items()
        if key.endswith(".value") and not key.startswith("_wandb")
    }
    history = _history(folder)
    notes = () if any(len(one.steps) > 1 for one in history.points.values()) else (ADVICE,)
    points = history.points
    step = real(summary.get("_step")) or 0.0
    for key, value in _flat(summary):
        if key not in points or not points[key].steps or points[key].steps[-1] < step:
            points.setdefault(key, Points()).add(step, value)
    environment = document(files / "wandb-metadata.json")
    return [
        RunRecord(
            id=folder.name,
            path=folder,
            reader="wandb",
            name=folder.name,
            created=_created(folder, summary),
            status=_status(history.exit_code),
            config=config or _plain(history.config),
            environment=environment,
            curves=curves_of(points),
            grids=_grids(files / "media" / "images"),
            notes=notes,
        )
    ]


def _history(folder: Path) -> History:
    names = [name for name in names_in(folder) if name.endswith(".wandb")]
    return read_history(folder / names[0]) if names else History()


def _status(exit_code: int | None) -> str:
    return "unknown" if exit_code is None else "failed" if exit_code else "done"


def _plain(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if not key.startswith("_wandb")}


def _flat(summary: dict[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for key, value in summary.items():
        if key.startswith("_") or len(found) > 10_000:
            continue
        number = real(value)
        if number is not None:
            found.append((prefix + key, number))
        elif isinstance(value, dict) and "_type" not in value and prefix.count(".") < 4:
            found += _flat(value, f"{prefix}{key}.")
    return found


def _created(folder: Path, summary: dict[str, Any]) -> str:
    match = _FOLDER.fullmatch(folder.name)
    stamp = match[1] if match else ""
    if stamp:
        return f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}T{stamp[9:11]}:{stamp[11:13]}:{stamp[13:15]}"
    return iso(summary.get("_timestamp"))


def _grids(folder: Path) -> tuple[Grid, ...]:
    series: dict[str, dict[int, Path]] = {}
    for name in names_in(folder):
        match = _IMAGE.fullmatch(name)
        if match:
            series.setdefault(match[1], {})[int(match[2])] = folder / name
    if not series:
        return ()
    best = min(series, key=lambda key: ("real" in key.lower(), -len(series[key]), key))
    return tuple(Grid(step, path) for step, path in sorted(series[best].items()))


READER = Reader("wandb", probe, read)
