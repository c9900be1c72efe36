"""Evaluations as plain text for a terminal: aligned, every number with its error and its floor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ganeval.records.given import notes_on
from ganeval.records.scores import Evaluation, ScoreRecord, render_value

ARROW = {"lower": "down", "higher": "up", "target": "target"}


def render_evaluation(evaluation: Evaluation) -> str:
    """Metric, direction, value +- error, 95 % interval, the same for real images, n; what was not computed below."""
    good = [record for record in evaluation.scores.values() if record.ok]
    lines = [("metric", "better", "value", "95 % interval", "real vs real", "n"), *map(_row, good)]
    missing = [f"{r.name}: {r.status}" for r in evaluation.scores.values() if not r.ok]
    notes = notes_on(evaluation)
    blocks = [[render_title(evaluation), *notes], aligned(lines), missing]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def render_title(evaluation: Evaluation) -> str:
    """What was compared with what, by which network."""
    fake, real = evaluation.fake, evaluation.real
    judge = f", classifier {evaluation.classifier}" if evaluation.classifier else ""
    count = f"{real.n:,}" if real.n else real.counted
    return f"{evaluation.name}: {fake.n:,} images against {real.source} ({count}), {fake.extractor} {fake.dim}-d{judge}"


def _row(record: ScoreRecord) -> tuple[str, ...]:
    bounds = "" if record.interval is None else f"{record.interval[0]:.4g} to {record.interval[1]:.4g}"
    n = "" if record.n is None else f"{record.n:,}"
    return (record.name, ARROW[record.better], str(record), bounds, render_floor(record), n)


def render_floor(record: ScoreRecord) -> str:
    """The floor with its error; its n too where it is not the metric's own, because what n moves then differs as
    well.
    """
    floor = record.floor
    if floor is None:
        return ""
    other = "" if floor.n is None or floor.n == record.n else f" (n = {floor.n:,})"
    return render_value(floor.value, floor.se) + other


def aligned(lines: Iterable[Sequence[str]]) -> list[str]:
    """Columns two spaces apart.

    >>> aligned([("a", "b"), ("long", "c")])
    ['a     b', 'long  c']
    """
    cells = [tuple(line) for line in lines]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
