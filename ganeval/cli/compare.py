"""`ganeval compare`: two or more evaluations, runs or folders against the first."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated

import tyro
from tyro.conf import Positional

from ganeval.cli.formats import Format
from ganeval.cli.say import require_places
from ganeval.core.files import render_json, write_json
from ganeval.core.shown import MaybePath, Names, Paths
from ganeval.errors import WrongInputError
from ganeval.gate.comparison import Comparison, Told
from ganeval.records.spreadsheet import render_csv


def compare(
    sides: Positional[Paths],
    metrics: Names = (),
    all: bool = False,  # noqa: A002 - the flag is --all
    alpha: float = 0.05,
    format: Annotated[Format, tyro.conf.arg()] = "table",  # noqa: A002 - the flag is --format
    json: MaybePath = None,
) -> int:
    """Each side against the first: the difference with its 95 % interval, and whether it is told apart from chance.

    Exit code: 0 compared, whatever came out; 2 wrong use, 5 measured differently. To fail a job, use ganeval gate.

    Args:
        sides: Two or more result files, runs, or folders of them; runs that differ only in their seed are one side.
        metrics: Compare only these; by default the headline.
        all: Compare every metric that all sides have.
        alpha: How often any "better" or "worse" may be wrong, over all lines together.
        format: How to print it.
        json: Also write the comparison here.
    """
    from ganeval.gate.comparison import compare as compared

    require_places(json)
    if not sides:
        raise WrongInputError("Nothing was named. Name two or more result files, runs, or folders of them.")
    found = compared(*sides, metrics=metrics, full=all, alpha=alpha)
    if json is not None:
        write_json(json, found.to_json())
    print(_rendered(found, format).rstrip("\n"))
    return 0


def _rendered(found: Comparison, shape: Format) -> str:
    if shape == "json":
        return render_json(found.to_json())
    if shape == "csv":
        columns = [field.name for field in fields(Told) if field.name != "interval"]
        cells = ([*(getattr(told, name) for name in columns), *(told.interval or (None, None))] for told in found.lines)
        return render_csv([*columns, "low", "high"], cells)
    return found.to_markdown() if shape == "markdown" else str(found)
