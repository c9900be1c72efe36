"""On which line of a TOML file a key stands. `tomllib` does not tell, so the shortest beginning that has the key is
looked for.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

MOST_LINES = 5000
_Parsed = dict[str, Any] | None


def line_of(text: str, at: Sequence[str | int]) -> int | None:
    """The number, from 1, of the line with which `at` (keys and positions in lists) is there; None if it never is.

    >>> line_of("[gate]\\nalpha = 0.1\\n[[gate.rule]]\\nmetric = 'fid'", ("gate", "rule", 0, "metric"))
    4
    """
    lines = text.split("\n")
    if len(lines) > MOST_LINES or not _has(_parsed(lines), at):
        return None
    without, having = 0, len(lines)
    while having - without > 1:
        middle = (without + having) // 2
        length, found = _whole(lines, middle, without)
        without, having = (without, length) if _has(found, at) else (middle, having)
    return having


def _whole(lines: list[str], length: int, at_least: int) -> tuple[int, _Parsed]:
    """The longest beginning of at most `length` lines that does not end inside of a value."""
    for n in range(length, at_least, -1):
        found = _parsed(lines[:n])
        if found is not None:
            return n, found
    return at_least, None


def _parsed(lines: list[str]) -> _Parsed:
    try:
        return tomllib.loads("\n".join(lines))
    except (ValueError, RecursionError):
        return None


def _has(document: Any, at: Sequence[str | int]) -> bool:
    for step in at:
        try:
            document = document[step]
        except (KeyError, IndexError, TypeError):
            return False
    return bool(at)
