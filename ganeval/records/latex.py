"""LaTeX that compiles without packages: escapes, numbers with errors, and one evaluation as a table."""

from __future__ import annotations

import unicodedata

from ganeval.records.score import ScoreRecord, render_value
from ganeval.records.text import visible

ARROWS = {"lower": r" $\downarrow$", "higher": r" $\uparrow$"}
_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    '"': r"{''}",
    "±": r"$\pm$",
    "−": "$-$",
    **{sign: "\\" + sign for sign in "{}$&#_%"},
}


def escaped(text: str) -> str:
    """Text as LaTeX prints it. What its plain fonts lack is written by its nearest Latin letters, else as a question
    mark.

    >>> escaped("a_b & 50 %"), escaped("ünï ۷")
    ('a\\\\_b \\\\& 50 \\\\%', 'uni 7')
    """
    return "".join(
        _ESCAPES.get(sign, sign if " " <= sign <= "~" else _latin(sign)) for sign in visible(text, len(text))
    )


def _latin(sign: str) -> str:
    digit = unicodedata.digit(sign, None)
    plain = "".join(part for part in unicodedata.normalize("NFKD", sign) if " " <= part <= "~" and part not in _ESCAPES)
    return str(digit) if digit is not None else plain or "?"


def number(record: ScoreRecord) -> str:
    """
    >>> number(ScoreRecord("fid", "ok", 12.345, 0.41)), number(ScoreRecord("kid", "ok", -2e-7))
    ('12.35 $\\\\pm$ 0.41', '$-$2$\\\\times10^{-7}$')
    """
    parts = render_value(record.value, record.se).split(" +- ")
    return " $\\pm$ ".join(map(_power, parts))


def _power(shown: str) -> str:
    digits, _, exponent = shown.partition("e")
    digits = digits.replace("-", "$-$")
    return digits + (f"$\\times10^{{{int(exponent)}}}$" if exponent else "")
