"""The verbs as typed on a command line."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from ganeval.cli.main import main
from ganeval.measure.faults import FAULTS

GENERATOR = """
import torch

class Stripes(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.level = torch.nn.Parameter(torch.linspace(0, 200, 10))

    def draw(self, n, labels, rng):
        base = self.level[labels][:, None, None, None] + 20 * torch.randn(n, 1, 8, 8, generator=rng)
        return base.clamp(0, 255).to(torch.uint8)

MODEL = Stripes()
sample = MODEL.draw
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CI", raising=False)
    (tmp_path / "ganeval.toml").write_text(
        '[gate]\nname = "stripes"\nbaseline = "b.json"\nlooks = 1\nn = 300\nreal = "digits:test"\nclassifier = '
        '"digits"\ngenerator = "stripes_generator:sample"\n[[gate.rule]]\nmetric = "fid"\nmargin_rel = 0.05\n'
    )
    (tmp_path / "stripes_generator.py").write_text(GENERATOR)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_generator_is_gated_from_the_command_line(project: Path, capsys):
    assert main(["gate"]) == 5
    assert main(["gate", "--update-baseline", "--reason", "first"]) == 0
    assert main(["gate", "--json", "v.json"]) == 0
    verdict = json.loads((project / "v.json").read_text())
    assert verdict["rules"][0]["checks"][0]["paired"] is True
    assert "ganeval gate stripes: ok. No rule failed." in capsys.readouterr().out


def test_calibrate_counts_false_alarms_and_faults(project: Path, capsys):
    assert (
        main(["calibrate", "--runs", "3", "--fault-runs", "2", "--faults", "noise", "weights", "--json", "c.json"]) == 0
    )
    out = capsys.readouterr().out
    assert "false alarms, same generator, fresh latents: " in out
    assert "caught, noise: " in out
    assert "caught, weights: " in out
    assert len(json.loads((project / "c.json").read_text())["trials"]) == 3
    assert "These faults need" not in out


def test_calibrate_makes_the_faults_that_it_can_and_says_what_the_others_need(project: Path, capsys):
    (project / "unlabelled.py").write_text(GENERATOR.replace("[labels]", "[torch.arange(n) % 10]"))
    words = ["--generator", "unlabelled:sample", "--labels", "none", "--runs", "1", "--fault-runs", "1", "--n", "40"]
    assert main(["calibrate", *words]) == 0
    out = capsys.readouterr().out
    caught = {line.split()[1].rstrip(":") for line in out.splitlines() if line.startswith("caught, ")}
    assert caught == {name for name, fault in FAULTS.items() if not fault.needs} | {"weights"}
    lacking = [name for name, fault in FAULTS.items() if fault.needs]
    assert "(train=, --train): copies, few-copies" in out
    assert all(name in out for name in lacking)


def test_calibrate_copies_the_training_images_that_it_is_told(project: Path, capsys):
    few = ["--runs", "1", "--fault-runs", "1", "--n", "40", "--faults", "copies", "drop-class"]
    assert main(["calibrate", *few, "--train", "digits:train"]) == 0
    assert "caught, copies: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("faults", "says"),
    [
        (["blurr"], "Did you mean 'blur'"),
        (["noise", "weigths"], "Did you mean 'weights'"),
        (["copies"], "--train"),
        (["noise", "shifted-copies"], "shifted-copies"),
        (["--labels", "none", "--faults", "drop-class"], "drop-class"),
    ],
)
def test_calibrate_refuses_a_fault_that_it_cannot_make_before_it_measures(
    project: Path, capsys, monkeypatch, faults, says
):
    monkeypatch.setattr("ganeval.gate.calibrate.compare", lambda *_: pytest.fail("it was measured"))
    words = faults if faults[0].startswith("--") else ["--faults", *faults]
    assert main(["calibrate", *words]) == 2
    assert says in capsys.readouterr().err


def test_calibrate_lists_every_fault_in_its_help(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    with contextlib.suppress(SystemExit):
        main(["calibrate", "--help"])
    shown = capsys.readouterr().out
    assert all(name in shown for name in [*FAULTS, "weights"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--difference", "0.019", "--p", "0.97", "--alpha", "0.05"], "n = 1293 images a side find a loss of 0.019"),
        (["--n", "1000", "--p", "0.97", "--alpha", "0.05"], "find a loss of 0.02191 with power 0.8"),
        (["--n", "1000", "--noise", "2.0"], "find a loss of 0.2004"),
        (["--n", "2", "--p", "0.97"], "n = 2 images a side find no loss at all"),
    ],
)
def test_power_answers_in_both_directions(arguments, says, capsys):
    assert main(["power", *arguments]) == 0
    assert says in capsys.readouterr().out


def test_power_needs_exactly_one_question(capsys):
    assert main(["power", "--n", "5", "--difference", "0.1", "--p", "0.9"]) == 2
    assert "either --difference or --n" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--n", "100", "--noise", "-1"],
        ["--difference", "0.1", "--noise", "0"],
        ["--n", "100", "--noise", "nan"],
        ["--n", "0", "--p", "0.9"],
        ["--difference", "0.99", "--p", "0.9"],
        ["--n", "100", "--p", "-0.1"],
        ["--n", "9" * 400, "--p", "0.9"],
        ["--n", "9" * 400, "--noise", "1"],
        ["--n", "9", "--noise", "1", "--tests", "0"],
        ["--n", "9", "--p", "0.9", "--agreement", "1"],
        ["--n", "9", "--noise", "1", "--agreement", "0.9"],
    ],
)
def test_power_refuses_an_impossible_question_in_a_sentence(arguments, capsys):
    assert main(["power", *arguments]) == 2
    assert capsys.readouterr().err.startswith("ganeval: ")


def test_trend_is_red_on_drift(tmp_path: Path, capsys):
    path = tmp_path / "history.jsonl"
    lines = [
        {"time": str(i), "commit": f"c{i}", "protocol_hash": "p", "metrics": {"fid": {"value": v, "se": 0.3}}}
        for i, v in enumerate([5.0] * 10 + [5 + 0.5 * k for k in range(10)])
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    assert main(["trend", str(path), "--otava-csv", str(tmp_path / "o.csv")]) == 1
    assert "DRIFT" in capsys.readouterr().out
    assert (tmp_path / "o.csv").read_text().startswith("time,commit,fid\n")
    path.write_text("\n".join(map(json.dumps, lines[:10])))
    assert main(["trend", str(path)]) == 0


def test_wrong_use_is_exit_code_2(project: Path, capsys):
    (project / "ganeval.toml").write_text("[gate]\nalpa = 1\n")
    assert main(["gate"]) == 2
    assert "Did you mean 'alpha'" in capsys.readouterr().err
