"""The exit code says what was found, whatever becomes of the output: closed, full, left by its reader,
or too poor for it.

The verbs really run, each in a process of its own.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.reliability.outputs import FULL, OUTPUTS, VERBS, furnish, ran

WITH_TORCH = ("stats", "embed", "evaluate missing")  # besides "zoo show": two to four seconds for each output
PLAIN = [
    pytest.param(verb, marks=pytest.mark.study if verb in WITH_TORCH else ())
    for verb in VERBS
    if verb not in ("gate ok", "gate regressed")
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with rules, a baseline, results that keep it and break it, a run, and a history."""
    folder = tmp_path_factory.mktemp("place")
    furnish(folder)
    yield folder
    shutil.rmtree(folder)


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
@pytest.mark.parametrize("verb", PLAIN)
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
