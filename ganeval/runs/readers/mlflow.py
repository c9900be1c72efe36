"""MLflow: a run folder of the file store (meta.yaml, metrics/NAME with lines `time value step`), or mlflow.db
(SQLite).
"""

from __future__ import annotations

import math
import re
import sqlite3
from pathlib import Path
from typing import Any

from ganeval.errors import BrokenRunError
from ganeval.runs.parsing import flat_yaml, iso, lines_of, names_in, real
from ganeval.runs.points import Points, curves_of
from ganeval.runs.reader import Reader
from ganeval.runs.record import Grid, RunRecord, SampleSet
from ganeval.runs.series import pictured
from ganeval.runs.sqlite import open_read_only

DATABASE, META = "mlflow.db", "meta.yaml"
_STATUS = {"1": "running", "3": "done", "4": "failed", "RUNNING": "running", "FINISHED": "done", "FAILED": "failed"}
_RUN = re.compile(r"[0-9a-f]{32}")


def probe(folder: Path) -> int:
    if (folder / META).is_file() and (folder / "metrics").is_dir() and _RUN.fullmatch(folder.name):
        return 80
    return 80 if (folder / DATABASE).is_file() else 0


def read(folder: Path) -> list[RunRecord]:
    return [_of_files(folder)] if (folder / META).is_file() else _of_database(folder / DATABASE)


def _of_files(folder: Path) -> RunRecord:
    meta = flat_yaml(folder / META)
    points: dict[str, Points] = {}
    for name, path in _quantities(folder / "metrics", 3):
        for line in lines_of(path):
            parts = [real(part) for part in line.split()]
            if len(parts) >= 2 and parts[1] is not None:
                step = parts[2] if len(parts) > 2 and parts[2] is not None else 0.0
                points.setdefault(name, Points()).add(step, parts[1])
    parameters = {name: next(lines_of(path), "").strip()[:500] for name, path in _quantities(folder / "params", 1)}
    name = str(meta.get("run_name") or folder.name)
    grids, samples = _pictures(folder / "artifacts")
    return RunRecord(
        id=folder.name,
        path=folder,
        reader="mlflow",
        name=name,
        created=_created(meta.get("start_time")),
        status=_STATUS.get(str(meta.get("status")), "unknown"),
        config=parameters,
        curves=curves_of(points),
        grids=grids,
        samples=samples,
    )


def _pictures(artifacts: Path, depth: int = 2) -> tuple[tuple[Grid, ...], tuple[SampleSet, ...]]:
    """The pictures of the first folder of artifacts that holds some."""
    if any(found := pictured(artifacts)) or not depth:
        return found
    below = [artifacts / name for name in names_in(artifacts) if (artifacts / name).is_dir()]
    return next(
        (found for place in below if not place.is_symlink() and any(found := _pictures(place, depth - 1))), ((), ())
    )


def _quantities(folder: Path, depth: int) -> list[tuple[str, Path]]:
    """(name, file), also of names with slashes, which are folders."""
    found: list[tuple[str, Path]] = []
    for name in names_in(folder):
        path = folder / name
        if path.is_file():
            found.append((name, path))
        elif depth and path.is_dir() and not path.is_symlink():
            found += [(f"{name}/{inner}", file) for inner, file in _quantities(path, depth - 1)]
    return found


def _created(milliseconds: Any) -> str:
    value = real(milliseconds)
    return "" if value is None else iso(value / 1000)


def _of_database(path: Path) -> list[RunRecord]:
    try:
        with open_read_only(path) as database:
            rows = database.execute(
                "SELECT run_uuid, name, status, start_time FROM runs ORDER BY start_time LIMIT 2000"
            )
            return [_of_row(database, path, row) for row in rows.fetchall()]
    except sqlite3.Error as error:
        raise BrokenRunError(f"Expected MLflow's tables in {path.name}; {error}.") from error


def _of_row(database: sqlite3.Connection, path: Path, row: tuple[Any, ...]) -> RunRecord:
    run, name, status, started = row
    points: dict[str, Points] = {}
    query = "SELECT key, value, step, is_nan FROM metrics WHERE run_uuid = ? ORDER BY key, step, timestamp"
    for key, value, step, is_nan in database.execute(query, (run,)):
        number = math.nan if is_nan else real(value)
        if number is not None:
            points.setdefault(str(key), Points()).add(real(step) or 0.0, number)
    parameters = dict(
        database.execute("SELECT key, value FROM params WHERE run_uuid = ? LIMIT 2000", (run,)).fetchall()
    )
    return RunRecord(
        id=str(run),
        path=path.parent,
        reader="mlflow",
        name=str(name or run),
        created=_created(started),
        status=_STATUS.get(str(status), "unknown"),
        config=parameters,
        curves=curves_of(points),
    )


READER = Reader("mlflow", probe, read)
