"""`--base-ref`: the promise of the branch that a change goes to, read from git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ganeval.errors import BrokenRunError
from ganeval.gate import git_ref
from ganeval.gate.commands import GateOptions, gate
from ganeval.gate.rules import GateConfigError
from ganeval.gate.verdict import Exit

TOML = """
[gate]
name = "cgan"
baseline = "baselines/cgan.json"
[[gate.rule]]
metric = "fid"
margin_rel = 0.05
"""


def git(*arguments: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *who, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path, monkeypatch, make_evaluation) -> Path:
    """main promises a good generator; the branch checked out has lowered the promise in the working tree."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "ganeval.toml").write_text(TOML)
    git("init", "-q", "-b", "main")
    write_baseline_of(make_evaluation())
    git("add", "ganeval.toml", "baselines")
    git("commit", "-q", "-m", "promise")
    git("checkout", "-q", "-b", "topic")
    write_baseline_of(make_evaluation(shift=0.5))
    return tmp_path


def write_baseline_of(evaluation) -> None:
    path = evaluation.write(Path("runs/base/result.json"))
    options = GateOptions(runs=(path,), update_baseline=True, reason="r", force=True, accept_regression=True)
    assert gate(options).exit_code == Exit.OK


def candidate(make_evaluation, **changes) -> Path:
    return make_evaluation(**changes).write(Path("runs/now/result.json"))


def test_a_change_is_judged_by_the_promise_of_the_branch_it_goes_to(project, make_evaluation):
    worse = candidate(make_evaluation, shift=0.5)
    assert gate(GateOptions(runs=(worse,))).exit_code == Exit.OK
    outcome = gate(GateOptions(runs=(worse,), base_ref="main"))
    assert outcome.exit_code == Exit.REGRESSED
    assert outcome.verdict.rules[0].checks[0].paired  # its per-image values come from there, too


def test_a_commit_and_a_tag_will_do(project, make_evaluation):
    git("tag", "release-1", "main")
    for ref in ("release-1", git("rev-parse", "main"), "main~0"):
        assert git_ref.baseline_at(ref, project / "baselines/cgan.json").source["at"] == git("rev-parse", "main")


def test_a_branch_without_the_baseline_fails_and_says_so(project, make_evaluation):
    outcome = gate(
        GateOptions(runs=(candidate(make_evaluation),), base_ref="main", baseline=Path("baselines/new.json"))
    )
    assert outcome.exit_code == Exit.NO_BASELINE
    assert "There is no baseline baselines/new.json at main." in outcome.text


def test_a_damaged_baseline_is_named_by_its_ref(project, make_evaluation):
    path = project / "baselines/cgan.json"
    path.write_text(path.read_text().replace('"n": 2000', '"n": 2001'))
    git("commit", "-q", "-a", "-m", "edited")
    outcome = gate(GateOptions(runs=(candidate(make_evaluation),), base_ref="topic"))
    assert outcome.exit_code == Exit.NO_BASELINE
    assert "topic/cgan.json was edited by hand" in outcome.text


@pytest.mark.parametrize("ref", ["--output=x", "-n1", "main..topic", "main:ganeval.toml", "a b", "", "@{u}", "x" * 300])
def test_what_is_no_name_of_a_commit_never_reaches_git(project, ref, monkeypatch):
    asked: list[list[str]] = []
    real = git_ref._git
    monkeypatch.setattr(git_ref, "_git", lambda arguments, folder: asked.append(arguments) or real(arguments, folder))
    with pytest.raises(GateConfigError, match="must name a branch"):
        git_ref.baseline_at(ref, project / "baselines/cgan.json")
    assert asked == [["rev-parse", "--show-toplevel"]]


def test_a_ref_that_was_not_fetched_says_how(project):
    with pytest.raises(GateConfigError, match="fetch-depth: 0"):
        git_ref.baseline_at("origin/main", project / "baselines/cgan.json")


def test_a_path_outside_of_the_repository_is_refused(project, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "b.json"
    with pytest.raises(GateConfigError, match=r"--base-ref needs a git repository|lies outside"):
        git_ref.baseline_at("main", outside)


def test_a_file_too_large_for_a_baseline_is_not_read(project, monkeypatch):
    monkeypatch.setattr(git_ref, "MAX_JSON_BYTES", 10)
    with pytest.raises(BrokenRunError, match="larger than"):
        git_ref.baseline_at("main", project / "baselines/cgan.json")


def test_an_update_reads_no_other_branch(project, make_evaluation):
    with pytest.raises(GateConfigError, match="take one"):
        gate(GateOptions(runs=(candidate(make_evaluation),), base_ref="main", update_baseline=True, reason="r"))
