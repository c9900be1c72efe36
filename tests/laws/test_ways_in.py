"""One set of images, every way to ask about it: function, evaluate, measure, command line, report, gate, pytest.
One number each.
"""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from ganeval.cli.main import main
from ganeval.core.compute import Compute
from ganeval.errors import GanevalError
from ganeval.images import image_set
from ganeval.measure.functions import evaluate, function_of
from ganeval.measure.measure import measure
from ganeval.metrics import METRICS
from ganeval.records.protocol import Protocol
from ganeval.records.scores import Evaluation
from ganeval.records.signature import Signature
from ganeval.runs.directory import create_run

pytest_plugins = ["pytester"]

N = 60
HOW = {"train": "digits:train", "classifier": "digits"}
ASKED = tuple(m.name for m in METRICS if not m.slow and not m.paired and "generator" not in m.needs)
CPU = Compute(device="cpu")
Found = dict[str, tuple[float, str]]  # the number and its signature, by metric


@cache
def _images() -> np.ndarray:
    """Noisy digits, in turn of the class that a generator is asked for."""
    real = image_set("digits:train")
    assert real.labels is not None
    own = [iter(np.flatnonzero(real.labels == c)) for c in range(10)]
    rows = np.array([next(own[i % 10]) for i in range(N)])
    noise = np.random.default_rng(0).integers(0, 60, (N, 1, 8, 8))
    return np.clip(real.take(rows).array() + noise, 0, 255).astype(np.uint8)


LABELS = np.arange(N) % 10


def found_in(evaluation: Evaluation) -> Found:
    return {
        name: (record.value, record.signature) for name, record in evaluation.scores.items() if record.value is not None
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run that holds the images and says how it wants to be judged."""
    made = create_run(
        tmp_path_factory.mktemp("runs"), "ways", config={}, seeds={}, protocol={"real": "digits:test", **HOW}
    )
    made.write_samples(1, _images(), LABELS)
    made.update(status="done")
    return made.path


@pytest.fixture(scope="module")
def measured() -> Found:
    protocol = Protocol(real="digits:test", metrics=ASKED, floor=False, **HOW)
    return found_in(measure(image_set(_images(), labels=LABELS), protocol, CPU))


def test_most_metrics_have_a_number_here(measured):
    assert len(measured) > 0.8 * len(ASKED), set(ASKED) - set(measured)
    assert all(math.isfinite(value) for value, _ in measured.values())


def test_evaluate_gives_what_measure_gives(measured):
    found = evaluate(
        "digits:test", image_set(_images(), labels=LABELS), metrics=ASKED, floor=False, device="cpu", **HOW
    )
    assert found_in(found) == measured


def test_the_functions_give_what_measure_gives(measured):
    images, found = image_set(_images(), labels=LABELS), {}
    for name in ASKED:
        function, against = function_of(name), METRICS[name].against
        roles = {"real": "digits:test", "train": "digits:train"} if against == "real" else {"heldout": "digits:test"}
        first = roles.pop("real") if against == "real" else "digits:train"
        sets = [first, images] if METRICS[name].compares else [images]
        roles |= {} if METRICS[name].compares else {"real": "digits:test"}
        how = {**roles, "classifier": "digits", "device": "cpu"}
        try:
            score = function(*sets, **how)
        except GanevalError:
            continue
        found[name] = (float(score), score.signature)
    assert found == measured


def test_the_command_line_gives_what_measure_gives(measured, run, tmp_path, capsys):
    out = tmp_path / "result.json"
    assert (
        main(["evaluate", "--fake", str(run), "--metrics", *ASKED, "--json", str(out), "--device", "cpu", "--no-floor"])
        == 0
    )
    assert found_in(Evaluation.read(out)) == measured


def rules(measured: Found) -> str:
    """One rule a metric: a bound that its number keeps."""
    lines = ["[gate]", 'baseline = "base.json"']
    for name, (value, _) in measured.items():
        lower = METRICS[name].better == "lower"
        above = (value + 1) / 2 if value < 1 else 1.25 * value  # below 1 where the number is: it may be a share
        bound = f"max = {above}" if lower else f"min = {value / 2}"
        lines += ["[[gate.rule]]", f'metric = "{name}"', bound, "hard = true"]
    return "\n".join(lines)


def test_the_gate_gives_what_measure_gives(measured, run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    Path("ganeval.toml").write_text(rules(measured))
    assert main(["gate", str(run), "--update-baseline", "--reason", "first", "--force", "--device", "cpu"]) == 0
    kept = json.loads(Path("base.json").read_text())["metrics"]
    assert {name: kept[name]["value"] for name in measured} == {name: value for name, (value, _) in measured.items()}


PYTEST = """
from pathlib import Path
import numpy as np
import pytest

@pytest.fixture(scope="session")
def ganeval_generator():
    images = np.load({path!r})["arr_0"].transpose(0, 3, 1, 2)
    return lambda n, labels, rng: images[:n]

@pytest.mark.ganeval(n={n}, real="digits:test", train="digits:train", classifier="digits", metrics={metrics})
def test_numbers(ganeval_eval):
    ganeval_eval.write(Path("found.json"))
"""


def test_pytest_gives_what_measure_gives_but_for_the_note_of_what_was_drawn(measured, run, pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # the same whether or not the package is installed
    (samples,) = (run / "samples" / "eval").glob("*.npz")
    pytester.makepyfile(PYTEST.format(path=str(samples), n=N, metrics=ASKED))
    pytester.runpytest_inprocess("-p", "ganeval.pytest_plugin", "-p", "no:cacheprovider").assert_outcomes(passed=1)
    found = found_in(Evaluation.read(Path("found.json")))
    assert {name: value for name, (value, _) in found.items()} == {name: value for name, (value, _) in measured.items()}
    for name, (_, signature) in measured.items():
        one, other = Signature.parse(signature), Signature.parse(found[name][1])
        assert one.differences(other, any_n=False) == [], name


def test_the_report_gives_what_measure_gives(measured, run, tmp_path, capsys):
    assert (
        main(["report", str(run.parent), "--out", str(tmp_path / "page.html"), "--metrics", *ASKED, "--device", "cpu"])
        == 0
    )
    assert found_in(Evaluation.read(run / "eval" / "step-000001" / "result.json")) == measured
