"""Logs that are tables: any CSV, JSON lines or JSON with a column that counts steps, epochs or iterations."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ganeval.core.files import open_regular
from ganeval.errors import GanevalError
from ganeval.runs.parsing import MAX_DOCUMENT, lines_of, loads, real
from ganeval.runs.points import Points

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json")
UNITS = {
    "step": "step",
    "steps": "step",
    "global_step": "step",
    "_step": "step",
    "train_step": "step",
    "iter": "itr",
    "iters": "itr",
    "itr": "itr",
    "iteration": "itr",
    "iterations": "itr",
    "batches_done": "itr",
    "kimg": "kimg",
    "epoch": "epoch",
    "epochs": "epoch",
}
HISTORIES = ("log_history", "history", "logs", "log")  # keys of a JSON document that hold its rows
_LOG = re.compile(r"(?<![a-z])(loss(es)?|log|history|metrics|train(ing)?)(?![a-z])", re.IGNORECASE)
LOOKED_AT = 50  # rows of a table until it must have shown what it counts
MAX_COLUMNS = 500

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """A log: where it is, and which of its columns counts in which unit."""

    path: Path
    counter: str  # "" where rows are counted
    unit: str

    def points(self) -> dict[str, Points]:
        """Every column of numbers over the counter."""
        found: dict[str, Points] = {}
        for place, row in enumerate(_rows(self.path)):
            step = real(row.get(self.counter)) if self.counter else float(place)
            for key, value in row.items() if step is not None else ():
                number = real(value)
                if number is not None and _unit(key) is None and (key in found or len(found) < MAX_COLUMNS):
                    found.setdefault(key, Points()).add(step or 0.0, number)
        return found


def table_in(path: Path) -> Table | None:
    """The table in a file; None where none of its first rows has a counter and a number beside it. In a log by its name
    whose columns are losses rows are counted.
    """
    if path.suffix.lower() not in SUFFIXES:
        return None
    try:
        rows = list(islice(_rows(path), LOOKED_AT))
        for row in rows:
            counters = [key for key in row if _unit(key) and real(row[key]) is not None]
            others = [key for key in row if not _unit(key) and real(row[key]) is not None]
            if counters and others:
                best = min(counters, key=lambda key: list(UNITS).index(key.strip().lower()))
                return Table(path, best, _unit(best) or "step")
        if path.suffix.lower() in (".csv", ".tsv") and _LOG.search(path.stem) and _are_losses(rows):
            return Table(path, "", "row")
    except (OSError, GanevalError):
        return None
    return None


def _are_losses(rows: list[Row]) -> bool:
    """Whether there are several rows of numbers alone, one of them a loss."""
    numbers = all(real(value) is not None for row in rows for value in row.values())
    return len(rows) > 1 and numbers and any("loss" in key.lower() for key in rows[0])


def _unit(column: str) -> str | None:
    return UNITS.get(column.strip().lower())


def _rows(path: Path) -> Iterator[Row]:
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        yield from _csv_rows(path)
    elif suffix == ".json":
        yield from (_flat(row) for row in _document_rows(path))
    else:
        yield from (_flat(loads(line)) for line in lines_of(path))


def _csv_rows(path: Path) -> Iterator[Row]:
    """By the names in the first line, whatever separates them; names are often padded with blanks."""
    lines = lines_of(path)
    first = next(lines, "")
    separator = max(",;\t", key=first.count)
    names = [name.strip() for name in next(csv.reader([first.lstrip("\ufeff")], delimiter=separator), [])]
    rows = csv.DictReader(lines, names, delimiter=separator)
    while True:
        try:
            yield {key: text for key, text in next(rows).items() if isinstance(key, str)}
        except StopIteration:
            return
        except csv.Error:
            continue


def _document_rows(path: Path) -> Iterator[Row]:
    """Rows of a JSON document: a list of objects, one below `log_history`, or Keras' lists by name,
    one value an epoch.
    """
    if path.stat().st_size > MAX_DOCUMENT:
        return
    with open_regular(path) as file:
        text = file.read().decode("utf-8", errors="replace")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        yield from (loads(line) for line in text.splitlines())  # JSON lines that are called .json
        return
    if isinstance(value, dict):
        value = next((value[key] for key in HISTORIES if isinstance(value.get(key), (list, dict))), value)
    if isinstance(value, list):
        yield from (row for row in value if isinstance(row, dict))
    elif isinstance(value, dict):
        yield from _by_epoch(value)


def _by_epoch(columns: Mapping[str, Any]) -> Iterator[Row]:
    lists = {key: values for key, values in columns.items() if isinstance(values, list) and values}
    if not lists or any(not all(real(value) is not None for value in values) for values in lists.values()):
        return
    own = next((key for key in lists if _unit(key)), None)
    for index in range(max(map(len, lists.values()))):
        row = {key: values[index] for key, values in lists.items() if index < len(values)}
        yield row if own else {"epoch": index, **row}


def _flat(row: Row, prefix: str = "", depth: int = 0) -> Row:
    """Numbers inside objects by dotted names."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, Mapping) and depth < 4:
            flat.update(_flat(value, f"{prefix}{key}.", depth + 1))
        else:
            flat[f"{prefix}{key}"] = value
    return flat
