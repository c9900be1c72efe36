"""Markdown of what comes from outside, and one evaluation as a Markdown table."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ganeval.records.headline import by_question, headline
from ganeval.records.numbers import render_value
from ganeval.records.score import Floor, ScoreRecord

_CELL = 600
_ARROWS = {"lower": " ↓", "higher": " ↑", "target": ""}


def render_markdown(records: Mapping[str, ScoreRecord], *, full: bool = False) -> str:
    """Value with error, 95 % interval and floor by question: the headline, or with `full` all that have a value.

    >>> print(render_markdown({"kid": ScoreRecord("kid", "ok", 0.123, 0.045, (0.035, 0.211), 500)}), end="")
    | question | metric | value | 95 % interval | floor | n |
    |---|---|---|---|---|---|
    | How close are the two sets? | kid ↓ | 0.123 ± 0.045 | 0.035 to 0.211 |  | 500 |
    """
    groups = by_question(records) if full else headline(records)
    rows = [_row(question if first == 0 else "", r) for question, found in groups for first, r in enumerate(found)]
    head = "| question | metric | value | 95 % interval | floor | n |\n|---|---|---|---|---|---|\n"
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(question: str, record: ScoreRecord) -> tuple[str, ...]:
    ends = "" if record.interval is None else f"{record.interval[0]:.4g} to {record.interval[1]:.4g}"
    name = cell(record.name) + _ARROWS[record.better]
    return cell(question), name, _number(str(record)), ends, _floor(record.floor, record.n), str(record.n or "")


def _number(text: str) -> str:
    return text.replace("+-", "±").replace(">=", "≥")


def _floor(floor: Floor | None, n: int | None) -> str:
    """The floor, and its n where that is another one."""
    if floor is None:
        return ""
    return _number(render_value(floor.value, floor.se)) + (f" (n = {floor.n})" if floor.n and floor.n != n else "")


def one_line(text: str) -> str:
    """Control characters and line ends out: names and messages come from outside."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def clip(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8, cut at a character, with an ellipsis.

    >>> clip("abcdef", 6), clip("abcdefg", 6)
    ('abcdef', 'abc…')
    """
    data = text.encode(errors="backslashreplace")
    if len(data) <= limit:
        return data.decode()
    return data[: max(limit - 3, 0)].decode(errors="ignore") + "…"


def cell(text: str) -> str:
    """Untrusted text inside one table cell: no pipes, no tags, no mentions, no links."""
    safe = re.sub(r"([\\`*_\[\]|~])", r"\\\1", clip(one_line(text), _CELL))
    return safe.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "@\u200b")
