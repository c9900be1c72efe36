"""docs/example-report.html: the page of `ganeval demo`, a healthy and a collapsed generator of 8x8 digits.

Equal runs give equal bytes: what a clock says, when and how long, is taken out of a copy of the runs first. The digits
are scikit-learn's (UCI, CC BY 4.0), so the page may show real ones.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganeval.cli.demo import run_demo
from ganeval.core.files import write_json
from ganeval.errors import GanevalError
from ganeval.report import build_report
from ganeval.runs.discovery import find_runs
from studies.page import DOCS

LIMIT = 3 * 2**20
DAY = "2026-01-01T00:00:00+00:00"
CLOCKED = ("cpu_seconds", "seconds", "metric_seconds", "time", "started", "git")


def main(*, runs: Path | None = None, out: Path = DOCS) -> Path:
    """Write `out/example-report.html`.

    Args:
        runs: what the demo has left; by default it is run now (a minute or two on two quiet cores).
        out: folder of the page.
    """
    page = out / "example-report.html"
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "runs"
        if runs:
            shutil.copytree(runs, copy)
        else:
            run_demo(copy, Path(scratch) / "report.html", say=print)
        for run in sorted(copy.iterdir()):
            without_clock(run)
        result = build_report(find_runs(copy), out=page, title="ganeval: a healthy and a collapsed generator")
    if result.size > LIMIT:
        raise GanevalError(f"{page} has {result.size:,} bytes; at most {LIMIT:,} were promised.")
    return page


def without_clock(run: Path) -> None:
    """Take out of a run's files what differs between two trainings that computed the same."""
    for path in (run / "run.json", *run.glob("eval/*/result.json")):
        rewrite(path, lambda document: {**_calm(document), "created": DAY})
    events = run / "events.jsonl"
    lines = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
    kept = [{**line, "time": 0} for line in lines if line.get("tag") not in CLOCKED]
    events.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")


def _calm(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _calm(item) for key, item in value.items() if key not in CLOCKED}
    return [_calm(item) for item in value] if isinstance(value, list) else value


def rewrite(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    write_json(path, change(json.loads(path.read_text(encoding="utf-8"))))
