"""One CSV file that grows: a line for each metric of each evaluation. Needs no other library."""

from __future__ import annotations

from pathlib import Path

from ganeval.core.files import append_text, open_regular, writing
from ganeval.errors import WrongInputError, guarded, printable
from ganeval.integrations.loggers.values import step_of, values_of
from ganeval.records.scores import Evaluation
from ganeval.records.spreadsheet import COLUMNS, lines_of, render_csv

HEAD = ("step", *COLUMNS)


class CSVLogger:
    """Appends to `path`, which must be new or have been begun by this class."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.exists() and self._begin() not in ("", ",".join(HEAD)):
                raise WrongInputError(
                    f"{printable(self.path)} does not begin with {','.join(HEAD)}, so it is another table. Name a new "
                    "file."
                )

    def _begin(self) -> str:
        with open_regular(self.path) as file:
            return file.readline(1000).decode(errors="replace").strip()

    @guarded
    def log(self, evaluation: Evaluation, step: int | None = None) -> None:
        """Append every metric of the evaluation at `step` (by default its own), also those without a number."""
        values_of(evaluation)
        at = step_of(evaluation, step)
        text = render_csv(HEAD, ((at, *line) for line in lines_of(evaluation.scores.values())))
        with writing(self.path):
            begun = self.path.exists() and self.path.stat().st_size > 0
            append_text(self.path, text.partition("\n")[2] if begun else text)
