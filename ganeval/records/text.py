"""Numbers and foreign names as HTML. Names come from strangers' files: they are shown, never obeyed."""

from __future__ import annotations

import math
import unicodedata
from typing import Protocol

from markupsafe import Markup

from ganeval.records.numbers import render_value
from ganeval.records.privacy import discreet

# Two joiners are ordinary Persian spelling; every other format or control character is made visible.
_HARMLESS = frozenset("\u200c\u200d")
_CONTROL = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


class Measured(Protocol):
    """What has a value and an interval: a score, or its record."""

    @property
    def value(self) -> float | None: ...
    @property
    def se(self) -> float | None: ...
    @property
    def interval(self) -> tuple[float, float] | None: ...


MAX_TEXT = 10_000  # signs of one text that are looked at


def visible(text: str, limit: int = 200) -> str:
    """One line in which no character can hide or turn the direction of what follows, and no address stands.

    >>> visible("run\u202egnp.exe")
    'run<U+202E>gnp.exe'
    """
    text = discreet(text[:MAX_TEXT])
    start = text[:limit]
    shown = start if start.isascii() and start.isprintable() else "".join(map(_shown, start))
    return shown + "…" if len(text) > limit else shown


def _shown(character: str) -> str:
    if character in _HARMLESS or unicodedata.category(character) not in _CONTROL:
        return character
    return " " if character in "\t\n\r" else f"<U+{ord(character):04X}>"


def name(text: object, limit: int = 200) -> Markup:
    """A foreign name, or a sentence with one in it, as HTML: escaped, isolated, in its own direction
    (`<bdi dir="auto">`).
    """
    return Markup('<bdi dir="auto">{}</bdi>').format(visible(str(text), limit))


def number(value: float | None, se: float | None = None) -> Markup:
    """A number with its error for people, and at full length in `data-value` for sorting and tests."""
    if value is None or not math.isfinite(value):
        return Markup('<span class="none">none</span>')
    shown = " ± ".join(map(powers, render_value(value, se).split(" +- "))).replace(" ", "\u2009")
    return Markup('<span class="num" data-value="{}">{}</span>').format(repr(float(value)), shown)


_EXPONENT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def powers(shown: str) -> str:
    """
    >>> powers("1.667e+05"), powers("-2e-07"), powers("-0.5")
    ('1.667×10⁵', '−2×10⁻⁷', '−0.5')
    """
    digits, _, exponent = shown.replace("-", "−", 1 if shown.startswith("-") else 0).partition("e")
    return digits + (f"×10{str(int(exponent)).translate(_EXPONENT)}" if exponent else "")


def interval(record: Measured) -> Markup:
    """The 95 % interval with as many digits as the error supports."""
    if record.interval is None or record.value is None:
        return Markup('<span class="none">unknown</span>')
    low, high = record.interval
    decimals = _decimals(record.se or (high - low) / 4)
    shown = (f"{end:.{decimals}f}".replace("-", "−") for end in (low, high))
    return Markup('<span class="num">{} to {}</span>').format(*shown)


def change(delta: float, ends: tuple[float, float] | None) -> Markup:
    """A difference with its sign and as many digits as its error supports."""
    delta += 0.0  # no minus before a zero
    if ends is None:
        shown = ("+" if delta > 0 else "") + powers(f"{delta:.4g}")
    else:
        shown = _signed(delta, _decimals((ends[1] - ends[0]) / 4))
    return Markup('<span class="num" data-value="{}">{}</span>').format(repr(float(delta)), shown)


def ends(interval: tuple[float, float] | None) -> Markup:
    """The ends of the interval of a difference, signed."""
    if interval is None:
        return Markup('<span class="none">unknown</span>')
    decimals = _decimals((interval[1] - interval[0]) / 4)
    return Markup('<span class="num">{} to {}</span>').format(*(_signed(end, decimals) for end in interval))


def _signed(value: float, decimals: int) -> str:
    shown = f"{value:+.{decimals}f}".replace("-", "−")
    return shown if shown.strip("+−0.") else shown.lstrip("+−")


def _decimals(se: float | None) -> int:
    if se is None or not math.isfinite(se) or se <= 0:
        return 4
    return min(max(0, 1 - math.floor(math.log10(se))), 12)


def count(value: float | None) -> str:
    """A count or a step with narrow spaces that do not break: 102 352."""
    if value is None:
        return "unknown"
    return f"{value:,.0f}".replace(",", "\u202f") if float(value).is_integer() else f"{value:g}"


def percent(value: float | None, digits: int = 1) -> str:
    return "none" if value is None else f"{100 * value:.{digits}f} %"


ARROWS = {
    "lower": ("↓", "lower is better"),
    "higher": ("↑", "higher is better"),
    "target": ("◎", "closer is better"),
}


def arrow(better: str, *, words: bool = True) -> Markup:
    """The direction as a sign, with words for screen readers where a page's style hides them."""
    sign, said = ARROWS.get(better, ("", ""))
    if not words:
        return Markup('<abbr title="{}">{}</abbr>').format(said, sign)
    return Markup('<abbr class="arrow" title="{0}">{1}<span class="sr"> {0}</span></abbr>').format(said, sign)


def listed(words: list[str]) -> str:
    """a, b and c."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
