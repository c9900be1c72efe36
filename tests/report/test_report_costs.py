"""What a run cost is said where somebody has noted it, and nowhere else."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path

from ganeval.report import build_report
from ganeval.runs.directory import RunDirectory
from ganeval.runs.discovery import find_runs


def _section(root: Path) -> str:
    page = build_report(find_runs(root), out=root.parent / "r.html").path.read_text()
    found = page[page.index('<section id="costs"') :].split("</section>")[0] if '<section id="costs"' in page else ""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found)))


def test_training_and_evaluation_are_told_apart(new_run: Callable[..., RunDirectory], tmp_path: Path) -> None:
    run = new_run(tmp_path / "runs", "timed", names=("a", "b"), steps=(100,), evaluated=(100,))
    for step in (100, 200):
        run.log(step, {"cpu_seconds": 1.5 * step, "images": 64 * step})
    said = _section(tmp_path / "runs")
    assert re.search(r"timed 5\.0 min 12\s?800 43 .*3\.2 s 1\s?000 cpu", said)
    assert re.search(r"recall 1\.5 s, fid 0\.4 s", said)


def test_what_nobody_has_noted_is_not_shown(new_run: Callable[..., RunDirectory], tmp_path: Path) -> None:
    new_run(tmp_path / "runs", "bare", names=("a", "b"), steps=(100,), evaluated=())
    assert _section(tmp_path / "runs") == ""
