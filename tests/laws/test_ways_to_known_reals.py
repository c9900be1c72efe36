"""Real images that are known by what is left of them: kept rows, parts, statistics, published moments.

Every way in takes them, with one number and one signature, and refuses what another network made.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ganeval import Protocol, evaluate, extract, fid, image_set, measure
from ganeval.cli.main import main
from ganeval.core.compute import Compute
from ganeval.errors import GanevalError
from ganeval.features.statistics import Statistics
from ganeval.integrations.watch import Watch
from ganeval.measure.embedding import embed
from ganeval.measure.generators import measuring, sampler
from ganeval.records.scores import Evaluation
from ganeval.runs.directory import create_run

N = 60
CPU = Compute(device="cpu")
FAKE = image_set("digits:test", n=N).array()
KINDS = ("rows.safetensors", "parts", "statistics.safetensors", "moments.npz")
Found = tuple[float | None, str]  # the number and its signature
UNSAID = ""  # a baseline keeps what is in a signature part by part


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is left of 300 digits, and a run that holds generated images."""
    folder, images = tmp_path_factory.mktemp("known"), image_set("digits:train", n=300)
    seen = extract(images, "digits", cache=False)
    known = Statistics.of(seen)
    covariance = known.gaussian.covariance.matrix
    assert covariance is not None
    seen.save(folder / "rows.safetensors")
    known.save(folder / "statistics.safetensors")
    embed(images, Protocol(classifier="digits"), CPU, out=folder / "parts")
    np.savez(folder / "moments.npz", mu=known.gaussian.mean.numpy(), sigma=covariance.numpy())
    np.savez(folder / "fake.npz", FAKE.transpose(0, 2, 3, 1))
    made = create_run(folder / "runs", "known", config={}, seeds={}, protocol={})
    made.write_samples(1, FAKE, None)
    made.update(status="done")
    return folder


def draw(n: int, labels: object, rng: torch.Generator) -> np.ndarray:
    return FAKE[:n]


def how(real: str) -> Protocol:
    return Protocol(real=real, classifier="digits", labels="none", metrics=("fid",), floor=False)


def found_in(evaluation: Evaluation) -> Found:
    record = evaluation["fid"]
    return record.value, record.signature.replace("|drawn:seed 0, labels none", "")


def by_the_command_line(real: str) -> Found:
    words = ["evaluate", "--real", real, "--fake", "fake.npz", "--classifier", "digits", "--metrics", "fid"]
    assert main([*words, "--no-floor", "--device", "cpu", "--json", "result.json"]) == 0
    return found_in(Evaluation.read(Path("result.json")))


def by_the_report(real: str) -> Found:
    words = ["report", "runs", "--out", "page.html", "--real", real, "--classifier", "digits", "--metrics", "fid"]
    assert main([*words, "--device", "cpu"]) == 0
    (result,) = Path("runs").glob("*/eval/step-000001/result.json")
    found = found_in(Evaluation.read(result))
    result.unlink()
    return found


def by_the_gate(real: str) -> Found:
    lines = ["[gate]", 'baseline = "base.json"', f'real = "{real}"', 'classifier = "digits"']
    Path("ganeval.toml").write_text("\n".join([*lines, "[[gate.rule]]", 'metric = "fid"', "max = 99"]))
    (run,) = Path("runs").iterdir()
    words = ["gate", str(run), "--update-baseline", "--reason", "first", "--force", "--device", "cpu"]
    assert main(words) == 0
    return json.loads(Path("base.json").read_text())["metrics"]["fid"]["value"], UNSAID


def by_torchmetrics(real: str) -> Found:
    pytest.importorskip("torchmetrics", reason="the bridge to torchmetrics needs it")
    from ganeval.integrations.torchmetrics import GanevalMetric

    metric = GanevalMetric("fid", classifier="digits", real=real)
    metric.update(torch.from_numpy(FAKE), real=False)
    metric.compute()
    assert metric.score is not None
    return float(metric.score), metric.score.signature


def by_a_function(real: str) -> Found:
    score = fid(real, FAKE, classifier="digits", device="cpu")
    return float(score), score.signature


DOORS: dict[str, Callable[[str], Found]] = {
    "measure": lambda real: found_in(measure(FAKE, how(real), CPU)),
    "evaluate": lambda real: found_in(
        evaluate(real, FAKE, classifier="digits", metrics=["fid"], floor=False, device="cpu")
    ),
    "a function": by_a_function,
    "the command line": by_the_command_line,
    "the report": by_the_report,
    "the gate": by_the_gate,
    "the sampler of the gate": lambda real: found_in(sampler(draw, how(real), CPU)(N)),
    "the calibration of the gate": lambda real: found_in(measuring(how(real), CPU)(FAKE, None, "")),
    "a training loop": lambda real: found_in(Watch(how(real).with_(n=N), CPU)(1, FAKE)),
    "torchmetrics": by_torchmetrics,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("door", DOORS)
def test_every_way_in_gives_one_number(
    door: str, kind: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    monkeypatch.delenv("CI", raising=False)
    value, signature = DOORS["measure"](kind)
    assert value is not None
    found = DOORS[door](kind)
    assert found[0] == pytest.approx(value, rel=1e-9)
    assert found[1] in (signature, UNSAID)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "moments.npz"])  # which name no network
def test_what_another_network_made_is_refused(kind: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    protocol = how(kind).with_(classifier=None, extractor="pixels")
    for door in (sampler(draw, protocol, CPU), lambda _: measuring(protocol, CPU)(FAKE, None, "")):
        with pytest.raises(GanevalError, match="digits-cnn"):
            door(N)
