"""Evaluations as plain text for a terminal: aligned, every number with its error and its floor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ganeval.core.wording import plural
from ganeval.records.eyes import eyes_of
from ganeval.records.given import notes_on
from ganeval.records.headline import MOST, by_question, headline
from ganeval.records.scores import Evaluation, ScoreRecord, render_value
from ganeval.records.text import visible

HEADS = ("question", "metric", "better", "value", "95 % interval", "real vs real", "n")
ARROW = {"lower": "down", "higher": "up", "target": "target"}


def render_evaluation(evaluation: Evaluation, *, full: bool = False, kept: str = "") -> str:
    """The headline, at most ten lines by question, and where the rest is: in the file `kept`, or nowhere. Ten metrics
    or fewer are shown whole.

    A line has a metric, its direction, value +- error, 95 % interval, the same for real images, and n. `full` shows
    every metric, and why some have no value.
    """
    full = full or len(evaluation.scores) <= MOST
    groups = by_question(evaluation.scores) if full else headline(evaluation.scores)
    shown = [record for _, group in groups for record in group]
    lines = [HEADS, *(_row(r, first=r is group[0]) for _, group in groups for r in group)]
    missing = [f"{r.name}: {r.status}" for r in evaluation.scores.values() if not r.ok]
    rest = missing if full else _rest(len(evaluation.scores) - len(missing) - len(shown), len(missing), kept)
    blocks = [
        [render_title(evaluation), *notes_on(evaluation)],
        aligned(lines) if shown else [],
        render_eyes(evaluation),
        rest,
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _rest(valued: int, missing: int, kept: str) -> list[str]:
    """One line about what the headline leaves out; none where that is nothing."""
    more = [plural(valued, "more number")] if valued else []
    without = [f"why {plural(missing, 'metric')} {'has' if missing == 1 else 'have'} none"] if missing else []
    if not more and not without:
        return []
    where = f"; {kept} holds everything" if kept else ", --json FILE keeps everything"
    return [f"{' and '.join([*more, *without])}: --all prints them{where}."]


def render_title(evaluation: Evaluation) -> str:
    """What was compared with what, by which network."""
    fake, real = evaluation.fake, evaluation.real
    judge = f", classifier {evaluation.classifier}" if evaluation.classifier else ""
    count = f"{real.n:,}" if real.n else real.counted
    images = f"{fake.n:,} image{'' if fake.n == 1 else 's'}"
    return f"{evaluation.name}: {images} against {real.source} ({count}), {fake.extractor} {fake.dim}-d{judge}"


def render_eyes(evaluation: Evaluation) -> list[str]:
    """One line for each network that was asked how far the images are, in units of real against real;
    [] without any.
    """
    eyes = eyes_of(evaluation.scores)
    lines = [(visible(eye.name), render_value(eye.ratio, eye.se), "chosen" if eye.chosen else "") for eye in eyes]
    return aligned([("eye", "times real vs real", ""), *lines]) if lines else []


def _row(record: ScoreRecord, *, first: bool) -> tuple[str, ...]:
    bounds = "" if record.interval is None else f"{record.interval[0]:.4g} to {record.interval[1]:.4g}"
    n = "" if record.n is None else f"{record.n:,}"
    question = record.question if first else ""
    return (question, record.name, ARROW[record.better], str(record), bounds, render_floor(record), n)


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
