"""Markdown for a pull-request comment: at most 64 KB (GitHub's limit is 65,536 characters), no pictures, no raw HTML.

The first line is a marker by which a bot finds and replaces its own comment. The same text, appended to
`$GITHUB_STEP_SUMMARY`, is the job summary of GitHub Actions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ganeval.gate.verdict import SYMBOL, RuleVerdict, Verdict
from ganeval.gate.writer import Writer, rows, shown
from ganeval.records.markdown import cell
from ganeval.records.scores import render_value

LIMIT = 64_000


def render(verdict: Verdict) -> str:
    parts = [
        _marker(verdict),
        _title(verdict),
        "",
        *_table(verdict),
        "",
        *_notes(verdict),
        "",
        *_others(verdict),
        _foot(verdict),
    ]
    lines: list[str] = []
    left = LIMIT - 200
    for line in parts:
        left -= len(line.encode()) + 1
        if left < 0:
            lines.append("\n… the rest is in verdict.json")
            break
        lines.append(line)
    return "\n".join(lines).rstrip() + "\n"


def _marker(verdict: Verdict) -> str:
    return f"<!-- ganeval:{re.sub(r'[^A-Za-z0-9_.]+', '-', verdict.name)[:100]} -->"


def _title(verdict: Verdict) -> str:
    return f"### {SYMBOL[verdict.verdict]} {verdict.verdict}: {cell(verdict.sentence)}"


def _table(verdict: Verdict) -> Iterator[str]:
    if not verdict.rules:
        return
    yield "| metric | baseline | now | loss (positive is worse) | 95 % interval | margin | n | verdict |"
    yield "|---|---|---|---|---|---|---|---|"
    for rule in rows(verdict):
        yield _row(rule)


def _row(rule: RuleVerdict) -> str:
    check = rule.headline
    arrow = {"lower": "↓", "higher": "↑"}.get(rule.better, "")
    cells = [
        f"{rule.metric} {arrow}",
        "",
        shown(rule),
        "",
        "",
        "",
        str(rule.n or ""),
        f"{SYMBOL[rule.verdict]} {rule.verdict}",
    ]
    if check is not None and check.delta is not None and check.interval is not None:
        limit = check.what if "difference" not in check.what else ""
        cells[1] = f"{limit} {check.base:.4g}".strip()
        cells[3] = f"{check.delta:.3g}{' (paired)' if check.paired else ''}"
        cells[4] = f"{check.interval[0]:.3g} to {check.interval[1]:.3g}"
        cells[5] = "" if limit or check.margin is None else f"{check.margin:.3g}"
    return "| " + " | ".join(cell(text) for text in cells) + " |"


def _notes(verdict: Verdict) -> Iterator[str]:
    for rule in rows(verdict):
        bad = [check for check in rule.checks if check.verdict not in ("ok", "improved")]
        for check in bad[:12]:
            yield f"- **{cell(rule.metric)}**, {cell(check.what)}: {cell(check.sentence)}"
        if len(bad) > 12:
            yield f"- **{cell(rule.metric)}**: {len(bad) - 12} more checks of this kind"
    for note in verdict.notes:
        yield f"- {cell(note)}"


def _others(verdict: Verdict) -> Iterator[str]:
    """Measured, read by no rule: shown, never judged."""
    read = {rule.metric.partition(".")[0] for rule in verdict.rules}
    found = [
        f"{cell(name)} {render_value(m['value'], m['se'])}"
        for name, m in verdict.metrics.items()
        if name not in read and m.get("value") is not None
    ]
    if found:
        yield f"Not judged: {', '.join(found)}"


def _foot(verdict: Verdict) -> str:
    s = verdict.settings
    return (
        f"\nFamily-wise alpha {s.get('alpha')} ({s.get('correction')}, {s.get('looks')} looks), scope "
        f"{s.get('scope')}, exit code {verdict.exit_code}."
    )


WRITER = Writer("markdown", render)
SUMMARY = Writer("summary", lambda verdict: "\n" + render(verdict), kind="append")
