"""`ganeval init` writes rules, a baseline and a CI file that judge at once; what it cannot find out is an error."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.reliability.records import evaluation
from ganeval.cli.main import main
from ganeval.gate.rules import load_config
from ganeval.gate.setup import rules_for
from ganeval.records.score import ScoreRecord
from ganeval.runs.directory import create_run

END = "-- the end --"
SAMPLING = """
import numpy as np, torch
from ganeval.images import image_set
def sample(n, labels, rng):
    digits = image_set("digits:train")
    rows = [np.flatnonzero(digits.labels == int(label)) for label in labels]
    chosen = [one[torch.randint(len(one), (1,), generator=rng).item()] for one in rows]
    return digits.array()[chosen]
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def left_by_a_training(name: str = "cgan", value: float = 3.0) -> Path:
    run = create_run(Path("runs"), name, config={}, seeds={}, protocol={})
    run.write_evaluation(evaluation(1, value), 3)
    return run.path


def files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and "runs" not in p.parts)


def test_the_one_evaluated_run_is_found_and_later_ones_are_judged(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left_by_a_training()
    assert main(["init"]) == 0
    assert "it judges runs/0001-cgan" in capsys.readouterr().out
    assert [name for name in files(here) if "safetensors" not in name] == [
        ".github/workflows/ganeval.yml",
        "baselines/0001-cgan.json",
        "ganeval.toml",
    ]
    same, worse = (left_by_a_training("later", value) for value in (3.0, 9.0))
    assert [main(["gate", str(run)]) for run in (same, worse)] == [0, 1]


def test_a_generator_is_measured_and_is_what_ci_judges(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [str(here), *sys.path])
    (here / "own_sampling.py").write_text(SAMPLING)
    words = ["--generator", "own_sampling:sample", "--real", "digits:test", "--classifier", "digits", "--n", "100"]
    assert main(["init", *words, "--name", "digits", "--ci", "gitlab"]) == 0
    assert "ganeval gate --junit" in (here / ".gitlab-ci.yml").read_text()
    config = load_config(here / "ganeval.toml")
    assert (config.generator, config.protocol.real, config.protocol.n) == ("own_sampling:sample", "digits:test", 100)
    assert [rule.metric for rule in config.rules] == ["fid", "precision", "classifier_score", "missing_classes"]


def test_nothing_is_overwritten_without_being_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    left_by_a_training()
    (here / "ganeval.toml").write_text("mine")
    assert main(["init"]) == 2
    assert "ganeval.toml is there already and was left as it is. --force overwrites it." in capsys.readouterr().err
    assert (here / "ganeval.toml").read_text() == "mine"
    assert main(["init", "--force"]) == 0
    assert "[[gate.rule]]" in (here / "ganeval.toml").read_text()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 5, "Name a run or a result file, or pass --generator"),
        (["--generator", "os:getcwd"], 2, "Pass --real"),
        (["nowhere.json"], 5, "there is nothing at nowhere.json"),
        (["nowhere.json", "--generator", "os:getcwd"], 2, "not both"),
        (["--generator", "os:getcwd", "--real", "digits:test", "--name", "../x"], 2, "Pass another --name"),
        (["--generator", "os:getcwd", "--real", "digits:test", "--name", "x; rm"], 2, "letters, digits"),
        (["--generator", "os:nowhere", "--real", "digits:test"], 2, "os:nowhere"),
    ],
)
def test_what_cannot_be_found_out_is_an_error_that_leaves_nothing(
    here: Path, words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", *words]) == code
    assert said in capsys.readouterr().err
    assert files(here) == []


def test_of_several_runs_one_must_be_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    left_by_a_training("a")
    second = left_by_a_training("b")
    assert main(["init"]) == 2
    assert "There are 2 evaluated runs here; name the one to start from" in capsys.readouterr().err
    assert main(["init", str(second)]) == 0


def test_a_limit_that_is_broken_already_is_no_first_rule() -> None:
    scores = {"missing_classes": ScoreRecord("missing_classes", "ok", 2.0), "fid": ScoreRecord("fid", "ok", 5.0)}
    assert [line["metric"] for line in rules_for(replace(evaluation(0, 3.0), scores=scores))] == ["fid"]


def at_a_terminal(typed: str | bytes, *words: str, ci: str = "false") -> tuple[int, str]:
    """The exit code of `ganeval init` at a real terminal, and what stands on its screen; `typed` is typed there."""
    pty = pytest.importorskip("pty", reason="Windows has no pseudo terminals")
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode() if isinstance(typed, str) else typed)
    with pytest.MonkeyPatch.context() as patch, os.fdopen(os.dup(theirs)) as stdin, os.fdopen(theirs, "w") as stderr:
        for name, thing in (("stdin", stdin), ("stderr", stderr)):
            patch.setattr(sys, name, thing)
        patch.setenv("CI", ci)
        code = main(["init", *words])
        stderr.write(END)
        stderr.flush()
        screen = b""
        while not screen.endswith(END.encode()):
            screen += os.read(ours, 100_000)
    os.close(ours)
    return code, screen.decode(errors="replace").removesuffix(END)


@pytest.mark.parametrize("typed", ["2\n", "runs/0002-b\n", "  2  \n"])
def test_at_a_terminal_one_of_several_runs_is_asked_for(here: Path, typed: str) -> None:
    left_by_a_training("a")
    left_by_a_training("b", 4.0)
    code, screen = at_a_terminal(typed)
    assert code == 0
    assert "  1  runs/0001-a\r\n  2  runs/0002-b\r\n" in screen
    assert "baselines/0002-b.json" in files(here)


def test_where_one_run_lies_nothing_is_asked(here: Path) -> None:
    left_by_a_training()
    assert at_a_terminal("") == (0, "")


def test_at_a_terminal_a_generator_and_its_reference_are_asked_for_and_the_classifier_is_found(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", [str(here), *sys.path])
    (here / "typed_sampling.py").write_text(SAMPLING)
    code, screen = at_a_terminal("typed_sampling:sample\ndigits:test\n", "--n", "100")
    assert code == 0, screen
    config = load_config(here / "ganeval.toml")
    assert (config.generator, config.protocol.real, config.protocol.classifier) == (
        "typed_sampling:sample",
        "digits:test",
        "digits",
    )


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        ("\n", 5, "Name a run or a result file, or pass --generator"),
        ("\x04", 5, "Name a run or a result file, or pass --generator"),
        ("nowhere.json\n", 5, "there is nothing at nowhere.json"),
        ("os:getcwd\n\n", 2, "Pass --real"),
        ("os:getcwd\nnowhere/\n", 5, "nowhere"),
        ("\x1b[A; rm -rf\n", 2, "letters, digits"),
        (b"gr\xc3\n", 2, "letters, digits"),
    ],
)
def test_an_answer_that_helps_nobody_ends_like_a_flag_that_does(
    here: Path, typed: str | bytes, code: int, said: str
) -> None:
    ended, screen = at_a_terminal(typed)
    assert said in screen
    assert ended == code
    assert files(here) == []


@pytest.mark.parametrize(("typed", "said"), [("3\n", "nothing at 3"), ("0\n", "nothing at 0"), ("\n", "name the one")])
def test_a_number_that_stands_for_no_run_is_refused(here: Path, typed: str, said: str) -> None:
    left_by_a_training("a")
    left_by_a_training("b")
    code, screen = at_a_terminal(typed)
    assert said in screen
    assert code in (2, 5)


def test_a_job_of_ci_is_never_asked(here: Path) -> None:
    left_by_a_training("a")
    left_by_a_training("b")
    code, screen = at_a_terminal("2\n", ci="true")
    assert code == 2
    assert "Number or name" not in screen
