"""An update loses nothing and lets nothing in, whatever happens to the old baseline, the process or the tree."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from ganeval.gate.baseline import candidate_path, read_baseline, vector_files
from ganeval.gate.commands import GateOptions, gate
from ganeval.gate.lock import LockedError, locked
from ganeval.gate.verdict import Exit

TOML = """
[gate]
name = "cgan"
baseline = "baselines/cgan.json"
history = "history.jsonl"
[[gate.rule]]
metric = "fid"
margin_rel = 0.05
"""
CHILD = """
import os, signal, sys
from pathlib import Path
import ganeval.gate.baseline as baseline
from ganeval.gate.commands import GateOptions, gate
calls = 0
def deadly(name, module):
    real = getattr(module, name)
    def call(*arguments, **options):
        global calls
        calls += 1
        if calls == int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)
    setattr(module, name, call)
for name in ("open", "replace", "unlink", "fsync", "rename"):
    deadly(name, os)
runs = (Path(sys.argv[2]),)
code = gate(GateOptions(runs=runs, update_baseline=True, reason="r", accept_regression=True, force=True))
print(calls)
sys.exit(code.exit_code)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Path:
    (tmp_path / "ganeval.toml").write_text(TOML)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    return tmp_path


def update(run: Path, **flags):
    return gate(GateOptions(runs=(run,), update_baseline=True, reason="r", **flags))


@pytest.fixture
def two(project: Path, make_evaluation) -> tuple[Path, Path]:
    """A promise that holds, and a run that is worse."""
    good = make_evaluation().write(project / "good" / "result.json")
    bad = make_evaluation(shift=1.0, seed=1).write(project / "bad" / "result.json")
    assert update(good).exit_code == Exit.OK
    return good, bad


# Nothing gets in


@pytest.mark.parametrize(
    "damage", ["{", "", "[]", '{"schema": "ganeval.baseline/1"}', '{"schema": "x"}', "null", "\xff"]
)
def test_a_broken_baseline_lets_no_regression_in(project: Path, two, damage: str):
    path = project / "baselines/cgan.json"
    path.write_bytes(damage.encode("latin-1"))
    refused = update(two[1])
    assert refused.exit_code == Exit.NO_BASELINE
    assert "refused: " in refused.text
    assert "--accept-regression" in refused.text
    assert path.read_bytes() == damage.encode("latin-1")
    assert update(two[1], accept_regression=True).exit_code == Exit.OK
    assert read_baseline(path).reason == "r"


@pytest.mark.parametrize("action", ["warn", "pass", "fail"])
def test_what_does_not_compare_with_the_promise_does_not_replace_it_by_itself(
    project: Path, two, make_evaluation, action: str
):
    (project / "ganeval.toml").write_text(TOML.replace("[[", f'on_incomparable = "{action}"\n[[', 1))
    before = (project / "baselines/cgan.json").read_bytes()
    other = make_evaluation(shift=1.0, n=1000).write(project / "other" / "result.json")
    refused = update(other)
    assert refused.exit_code != Exit.OK
    assert "biased in n" in refused.text
    assert (project / "baselines/cgan.json").read_bytes() == before
    assert update(other, accept_regression=True).exit_code == Exit.OK


def test_a_missing_or_broken_anchor_does_not_hide_the_baseline(project: Path, two):
    (project / "ganeval.toml").write_text(TOML.replace("history", 'anchor = "a.json"\nhistory', 1))
    for _ in range(2):
        assert update(two[1]).exit_code == Exit.NO_BASELINE
        assert not candidate_path(project / "baselines/cgan.json").exists()
        (project / "a.json").write_text("{")


def test_a_rule_about_what_was_never_promised_needs_no_flag(project: Path, two):
    (project / "ganeval.toml").write_text(TOML + '[[gate.rule]]\nmetric = "classifier_score"\nmargin_abs = 0.1\n')
    path = project / "baselines/cgan.json"
    found = read_baseline(path)
    look = replace(found.last, entries={"fid": found.last.entries["fid"]})
    from ganeval.gate.baseline import write_baseline

    write_baseline(replace(found, looks=(look,)), path)
    assert update(two[0]).exit_code == Exit.OK


def test_two_runs_make_no_baseline_of_one_of_them(project: Path, two):
    from ganeval.gate.rules import GateConfigError

    before = (project / "baselines/cgan.json").read_bytes()
    for flags in ({}, {"update_baseline": True, "reason": "r"}):
        with pytest.raises(GateConfigError, match="2 runs were named"):
            gate(GateOptions(runs=two, **flags))
        with pytest.raises(GateConfigError, match="named twice"):
            gate(GateOptions(runs=(two[0], two[0]), scope="recipe", **flags))
    assert (project / "baselines/cgan.json").read_bytes() == before


def test_a_successful_update_is_ok_in_words_and_files(project: Path, make_evaluation):
    run = make_evaluation().write(project / "good" / "result.json")
    outcome = gate(GateOptions(runs=(run,), update_baseline=True, reason="r", markdown=project / "v.md"))
    assert (outcome.verdict.verdict, outcome.exit_code) == ("ok", Exit.OK)
    for text in (outcome.text, (project / "v.md").read_text()):
        assert "incomparable" not in text
        assert "no baseline" not in text
        assert "is the new promise" in outcome.verdict.rules[0].sentence


def test_an_accepted_regression_is_still_called_one(project: Path, two):
    outcome = update(two[1], accept_regression=True)
    assert (outcome.verdict.verdict, outcome.exit_code) == ("regressed", Exit.OK)


# The tree


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_gates_own_history_does_not_make_the_tree_dirty(project: Path, make_evaluation):
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True, capture_output=True
        )

    run = make_evaluation().write(project / "good" / "result.json")
    git("init", "-q")
    (project / "code.py").write_text("1")
    assert update(run, force=True).exit_code == Exit.OK
    git("add", ".")
    git("commit", "-qm", "all")
    assert gate(GateOptions(runs=(run,))).exit_code == Exit.OK
    found = update(run)
    assert found.exit_code == Exit.OK
    assert read_baseline(project / "baselines/cgan.json").source["dirty"] is False
    git("add", ".")
    git("commit", "-qm", "again")
    (project / "code.py").write_text("2")
    from ganeval.gate.update import RefusedError

    with pytest.raises(RefusedError, match="uncommitted changes"):
        update(run)


# Nothing is lost


def test_a_kill_at_any_moment_leaves_a_whole_baseline(project: Path, two, forks):
    """The child dies at its first, second, ... call that opens, replaces or removes a file, until it survives."""
    path = project / "baselines/cgan.json"
    script = project / "child.py"
    script.write_text(CHILD)
    kept = {file: file.read_bytes() for file in path.parent.iterdir()}
    values = {read_baseline(path).last.entries["fid"].value, json.loads(two[1].read_text())["scores"]["fid"]["value"]}
    seen = set()
    for deadly in range(1, 200):
        code = forks.start([sys.executable, str(script), str(deadly), str(two[1])]).wait(60)
        assert code in (0, -signal.SIGKILL)
        found = read_baseline(path)
        seen.add(found.last.entries["fid"].value)
        assert found.last.per_sample["fid.influence"].shape == (2000,)
        assert not found.note
        if code == 0:
            break
        for file in path.parent.iterdir():
            if file.is_dir():  # a file in the making
                shutil.rmtree(file)
            elif file not in kept:
                file.unlink()
        for file, content in kept.items():
            file.write_bytes(content)
    else:
        pytest.fail("the child never survived")
    assert deadly > 6
    assert seen == values
    assert set(path.parent.iterdir()) == {path, *vector_files(path)}
    assert len(vector_files(path)) == 1


def test_what_a_killed_update_leaves_is_taken_away_by_the_next(project: Path, two):
    path = project / "baselines/cgan.json"
    beside = vector_files(path)[0]
    for name in (
        f".{path.name}.abc.part",
        f".{beside.name}.x_1.part",
        "cgan.samples-0123456789abcdef.safetensors",
        "cgan.samples.safetensors",
        f".{path.name}.lock",
    ):
        (path.parent / name).write_bytes(b"left")
    others = [path.parent / name for name in (".cgan.b.json.abc.part", "cgan.b.samples.safetensors", ".other.part")]
    for other in others:
        other.write_bytes(b"of another baseline")
    assert update(two[0]).exit_code == Exit.OK
    assert set(path.parent.iterdir()) == {path, *vector_files(path), *others}


def test_two_updates_at_once_leave_one_of_both_whole(project: Path, two):
    path = project / "baselines/cgan.json"
    code = textwrap.dedent("""
        import sys
        from pathlib import Path
        from ganeval.gate.baseline import Baseline, write_baseline
        from ganeval.records.scores import Evaluation
        found = Baseline.of([Evaluation.read(sys.argv[1], per_sample=True)], name="cgan")
        print("ready", flush=True)
        sys.stdin.readline()
        for _ in range(25):
            write_baseline(found, Path(sys.argv[2]))
    """)
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(run), str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for run in two
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"\n")
        child.stdin.flush()
    assert [child.communicate(timeout=60) and child.returncode for child in children] == [0, 0]
    assert not read_baseline(path).note
    assert set(path.parent.iterdir()) == {path, *vector_files(path)}
    assert len(vector_files(path)) == 1


def test_a_baseline_that_changed_meanwhile_is_not_overwritten(project: Path, two, make_evaluation):
    from ganeval.gate.rules import load_config
    from ganeval.gate.update import RefusedError, Update, update_baseline

    path, config = project / "baselines/cgan.json", load_config(project / "ganeval.toml")
    old = read_baseline(path)
    update(two[1], accept_regression=True)
    with pytest.raises(RefusedError, match="was changed while"):
        update_baseline(path, [make_evaluation()], config, Update(reason="late"), old)


def test_a_dead_owner_loses_the_lock_and_a_living_one_keeps_it(tmp_path: Path):
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom ganeval.gate.lock import locked\n"
        f"with locked(Path({str(tmp_path / 'a.json')!r})):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    with pytest.raises(LockedError, match=r"Another process is writing a\.json"), locked(tmp_path / "a.json", 0.1):
        pass
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    with locked(tmp_path / "a.json", 0.1):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_the_old_baseline(project: Path, two, monkeypatch):
    path = project / "baselines/cgan.json"
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    for survivors in range(2):
        left = [survivors]

        def full(_, left=left, real=os.fsync):
            if not left[0]:
                raise OSError(28, "No space left on device")
            left[0] -= 1

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            assert update(two[1], accept_regression=True).exit_code == Exit.ERROR
        assert not read_baseline(path).note
        assert {name: (path.parent / name).read_bytes() for name in before} == before
