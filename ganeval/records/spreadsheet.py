"""Scores as lines of a CSV file. A text that a spreadsheet would take for a formula gets a quote."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ganeval.records.score import ScoreRecord

COLUMNS = ("metric", "value", "se", "low", "high", "n", "better", "floor", "version", "status")


def render_csv(columns: Sequence[str], lines: Iterable[Iterable[Any]]) -> str:
    """
    >>> print(render_csv(("a", "b"), [("=1", None)]), end="")
    a,b
    '=1,
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(["" if cell is None else _harmless(cell) for cell in line] for line in lines)
    return buffer.getvalue()


def lines_of(records: Iterable[ScoreRecord]) -> Iterator[tuple[Any, ...]]:
    """The columns `COLUMNS` of each record, by name; None where there is nothing to say."""
    for s in sorted(records, key=lambda record: record.name):
        low, high = s.interval or (None, None)
        floor = s.floor.value if s.floor else None
        yield s.name, s.value, s.se, low, high, s.n, s.better, floor, s.version, s.status


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
