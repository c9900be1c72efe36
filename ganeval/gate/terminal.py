"""The verdict as plain text for a terminal, a log and a failing test."""

from __future__ import annotations

from ganeval.gate.verdict import SYMBOL, RuleVerdict, Verdict
from ganeval.gate.writer import rows, shown
from ganeval.records.markdown import one_line

HEADS = ("", "metric", "baseline", "now", "loss", "95 % interval", "margin", "n", "verdict")


def render(verdict: Verdict) -> str:
    """A table of the rules, worst first, then a sentence for each that is not green.

    >>> print(render(Verdict("cgan", "", "ok", 0, "No rule failed.")), end="")
    ganeval gate cgan: ok. No rule failed.
    """
    lines = _table([HEADS, *map(_row, rows(verdict))]) if verdict.rules else []
    for rule in rows(verdict):
        bad = [check for check in rule.checks if check.verdict not in ("ok", "improved")]
        lines += [f"{rule.metric}, {one_line(c.what)}: {c.verdict}: {one_line(c.sentence)}" for c in bad[:12]]
    lines += [f"note: {one_line(note)}" for note in verdict.notes]
    lines.append(f"ganeval gate {one_line(verdict.name)}: {verdict.verdict}. {one_line(verdict.sentence)}")
    return "\n".join(lines) + "\n"


def _row(rule: RuleVerdict) -> tuple[str, ...]:
    check = rule.headline
    start = (SYMBOL[rule.verdict], one_line(rule.metric))
    if check is None or check.delta is None:
        return (*start, "", shown(rule), "", "", "", str(rule.n or ""), rule.verdict)
    limit = check.what if "difference" not in check.what else ""
    bounds = "" if check.interval is None else f"{check.interval[0]:.3g} to {check.interval[1]:.3g}"
    margin = "" if limit or check.margin is None else f"{check.margin:.3g}"
    paired = " paired" if check.paired else ""
    return (
        *start,
        f"{limit} {check.base:.4g}".strip(),
        shown(rule),
        f"{check.delta:.3g}{paired}",
        bounds,
        margin,
        str(rule.n or ""),
        rule.verdict,
    )


def _table(cells: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
