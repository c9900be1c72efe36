from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ganeval.errors import WrongInputError
from ganeval.gate.commands import GateOptions, gate
from ganeval.gate.rules import GateConfigError
from ganeval.gate.update import RefusedError
from ganeval.gate.verdict import Exit

TOML = """
[gate]
name = "cgan"
baseline = "baselines/cgan.json"
history = "history.jsonl"
max_n = 4000
[[gate.rule]]
metric = "fid"
margin_rel = 0.05
[[gate.rule]]
metric = "classifier_score"
margin_abs = 0.03
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Path:
    (tmp_path / "ganeval.toml").write_text(TOML)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    return tmp_path


def run_directory(root: Path, evaluation) -> Path:
    evaluation.write(root / "eval" / "step-000100" / "result.json")
    return root


def test_the_first_run_fails_and_leaves_a_candidate(project: Path, make_evaluation):
    outcome = gate(GateOptions(runs=(run_directory(project / "runs/1", make_evaluation()),)))
    assert outcome.exit_code == Exit.NO_BASELINE
    assert "There is no baseline at" in outcome.text
    assert "cgan.candidate.json was written" in outcome.text
    assert (project / "baselines/cgan.candidate.json").is_file()
    assert not (project / "baselines/cgan.json").exists()


def test_update_then_gate_then_regress(project: Path, make_evaluation):
    run = run_directory(project / "runs/1", make_evaluation())
    updated = gate(GateOptions(runs=(run,), update_baseline=True, reason="first"))
    assert updated.exit_code == Exit.OK
    assert "baseline cgan: new, reason: first" in updated.text
    assert gate(GateOptions(runs=(run,))).exit_code == Exit.OK
    worse = run_directory(project / "runs/2", make_evaluation(shift=0.5))
    outputs = {name: project / "out" / name for name in ("json", "junit", "markdown", "openmetrics")}
    red = gate(GateOptions(runs=(worse,), **outputs))
    assert red.exit_code == Exit.REGRESSED
    assert all(path.stat().st_size for path in outputs.values())
    assert json.loads(outputs["json"].read_text())["verdict"] == "regressed"
    history = [json.loads(line) for line in (project / "history.jsonl").read_text().splitlines()]
    assert [line["exit_code"] for line in history] == [0, 0, 1]
    refused = gate(GateOptions(runs=(worse,), update_baseline=True, reason="oops"))
    assert refused.exit_code == Exit.REGRESSED
    assert "--accept-regression" in refused.text
    accepted = gate(GateOptions(runs=(worse,), update_baseline=True, reason="trade", accept_regression=True))
    assert accepted.exit_code == Exit.OK
    assert json.loads((project / "baselines/cgan.json").read_text())["supersedes"].startswith("sha256:")


def test_an_update_in_ci_is_refused_before_anything_is_drawn(project: Path, monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(RefusedError, match="--allow-ci-update"):
        gate(
            GateOptions(update_baseline=True, reason="r", generator="a:b"), {"real": "c"}, make_sampler=lambda _: 1 / 0
        )


def test_a_generator_is_sampled_and_its_baseline_holds_every_size(project: Path, make_evaluation):
    drawn: list[int] = []

    def make_sampler(config):
        assert (config.generator, config.protocol.real) == ("pkg:f", "hoda:test")

        def sample(n):
            drawn.append(n)
            return make_evaluation(n=n)

        return sample

    options, said = GateOptions(generator="pkg:f"), {"real": "hoda:test", "n": 1000}
    first = gate(replace(options, update_baseline=True, reason="r"), said, make_sampler=make_sampler)
    assert first.exit_code == Exit.OK
    assert sorted(drawn) == [1000, 4000]
    again = gate(options, said, make_sampler=make_sampler)
    assert (again.exit_code, again.verdict.verdict) == (Exit.OK, "ok")


@pytest.mark.parametrize("error", [RuntimeError("CUDA out of memory"), WrongInputError("images are NaN")])
def test_a_generator_that_fails_at_a_larger_size_keeps_its_verdict_and_makes_no_baseline(
    project: Path, make_evaluation, error: Exception
):
    def make_sampler(_):
        def sample(n):
            if n > 1000:
                raise error
            return make_evaluation(n=n)

        return sample

    options = GateOptions(generator="pkg:f", update_baseline=True, reason="r")
    outcome = gate(options, {"real": "hoda:test", "n": 1000}, make_sampler=make_sampler)
    assert outcome.exit_code != Exit.OK
    assert "The generator failed while the baseline was measured: " in outcome.text
    assert str(error) in outcome.text
    assert [rule.metric for rule in outcome.verdict.rules] == ["fid", "classifier_score"]
    assert not (project / "baselines/cgan.json").exists()


@pytest.mark.parametrize("damage", ["truncated", "edited", "schema"])
def test_a_broken_baseline_is_red_with_its_sentence(project: Path, make_evaluation, damage: str):
    run = run_directory(project / "runs/1", make_evaluation())
    gate(GateOptions(runs=(run,), update_baseline=True, reason="r"))
    path = project / "baselines/cgan.json"
    text = path.read_text()
    path.write_text(
        {
            "truncated": text[:200],
            "edited": text.replace('"n": 2000', '"n": 2001'),
            "schema": text.replace("baseline/1", "baseline/2"),
        }[damage]
    )
    outcome = gate(GateOptions(runs=(run,)))
    assert outcome.exit_code == Exit.NO_BASELINE
    assert {"truncated": "Expected a JSON", "edited": "edited by hand", "schema": "schema"}[damage] in outcome.text
    assert not (project / "baselines/cgan.candidate.json").exists()


def test_a_generator_without_real_images_is_a_usage_error(project: Path):
    with pytest.raises(GateConfigError, match="--real"):
        gate(GateOptions(generator="a:b"))


def test_no_configuration_is_a_usage_error(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GateConfigError, match=r"no ganeval\.toml here or above"):
        gate(GateOptions())


def test_no_runs_are_never_green(project: Path):
    assert gate(GateOptions()).exit_code == Exit.NOTHING


def test_an_empty_or_missing_run_says_what_to_do(project: Path):
    (project / "empty").mkdir()
    for name, says in (("empty", "ganeval evaluate"), ("nowhere", "there is nothing at")):
        outcome = gate(GateOptions(runs=(project / name,), junit=project / "j.xml"))
        assert outcome.exit_code == Exit.NOTHING
        assert says in outcome.text
        assert says in (project / "j.xml").read_text()


def test_a_folder_of_runs_names_them(project: Path, make_evaluation, capsys):
    from ganeval.cli.main import main

    (project / "runs/notes").mkdir(parents=True)
    assert main(["gate", "runs"]) == Exit.NOTHING
    said = "".join(capsys.readouterr())
    assert "There is no run in runs" in said
    assert "Restore or delete" not in said
    for name in ("0001-a", "0002-b"):
        run_directory(project / "runs" / name, make_evaluation())
    (project / "runs/0003-c").mkdir()
    (project / "runs/0003-c/run.json").write_text("{}")
    assert main(["gate", "runs"]) == Exit.NOTHING
    said = "".join(capsys.readouterr())
    assert "runs is a folder of 3 runs" in said
    assert "0001-a, 0002-b, 0003-c" in said


def test_the_latest_evaluation_of_another_trainers_run_is_judged(project: Path, make_evaluation):
    for step, level in ((9, 1.0), (10, 2.0)):
        make_evaluation(level=level).write(project / f"them/.ganeval/eval/step-{step:06d}/result.json")
    found = gate(GateOptions(runs=(project / "them",))).verdict.metrics["fid"]["value"]
    assert 1.5 < found < 2.5


def test_a_run_that_is_not_evaluated_is_evaluated_by_the_caller(project: Path, make_evaluation):
    (project / "new").mkdir()
    outcome = gate(GateOptions(runs=(project / "new",)), evaluate_run=lambda path, config: make_evaluation())
    assert outcome.verdict.candidate["n"] == 2000


def test_on_github_the_commands_are_printed_and_the_summary_grows(project: Path, make_evaluation, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project / "summary.md"))
    monkeypatch.setenv("GITHUB_REF_NAME", "main")
    outcome = gate(GateOptions(runs=(run_directory(project / "runs/1", make_evaluation()),), github=True))
    assert "::error title=ganeval cgan%3A incomparable::" in outcome.text
    assert "### ≠ incomparable" in (project / "summary.md").read_text()
    assert outcome.verdict.candidate["branch"] == "main"


def test_reading_two_evaluations_and_deciding_loads_no_torch_and_is_fast(project: Path, make_evaluation):
    base = make_evaluation(n=10_000).write(project / "a" / "result.json")
    now = make_evaluation(n=10_000, seed=1).write(project / "b" / "result.json")
    code = (
        "import sys\nfrom pathlib import Path\nfrom ganeval.gate.commands import GateOptions, gate\n"
        f"outcome = gate(GateOptions(runs=(Path({str(now)!r}),), baseline=Path({str(base)!r})))\n"
        "assert 'torch' not in sys.modules and 'scipy' not in sys.modules, 'too heavy'\nprint(outcome.exit_code)\n"
    )
    assert min(_cpu_seconds(code) for _ in range(3)) <= 0.6


def _cpu_seconds(code: str) -> float:
    """Processor time, not wall time: other work on the machine must not fail a test."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
