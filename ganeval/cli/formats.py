"""`--format`: an evaluation for people, for a comment, for a spreadsheet or for a program."""

from __future__ import annotations

from typing import Literal

from ganeval.cli.tables import render_evaluation
from ganeval.core.files import render_json
from ganeval.records.scores import Evaluation
from ganeval.records.spreadsheet import COLUMNS, lines_of, render_csv

Format = Literal["table", "markdown", "json", "csv"]


def rendered(evaluation: Evaluation, shape: Format, *, full: bool, kept: str) -> str:
    """Table and Markdown show the headline, or with `full` everything; JSON and CSV always hold everything."""
    if shape == "json":
        return render_json(evaluation.to_json())
    if shape == "csv":
        return render_csv(COLUMNS, lines_of(evaluation.scores.values()))
    if shape == "markdown":
        return evaluation.to_markdown(full=full)
    return render_evaluation(evaluation, full=full, kept=kept)
