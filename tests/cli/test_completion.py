"""The script of `ganeval completion bash`, sourced by a real bash, completes verbs, flags and choices."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ganeval.cli.main import VERBS, main

ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
_tyro_ganeval
echo "${COMPREPLY[*]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "ganeval.bash"
    command = [sys.executable, "-m", "ganeval", "completion", "bash"]
    path.write_text(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return path


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (("",), set(VERBS)),
        (("eval",), {"evaluate"}),
        (("evaluate", "--form"), {"--format"}),
        (("evaluate", "--format", ""), {"table", "markdown", "json", "csv"}),
        (("gate", "--update"), {"--update-baseline"}),
    ],
)
def test_bash_offers_what_may_come_next(script: Path, typed: tuple[str, ...], offered: set[str]) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", ASK, "bash", str(script), "ganeval", *typed],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert offered <= set(done.stdout.split()) <= offered | {"-h", "--help"} | {f"--no-{x[2:]}" for x in offered}


def test_without_what_writes_a_script_a_sentence_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "tcsh"]) == 3
    assert "pip install shtab" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_other_shells_have_a_script_too(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["completion", shell])
    assert ended.value.code in (0, None)
    assert "evaluate" in capsys.readouterr().out
