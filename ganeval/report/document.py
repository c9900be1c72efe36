"""`report.json` and `scores.csv`: the numbers of the page for machines. Strict JSON, equal input gives equal bytes."""

from __future__ import annotations

import math
from typing import Any

from ganeval.records.privacy import discreet
from ganeval.records.scores import Evaluation, ScoreRecord
from ganeval.records.spreadsheet import COLUMNS, lines_of
from ganeval.records.spreadsheet import render_csv as table
from ganeval.report.charts import downsample
from ganeval.report.view import Page, RunView
from ganeval.runs.record import Curve

SCHEMA = "ganeval.report/1"
MAX_POINTS = 40_000  # of all curves together


def document_of(page: Page) -> dict[str, Any]:
    """The page as one JSON-ready value: every run with its evaluations, curves, verdict and problems."""
    curves = sum(len(run.record.curves) for run in page.runs)
    pixels = max(20, min(150, MAX_POINTS // (2 * max(1, curves))))
    return _discreet(
        {
            "schema": SCHEMA,
            "title": page.title,
            "created": created_of(page),
            "runs": [summary_of(run, pixels) for run in page.runs],
            "ignored": [{"path": _relative(page, path), "reason": reason} for path, reason in page.found.ignored],
            "problems": page.problems,
        }
    )


def _discreet(value: Any) -> Any:
    """The value with its texts as the page shows them: without addresses and folders. Names that are keys stay."""
    if isinstance(value, str):
        return discreet(value)
    if isinstance(value, dict):
        return {key: _discreet(item) for key, item in value.items()}
    return [_discreet(item) for item in value] if isinstance(value, (list, tuple)) else value


def created_of(page: Page) -> str:
    """The time of the newest evaluation or run: the page says what its data say, not when it was printed."""
    times = [e.created for run in page.readable for e in run.record.evaluations]
    return max(times or [run.record.created for run in page.readable] or [""])


def _relative(page: Page, path: Any) -> str:
    return path.relative_to(page.found.root).as_posix() if path != page.found.root else "."


def summary_of(run: RunView, pixels: int = 20) -> dict[str, Any]:
    """One run with everything that is said of it in words or numbers; curves of at most three points a pixel."""
    record = run.record
    return {
        "id": record.id,
        "name": record.name,
        "reader": record.reader,
        "created": record.created,
        "status": record.status,
        "step_unit": record.step_unit,
        "error": record.error,
        "notes": [*run.problems, *record.notes],
        "reading": {"word": run.story.word, "because": run.story.sentences, "limits": run.story.limits},
        "hints": [hint.text for hint in run.hints],
        "verdict": (run.verdict or {}).get("verdict"),
        "evaluations": [_evaluation(e) for e in record.evaluations],
        "curves": {tag: _curve(curve, pixels) for tag, curve in sorted(record.curves.items())},
    }


def _evaluation(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "step": evaluation.step,
        "created": evaluation.created,
        "protocol": evaluation.identity,
        "protocol_hash": evaluation.protocol_hash,
        "scores": {name: _score(record) for name, record in sorted(evaluation.scores.items())},
    }


def _score(record: ScoreRecord) -> dict[str, Any]:
    floor = record.floor
    return {
        "value": record.value,
        "se": record.se,
        "interval": record.interval,
        "n": record.n,
        "better": record.better,
        "perfect": record.perfect,
        "version": record.version,
        "status": record.status,
        "floor": None if floor is None else {"value": floor.value, "se": floor.se},
    }


def _curve(curve: Curve, pixels: int) -> dict[str, Any]:
    x, y = downsample(curve.steps, curve.values, pixels)
    values = [float(f"{v:.6g}") if math.isfinite(v) else None for v in y.tolist()]
    return {"logged": len(curve.values), "steps": x.tolist(), "values": values}


def render_csv(page: Page) -> str:
    """One line for each score of each evaluation. A text that a spreadsheet would take for a formula gets a quote."""
    lines = (
        (run.record.id, evaluation.step, *line)
        for run in page.readable
        for evaluation in run.record.evaluations
        for line in lines_of(evaluation.scores.values())
    )
    return table(("run", "step", *COLUMNS), lines)
