"""One CSV file that grows: a line for each metric of each evaluation. Needs no other library."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from ganeval.core.cells import harmless
from ganeval.core.files import open_regular, writing
from ganeval.errors import WrongInputError, guarded, printable
from ganeval.integrations.loggers.values import step_of, values_of
from ganeval.records.scores import Evaluation, ScoreRecord

COLUMNS = ("step", "metric", "value", "se", "low", "high", "n", "floor", "status", "signature")


class CSVLogger:
    """Appends to `path`, which must be new or have been begun by this class."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.exists() and self._begin() not in ("", ",".join(COLUMNS)):
                raise WrongInputError(
                    f"{printable(self.path)} does not begin with {','.join(COLUMNS)}, so it is another table. Name a new "
                    "file."
                )

    def _begin(self) -> str:
        with open_regular(self.path) as file:
            return file.readline(1000).decode(errors="replace").strip()

    @guarded
    def log(self, evaluation: Evaluation, step: int | None = None) -> None:
        """Append every metric of the evaluation at `step` (by default its own), also those without a number."""
        values_of(evaluation)
        at, text = step_of(evaluation, step), io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        with writing(self.path), self.path.open("a", encoding="utf-8", newline="") as file:
            if file.tell() == 0:
                table.writerow(COLUMNS)
            table.writerows(_line(at, name, record) for name, record in sorted(evaluation.scores.items()))
            file.write(text.getvalue())


def _line(step: int, name: str, record: ScoreRecord) -> list[Any]:
    low, high = record.interval or ("", "")
    floor = "" if record.floor is None else record.floor.value
    row = (step, name, record.value, record.se, low, high, record.n, floor, record.status, record.signature)
    return ["" if cell is None else harmless(cell) for cell in row]
