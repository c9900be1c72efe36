"""`history.jsonl`: one line for each gated evaluation, appended in one write; `ganeval trend` reads it.

A line stays below 4 KB, so that concurrent jobs that append to one file cannot tear each other's lines.
"""

from __future__ import annotations

from typing import Any

from ganeval.core.files import render_line, strict
from ganeval.gate.verdict import Verdict
from ganeval.gate.writer import Writer
from ganeval.records.markdown import clip

LIMIT = 4000


def render(verdict: Verdict) -> str:
    judged = [rule.metric for rule in verdict.rules]
    others = [name for name in verdict.metrics if name not in judged]
    metrics: dict[str, Any] = {}
    line = _line(verdict, metrics)
    for name in [*judged, *others]:  # those that rules read come first, should the line be full
        found = verdict.metrics.get(name)
        if found is None or found.get("value") is None:
            continue
        longer = _line(verdict, {**metrics, name: {key: found.get(key) for key in ("value", "se", "n", "better")}})
        if len(longer.encode()) <= LIMIT:
            metrics[name] = {key: found.get(key) for key in ("value", "se", "n", "better")}
            line = longer
    return line


def _line(verdict: Verdict, metrics: dict[str, Any]) -> str:
    candidate = verdict.candidate
    record = {
        "time": verdict.created,
        "name": clip(verdict.name, 200),
        "commit": candidate.get("commit"),
        "branch": clip(str(candidate.get("branch") or ""), 200),
        "step": candidate.get("step"),
        "protocol_hash": verdict.protocol_hash,
        "verdict": verdict.verdict,
        "exit_code": int(verdict.exit_code),
        "metrics": metrics,
    }
    return render_line(strict(record))


WRITER = Writer("history", render, kind="append")
