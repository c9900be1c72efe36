"""From sample files to a paired verdict: what a run directory says about its latents is what the gate pairs on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ganeval.cli.main import main
from ganeval.gate.commands import GateOptions, gate
from ganeval.gate.verdict import Exit
from ganeval.images import image_set
from ganeval.measure.run_samples import evaluate_pending, survey
from ganeval.runs.directory import create_run
from ganeval.runs.readers.native import read_run
from ganeval.runs.readers.npz import latents_of

RULES = """
[gate]
baseline = "baselines/digits.json"
[[gate.rule]]
metric = "fid"
margin_rel = 0.5
[[gate.rule]]
metric = "classifier_score"
margin_abs = 0.2
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Path:
    (tmp_path / "ganeval.toml").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    return tmp_path


def evaluated(project: Path, name: str, images: np.ndarray, latents: str) -> Path:
    """A run whose images were all asked for in turn, ten of each of ten classes, evaluated as its run.json says."""
    protocol = {"real": "digits:test", "classifier": "digits"}
    run = create_run(project / "runs", name, config={}, seeds={"seed": 0}, protocol=protocol)
    run.write_samples(100, images, np.arange(len(images)) % 10, latents=latents)
    (waiting,) = survey((read_run(run.path),), ("the test", {"metrics": ["fid", "classifier_score"]})).waiting
    evaluate_pending(waiting)
    return run.path


def samples(noise: int = 0) -> np.ndarray:
    real = image_set("digits:train")
    assert real.labels is not None
    rows = np.stack([np.flatnonzero(real.labels == c)[:20] for c in range(10)], axis=1).ravel()
    images = real.take(rows).array()
    grain = np.random.default_rng(0).integers(0, noise + 1, images.shape)
    return np.clip(images.astype(np.int64) + grain, 0, 255).astype(np.uint8)


def test_two_runs_of_the_same_latents_are_compared_image_by_image(project: Path):
    before, after = evaluated(project, "a", samples(), "seed 0"), evaluated(project, "b", samples(3), "seed 0")
    assert gate(GateOptions(runs=(before,), update_baseline=True, reason="first", force=True)).exit_code == Exit.OK
    verdict = gate(GateOptions(runs=(after,))).verdict
    checks = {rule.metric: rule.checks[0] for rule in verdict.rules}
    assert {name: check.paired for name, check in checks.items()} == {"fid": True, "classifier_score": True}
    bounds, se = checks["fid"].interval, verdict.rules[0].se
    assert bounds is not None
    assert se is not None
    assert bounds[1] - bounds[0] < se  # unpaired it is above 4 se


@pytest.mark.parametrize(("latents", "why"), [("seed 1", "the latents differ"), ("", "are not recorded")])
def test_other_latents_or_none_are_compared_unpaired_and_the_verdict_says_so(project: Path, latents: str, why: str):
    before, after = evaluated(project, "a", samples(), "seed 0"), evaluated(project, "b", samples(3), latents)
    gate(GateOptions(runs=(before,), update_baseline=True, reason="first", force=True))
    check = gate(GateOptions(runs=(after,))).verdict.rules[0].checks[0]
    assert not check.paired
    assert why in check.sentence


def test_a_sample_file_names_its_latents_or_nothing(tmp_path: Path):
    images = np.zeros((2, 4, 4, 1), np.uint8)
    for name, arrays in {
        "named": {"latents": np.array("seed 3")},
        "unnamed": {},
        "number": {"latents": np.array(3)},
        "list": {"latents": np.array(["a", "b"])},
        "long": {"latents": np.array("x" * 100_000)},
        "object": {"latents": np.array({"a": 1}, dtype=object)},
    }.items():
        np.savez_compressed(tmp_path / f"{name}.npz", arr_0=images, **arrays)
    (tmp_path / "torn.npz").write_bytes((tmp_path / "named.npz").read_bytes()[:-30])
    found = {path.stem: latents_of(path) for path in tmp_path.iterdir()}
    assert found.pop("named") == "seed 3"
    assert set(found.values()) == {""}
    assert len(found) == 6


def test_a_link_that_leads_to_itself_is_nothing_and_said_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "loop").symlink_to("loop")
    assert main(["gate", "loop"]) == Exit.NOTHING
    assert "there is nothing at loop" in capsys.readouterr().out
