"""Any trainer that writes a table: training_log.csv, Keras' CSVLogger and history.json, trainer_state.json,
logs/*.jsonl.

What `ganeval.runs.tables` recognises by its columns; with it the pictures of the same folder or of one named as such.
"""

from __future__ import annotations

from pathlib import Path

from ganeval.runs.parsing import logs_in
from ganeval.runs.points import Points, curves_of
from ganeval.runs.reader import Reader
from ganeval.runs.record import RunRecord
from ganeval.runs.series import pictures_of
from ganeval.runs.tables import SUFFIXES, Table, table_in


def probe(folder: Path) -> int:
    return 35 if _tables(folder) else 0


def read(folder: Path) -> list[RunRecord]:
    tables = _tables(folder)
    unit = tables[0].unit if tables else "step"
    points: dict[str, Points] = {}
    for table in tables:
        if table.unit == unit:
            for tag, own in table.points().items():
                names = (tag, f"{table.path.stem}/{tag}", f"{table.path.relative_to(folder)}/{tag}")
                points[next(name for name in names if name not in points)] = own
    others = [
        f"{table.path.name} counts in {table.unit}, not in {unit}: it is left out"
        for table in tables
        if table.unit != unit
    ]
    grids, samples = pictures_of(folder)
    return [
        RunRecord(
            id=folder.name,
            path=folder,
            reader="table",
            name=folder.name,
            step_unit=unit,
            curves=curves_of(points),
            grids=grids,
            samples=samples,
            notes=tuple(others),
        )
    ]


def _tables(folder: Path) -> list[Table]:
    """The tables of a folder and of logs/ in it."""
    return [table for path in logs_in(folder, SUFFIXES) if (table := table_in(path)) is not None]


READER = Reader("table", probe, read, guesses=True)
