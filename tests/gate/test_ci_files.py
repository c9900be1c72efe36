"""What CI runs, run by a shell on a real small folder: the action, the hook, GitLab's and Jenkins's lines,
the image's.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.reliability.outputs import furnish
from ganeval.gate.pipelines import PLACES, Service, render_pipeline

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
CI_PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
INSTALLS = re.compile(r"\bpip install\b")

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Rules, a baseline, results; and the commands that a CI machine has.
    What pip and gh are told is noted in a file.
    """
    furnish(tmp_path)
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, body in {
        "ganeval": f'exec {shlex.quote(sys.executable)} -m ganeval "$@"',
        "python": 'if [ "$2" = pip ] || [ "$2" = venv ]; then echo "$@" >> "$SAID"; else exec '
        f'{shlex.quote(sys.executable)} "$@"; fi',
        "pip": 'echo "pip $@" >> "$SAID"',
        "gh": 'echo "gh $@" >> "$SAID"',
    }.items():
        (tools / name).write_text(f"#!/bin/bash\n{body}\n")
        (tools / name).chmod(0o755)
    return tmp_path


def shell(place: Path, script: str, environment: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
    known = {
        **os.environ,
        "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "SAID": str(place / "said"),
    }
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=place,
        env={**known, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def filled(text: str, known: Mapping[str, str]) -> str:
    """GitHub's expressions, as far as the action uses them in `env`."""
    return re.sub(r"\$\{\{ *(.*?) *\}\}", lambda found: known[found[1]], str(text))


class Runner:
    """What GitHub's runner does with the steps of a composite action that are shell scripts."""

    def __init__(self, place: Path, **inputs: str) -> None:
        self.place = place
        given = {name: str(one.get("default", "")) for name, one in ACTION["inputs"].items()} | inputs
        self.known = {f"inputs.{name}": value for name, value in given.items()} | {
            "inputs.token": "a token",
            "github.action_path": str(ROOT),
            "runner.temp": str(place / "temp"),
            "github.event.number": "7",
            "github.repository": "someone/project",
        }

    def run(self, step: Mapping[str, Any]) -> int:
        files = {name: self.place / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        environment = {key: filled(value, self.known) for key, value in step.get("env", {}).items()}
        done = shell(
            self.place,
            step["run"],
            {**environment, **{key: str(path) for key, path in files.items()}, "GITHUB_ACTIONS": "true"},
        )
        if step.get("id") and files["GITHUB_OUTPUT"].exists():
            for line in files["GITHUB_OUTPUT"].read_text().splitlines():
                name, _, value = line.partition("=")
                self.known[f"steps.{step['id']}.outputs.{name}"] = value
        return done.returncode

    def all(self) -> list[int]:
        return [self.run(step) for step in ACTION["runs"]["steps"] if "run" in step]


@pytest.mark.parametrize(("result", "code"), [("ok.json", 0), ("worse.json", 1)])
def test_the_action_installs_judges_comments_and_only_then_decides(place: Path, result: str, code: int) -> None:
    runner = Runner(place, arguments=result, extra="torch", project=".")
    assert runner.all() == [0, 0, 0, code]
    install, comment = (place / "said").read_text().splitlines()
    assert install == f"-m pip install --quiet {ROOT}[torch] ."
    reports = place / "temp" / "ganeval-gate"
    assert (
        comment
        == f"gh pr comment 7 --repo someone/project --body-file {reports / 'gate.md'} --edit-last --create-if-none"
    )
    assert sorted(path.name for path in reports.iterdir()) == ["gate.json", "gate.md", "gate.xml"]
    assert "kid" in (place / "GITHUB_STEP_SUMMARY").read_text()


def test_an_argument_of_the_action_is_never_run_as_a_command(place: Path) -> None:
    runner = Runner(place, arguments="ok.json; touch pwned $(touch pwned)", extra='"; touch pwned; "')
    assert runner.all()[-1] == 2
    assert not (place / "pwned").exists()
    assert all("${{" not in step["run"] for step in ACTION["runs"]["steps"] if "run" in step)


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [
        ('"my results/ok.json"', [0, 0, 0, 0]),
        ("'my results/worse.json'", [0, 0, 0, 1]),
        ("\n  ok.json\n  --looks 1\n", [0, 0, 0, 0]),
        ("ok.json --looks\nmany", [0, 0, 0, 2]),
        ('"ok.json', [0, 2]),
    ],
    ids=["blank", "apostrophes", "lines", "the second line counts", "a quote that is not closed"],
)
def test_the_action_reads_its_arguments_as_a_shell_would(place: Path, arguments: str, codes: list[int]) -> None:
    (place / "my results").mkdir()
    for file in [*place.glob("ok.*"), *place.glob("worse.*")]:
        shutil.copy(file, place / "my results")
    runner = Runner(place, arguments=arguments)
    runner.known["runner.temp"] = str(place / "a temporary folder")
    steps = [step for step in ACTION["runs"]["steps"] if "run" in step]
    assert [runner.run(step) for step in steps[: len(codes)]] == codes


def test_every_output_and_input_of_the_action_is_used() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    assert [name for name in ACTION["inputs"] if f"inputs.{name}" not in text] == []
    assert all("shell" in step for step in ACTION["runs"]["steps"] if "run" in step)


def commands(service: str, text: str) -> list[str]:
    if service == "jenkins":
        return re.findall(r"sh '([^']*)'", text)
    document = yaml.safe_load(text)
    if service == "gitlab":
        return document["gate"]["script"]
    return [step["run"] for step in document["jobs"]["gate"]["steps"] if "run" in step]


def judged(place: Path, lines: list[str]) -> int:
    """The exit code of the first line that fails, as every service has it."""
    script = "\n".join(line.replace(".gate/bin/", "") for line in lines)
    return shell(place, script).returncode


@pytest.mark.parametrize("service", PLACES)
@pytest.mark.parametrize(("result", "code"), [("ok.json", 0), ("worse.json", 1)])
def test_the_files_that_init_writes_judge(place: Path, service: Service, result: str, code: int) -> None:
    lines = commands(service, render_pipeline(service, judged=result, measures=False))
    assert judged(place, lines) == code
    assert "pip install ganeval" in (place / "said").read_text()
    assert (place / "gate.xml").stat().st_size > 100


@pytest.mark.parametrize(("heading", "service"), [("GitLab", "gitlab"), ("Jenkins", "jenkins")])
def test_the_snippets_of_the_page_run(place: Path, heading: str, service: str) -> None:
    text = re.split(r"```\w*\n", CI_PAGE.partition(f"## {heading}\n")[2])[1].partition("```")[0]
    shutil.copy(place / "ok.json", place / "result.json")
    lines = [line.replace("ganeval gate --", "ganeval gate ok.json --") for line in commands(service, text)]
    assert any(line.startswith(("ganeval gate", ".gate/bin/ganeval gate")) for line in lines)
    assert judged(place, lines) == 0
    assert (place / "gate.md").exists()


def test_what_the_snippets_install_are_extras_of_the_package() -> None:
    for file in (CI_PAGE, *(render_pipeline(service, judged="", measures=True) for service in PLACES)):
        for line in filter(INSTALLS.search, file.splitlines()):
            assert all(extra in PROJECT["optional-dependencies"] for extra in re.findall(r"ganeval\[(\w+)\]", line))


def test_the_pre_commit_hook_is_a_gate_that_can_be_told_what_to_judge(place: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert hook.keys() >= {"id", "name", "entry", "language"}
    assert [shell(place, f"{hook['entry']} {result}").returncode for result in ("ok.json", "worse.json")] == [0, 1]
    assert f"id: {hook['id']}" in CI_PAGE


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def test_the_image_copies_what_is_there_and_runs_the_command_as_nobody_special() -> None:
    found = instructions()
    assert found[0][0] == "FROM"
    assert re.fullmatch(r"python:3\.\d+-slim", found[0][1])
    kept = {
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    for source in (word for name, rest in found if name == "COPY" for word in rest.split()[:-1]):
        assert (ROOT / source).exists()
        assert source in kept
    assert dict(found)["ENTRYPOINT"] == '["ganeval"]'
    assert "ganeval" in PROJECT["scripts"]
    assert dict(found)["USER"] not in ("root", "0")


@pytest.mark.parametrize(("extra", "installed"), [("", ["/src"]), ("torch", ["torch", "/src[torch]"])])
def test_the_image_installs_the_extra_that_is_asked_for(place: Path, extra: str, installed: list[str]) -> None:
    script = next(rest for name, rest in instructions() if name == "RUN" and "pip install" in rest)
    assert shell(place, script.replace("rm -rf /src", "true"), {"EXTRA": extra}).returncode == 0
    said = [line.split() for line in (place / "said").read_text().splitlines()]
    assert [words[words.index("--no-cache-dir") + 1] for words in said] == installed
