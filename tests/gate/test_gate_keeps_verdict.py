"""The verdict about a run lies in the run afterwards, where the report looks for it; about anything else it does
not.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ganeval.gate.commands import GateOptions, gate
from ganeval.report.pictures import Pictures
from ganeval.report.view import Page
from ganeval.runs.directory import RunDirectory, create_run
from ganeval.runs.discovery import find_runs

TOML = """
[gate]
name = "cgan"
[[gate.rule]]
metric = "fid"
max = 100.0
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_evaluation) -> RunDirectory:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ganeval.toml").write_text(TOML)
    made = create_run(tmp_path / "runs", "one", config={}, seeds={}, protocol={})
    made.write_evaluation(make_evaluation(), 100)
    return made


def test_the_report_shows_what_the_gate_said(run: RunDirectory) -> None:
    outcome = gate(GateOptions(runs=(run.path,)))
    view = Page(find_runs(run.path.parent), "", Pictures()).runs[0]
    assert view.verdict is not None
    assert view.problems == []
    assert view.verdict["verdict"] == outcome.verdict.verdict
    assert view.verdict["rules"][0]["metric"] == "fid"


def test_a_verdict_about_a_file_is_kept_nowhere(run: RunDirectory) -> None:
    gate(GateOptions(runs=(run.path / "eval" / "step-000100" / "result.json",)))
    assert not (run.path / "gate").exists()


def test_a_run_that_cannot_be_written_changes_no_verdict(run: RunDirectory) -> None:
    (run.path / "gate").write_text("in the way")
    outcome = gate(GateOptions(runs=(run.path,)))
    assert outcome.exit_code == 0
    assert "the report will not show this verdict" in outcome.text
