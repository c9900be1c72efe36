"""The benchmark of the report runs the report that people run, and promises five seconds for fifty runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import report
from ganeval.runs.directory import create_run


def test_it_is_found_and_its_limit_is_for_fifty_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(report, "copies", lambda n, steps: asked.append(n) or Path("runs"))
    assert "report" in command.names()
    assert next(report.contests()).limits == {"ganeval": 5.0}
    assert next(report.contests(60)).limits == {}
    assert asked == [50, 2]


def test_the_process_writes_a_page_and_loads_no_torch(tmp_path: Path) -> None:
    create_run(tmp_path / "runs", "one", config={}, seeds={}, protocol={})
    out, said = report.run_report(tmp_path / "runs")
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "torch False" in said
