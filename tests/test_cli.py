"""The command line: exit codes, one-line errors, tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ganeval.cli import VERBS, main, report_main
from ganeval.commands import COMMANDS


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(verb in shown for verb in VERBS)
    assert set(COMMANDS) == set(VERBS)


def test_an_unknown_verb_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evalate"]) == 2
    assert "Did you mean 'evaluate'" in capsys.readouterr().err


def test_evaluate_prints_a_table_and_writes_the_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.json"
    words = ["evaluate", "--real", "digits:test", "--fake", "digits:train", "--classifier", "digits", "--n", "100"]
    assert main([*words, "--metrics", "fid", "precision", "--json", str(out)]) == 0
    assert "precision" in capsys.readouterr().out
    assert set(json.loads(out.read_text())["scores"]) == {"fid", "precision"}


def test_a_missing_folder_is_one_line_and_exit_code_five(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--real", "digits:test", "--fake", "nowhere", "--classifier", "digits"]) == 5
    captured = capsys.readouterr()
    assert captured.err.startswith("ganeval: There is no file or folder nowhere")
    assert captured.err.count("\n") == 1


def test_an_unknown_classifier_is_exit_code_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--real", "digits:test", "--fake", "digits:train", "--classifier", "hodda"]) == 2
    assert "Did you mean 'hoda'" in capsys.readouterr().err


def test_a_folder_without_runs_is_exit_code_six(tmp_path: Path) -> None:
    assert report_main([str(tmp_path), "--out", str(tmp_path / "r.html")]) == 6
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize("kind", ["metrics", "datasets", "classifiers", "extractors"])
def test_ls_names_what_is_registered(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", kind]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 1


def test_zoo_shows_a_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["zoo", "show", "digits"]) == 0
    assert "digits-cnn: 99." in capsys.readouterr().out


def test_a_gate_without_rules_is_wrong_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["gate", "runs/x"]) == 2
