"""Words of the page alone; numbers, names and their escapes are those of `ganeval.records.text`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ganeval.core.wording import plural
from ganeval.records.text import arrow, count, interval, name, percent, powers, visible


def duration(seconds: float | None) -> str:
    """A time as people say it; a dash where none is known.

    >>> duration(0.04), duration(12.3), duration(754), duration(7200), duration(None)
    ('0.04 s', '12 s', '12.6 min', '2.0 h', '–')
    """
    if seconds is None:
        return "–"
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def chance(p: float) -> str:
    """A probability with two digits; below one in a million the exact power of ten says nothing to a reader.

    >>> chance(0.0312), chance(1.7e-46)
    ('0.031', 'less than 10⁻⁶')
    """
    return "less than 10⁻⁶" if p < 1e-6 else powers(f"{p:.2g}")


def signs(sentence: object) -> str:
    """A sentence of the terminal as it is printed: arrows, plus-minus and minus signs.

    >>> signs("1.6 -> 26.5, loss 24.9 +- 0.25, 95 % [-0.1, 2]")
    '1.6 → 26.5, loss 24.9 ± 0.25, 95 % [−0.1, 2]'
    """
    text = str(sentence).replace(" -> ", " → ").replace(" +- ", " ± ")
    return re.sub(r"(?<![\w.])-(?=\d)", "−", text)


def flat(mapping: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as sorted (dotted key, value) lines for a table."""
    lines: list[tuple[str, str]] = []
    for key in sorted(mapping, key=str):
        value = mapping[key]
        if isinstance(value, Mapping) and value:
            lines += flat(value, f"{prefix}{key}.")
        else:
            lines.append((f"{prefix}{key}", _value(value)))
    return lines


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)


FILTERS = {
    "name": name,
    "visible": visible,
    "percent": percent,
    "count": count,
    "arrow": arrow,
    "plural": plural,
    "interval": interval,
    "chance": chance,
    "duration": duration,
    "signs": signs,
}
