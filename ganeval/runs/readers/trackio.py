"""trackio: one SQLite file per project with a table metrics(run_name, step, metrics), the last a JSON object."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ganeval.errors import BrokenRunError
from ganeval.runs.parsing import loads, names_in, real
from ganeval.runs.points import Points, curves_of
from ganeval.runs.reader import Reader
from ganeval.runs.record import RunRecord
from ganeval.runs.sqlite import columns_of, open_read_only

MAX_ROWS = 2_000_000
NEEDED = frozenset({"run_name", "step", "metrics"})


def probe(folder: Path) -> int:
    return 75 if _databases(folder) else 0


def read(folder: Path) -> list[RunRecord]:
    return [run for path in _databases(folder) for run in _runs(path)]


def _databases(folder: Path) -> list[Path]:
    files = [folder / name for name in names_in(folder) if name.endswith(".db") and name != "mlflow.db"]
    return [path for path in files if columns_of(path, "metrics") >= NEEDED]


def _runs(path: Path) -> list[RunRecord]:
    runs: dict[str, dict[str, Points]] = {}
    created: dict[str, str] = {}
    with_time = "timestamp" if "timestamp" in columns_of(path, "metrics") else "''"
    try:
        with open_read_only(path) as database:
            columns = f"run_name, step, metrics, {with_time}"
            query = f"SELECT {columns} FROM metrics ORDER BY rowid LIMIT {MAX_ROWS}"  # noqa: S608 - constants
            for name, step, text, time in database.execute(query):
                created.setdefault(str(name), str(time))
                _row(runs.setdefault(str(name), {}), real(step), text)
    except sqlite3.Error as error:
        raise BrokenRunError(f"Expected trackio's table in {path.name}; {error}.") from error
    return [
        RunRecord(
            id=f"{path.stem}/{name}",
            path=path.parent,
            reader="trackio",
            name=name,
            created=created[name],
            curves=curves_of(points),
        )
        for name, points in runs.items()
    ]


def _row(points: dict[str, Points], step: float | None, text: object) -> None:
    said = text.decode(errors="replace") if isinstance(text, bytes) else text  # newer versions store bytes
    for key, value in loads(said if isinstance(said, str) else "").items():
        number = real(value)
        if number is not None and step is not None:
            points.setdefault(key, Points()).add(step, number)


READER = Reader("trackio", probe, read)
