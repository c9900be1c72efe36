"""The exit code says what was found, whatever becomes of the output: closed, full, left by its reader, or too poor for it.

The verbs really run, each in a process of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ganeval.gate.baseline import Baseline, write_baseline
from ganeval.records.scores import Evaluation, Passport, Score, ScoreRecord
from ganeval.runs.directory import create_run

FULL = Path("/dev/full")
OUTPUTS = {
    "a file": ("> {out} 2> {err}", {}),
    "a reader that leaves": ("2>&1 | true", {}),
    "a full disk": ("> /dev/full 2> /dev/full", {}),
    "closed": (">&- 2>&-", {}),
    "closed, with stdin": ("<&- >&- 2>&-", {}),
    "ascii": ("> {out} 2> {err}", {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}),
    "cp1252": ("> {out} 2> {err}", {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}),
    "C locale": ("> {out} 2> {err}", {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
}
VERBS = {
    "help": (["--help"], 0),
    "no verb": ([], 2),
    "version": (["--version"], 0),
    "verb's help": (["gate", "--help"], 0),
    "unknown verb": (["gaet"], 2),
    "unknown option": (["power", "--nosie", "1"], 2),
    "gate ok": (["gate", "ok.json", "--json", "verdict.json"], 0),
    "gate regressed": (["gate", "worse.json", "--json", "verdict.json"], 1),
    "gate nothing": (["gate", "nowhere.json", "--json", "verdict.json"], 6),
    "ls": (["ls", "extractors"], 0),
    "power": (["power", "--n", "1000", "--p", "0.9"], 0),
    "trend": (["trend", "history.jsonl"], 0),
    "zoo": (["zoo"], 2),
    "report": (["report", "runs", "--no-evaluate", "--out", "page.html"], 0),
    "report nothing": (["report", "empty", "--no-evaluate", "--out", "none.html"], 6),
    "evaluate missing": (["evaluate", "--real", "digits:test", "--fake", "caf\udce9", "--classifier", "digits"], 5),
}  # fmt: skip


def evaluation(seed: int, value: float) -> Evaluation:
    rows = np.random.default_rng(seed).normal(size=400)
    passport = Passport("digits ✓", "f" * 64, 400, 8, "hoda", "w" * 64, "none")
    record = ScoreRecord.of(Score.from_influence(value, rows).with_(name="kid"))
    return Evaluation("ß ✓", "2026-01-01T00:00:00+00:00", passport, passport, {"kid": record}, step=3,
                      per_sample={"kid.influence": rows.astype(np.float32)})  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with rules, a baseline, results that keep it and break it, a run, and a history."""
    folder = tmp_path_factory.mktemp("place")
    evaluation(1, 3.0).write(folder / "ok.json")
    evaluation(2, 9.0).write(folder / "worse.json")
    write_baseline(Baseline.of([evaluation(0, 3.0)], name="a ✓"), folder / "base.json")
    (folder / "ganeval.toml").write_text(
        '[gate]\nbaseline = "base.json"\n[[gate.rule]]\nmetric = "kid"\nmargin_abs = 1.0\n'
    )
    run = create_run(folder / "runs", "a run", config={}, seeds={}, protocol={})
    run.write_evaluation(evaluation(1, 3.0), 3)
    (folder / "empty").mkdir()
    lines = [
        {
            "time": f"2026-01-{day:02d}",
            "metrics": {"kid": {"value": 3.0 + 0.01 * (day % 3), "se": 0.1, "n": 400, "better": "lower"}},
        }
        for day in range(1, 25)
    ]
    (folder / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    yield folder
    shutil.rmtree(folder)


def ran(place: Path, words: list[str], output: str, module: str = "ganeval") -> subprocess.CompletedProcess[str]:
    redirect, changes = OUTPUTS[output]
    here = {"out": str(place / "out.txt"), "err": str(place / "err.txt")}
    line = f'"$@" {redirect.format(**here)}; exit ${{PIPESTATUS[0]}}'
    started = [sys.executable, "-m", module] if module == "ganeval" else [sys.executable, "-c", module]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "CI": "", **changes}
    return subprocess.run(
        ["bash", "-c", line, "bash", *started, *words],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not FULL.exists() or shutil.which("bash") is None, reason="needs /dev/full and bash")
@pytest.mark.parametrize("output", OUTPUTS)
def test_the_verdict_is_the_exit_code_on_every_output(place: Path, output: str) -> None:
    for words, code in (VERBS["gate ok"], VERBS["gate regressed"]):
        (place / "verdict.json").unlink(missing_ok=True)
        done = ran(place, words, output)
        assert done.returncode == code
        assert done.stderr == ""
        assert json.loads((place / "verdict.json").read_text())["exit_code"] == code


@pytest.mark.skipif(not FULL.exists() or shutil.which("bash") is None, reason="needs /dev/full and bash")
@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in ("gate ok", "gate regressed")])
def test_every_verb_ends_alike_on_every_output(place: Path, verb: str) -> None:
    words, code = VERBS[verb]
    outputs = (
        ("a full disk", "ascii") if verb != "report" else ("a reader that leaves", "a full disk", "closed", "ascii")
    )
    codes = {output: ran(place, words, output).returncode for output in outputs}
    assert codes == dict.fromkeys(outputs, code)
    assert "Traceback" not in (place / "err.txt").read_text(errors="replace")


@pytest.mark.skipif(not FULL.exists() or shutil.which("bash") is None, reason="needs /dev/full and bash")
@pytest.mark.parametrize("output", ["a reader that leaves", "closed"])
def test_the_report_command_writes_its_page_on_every_output(place: Path, output: str) -> None:
    (place / "page.html").unlink(missing_ok=True)
    script = "import sys; from ganeval.cli.main import report_main; sys.exit(report_main())"
    assert ran(place, ["runs", "--no-evaluate", "--out", "page.html"], output, script).returncode == 0
    assert (place / "page.html").stat().st_size > 10_000


def test_a_poor_terminal_gets_signs_that_it_has(place: Path) -> None:
    ran(place, VERBS["gate regressed"][0], "ascii")
    said = (place / "out.txt").read_text(encoding="ascii")
    assert said.count("\nx ") + said.startswith("x ") == 1
    assert "regressed" in said
