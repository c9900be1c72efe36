"""LaTeX that compiles without packages: escapes, numbers with errors, and one evaluation as a table."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from ganeval.records.headline import by_question, headline
from ganeval.records.numbers import render_value
from ganeval.records.score import ScoreRecord
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


def render_table(records: Mapping[str, ScoreRecord], caption: str, *, full: bool = False) -> str:
    """A `table` with caption of the headline by question, or with `full` of all that have a value."""
    rows: list[str] = []
    for question, found in by_question(records) if full else headline(records):
        rows.append(f"\\multicolumn{{4}}{{l}}{{\\textit{{{escaped(question)}}}}} \\\\")
        rows += [" & ".join(_row(record)) + " \\\\" for record in found]
    body = "\n".join(rows)
    said = escaped(f"{caption}. Values with standard errors and 95 % intervals; the floor is real against real.")
    return (
        f"\\begin{{table}}\n\\centering\n\\caption{{{said}}}\n\\begin{{tabular}}{{lrrr}}\n\\hline\n"
        f"metric & value & 95 \\% interval & floor \\\\\n\\hline\n{body}\n\\hline\n"
        "\\end{tabular}\n\\end{table}\n"
    )


def _row(record: ScoreRecord) -> tuple[str, ...]:
    ends = "" if record.interval is None else " to ".join(_power(f"{end:.4g}") for end in record.interval)
    floor = "" if record.floor is None else _with_error(record.floor.value, record.floor.se)
    bound = r"$\geq$ " if record.only_a_bound else ""
    return escaped(record.name) + ARROWS.get(record.better, ""), bound + number(record), ends, floor


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
    return _with_error(record.value, record.se)


def _with_error(value: float | None, se: float | None) -> str:
    parts = render_value(value, se).split(" +- ")
    return " $\\pm$ ".join(map(_power, parts))


def _power(shown: str) -> str:
    digits, _, exponent = shown.partition("e")
    digits = digits.replace("-", "$-$")
    return digits + (f"$\\times10^{{{int(exponent)}}}$" if exponent else "")
