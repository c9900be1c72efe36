"""The scripts of `ganeval completion`, read by real shells, complete verbs, flags and choices."""

from __future__ import annotations

import contextlib
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
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the script of each shell."""
    folder = tmp_path_factory.mktemp("completion")
    for shell in ("bash", "zsh", "fish", "tcsh"):
        with (folder / f"ganeval.{shell}").open("w") as file, contextlib.redirect_stdout(file):
            assert main(["completion", shell]) == 0
    return folder


@pytest.fixture
def script(scripts: Path) -> Path:
    return scripts / "ganeval.bash"


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


# zsh's own functions that show what is offered work inside of its line editor only; these print it
ZSH = """
compdef() { print "$1 completes $2" }
_describe() { print -l -- ${(P)2} }
eval "$(cat ganeval.zsh)"
words=(ganeval eval); CURRENT=2; _tyro_ganeval
words=(ganeval evaluate --format ""); CURRENT=4; _tyro_ganeval
"""
ZSH_REGISTERED = """
mkdir -p functions; cp ganeval.zsh functions/_ganeval; fpath=($PWD/functions $fpath)
eval "$(cat ganeval.zsh)"; print "eval ${_comps[ganeval]}"
unset "_comps[ganeval]"; compinit -u -d dump; print "file ${_comps[ganeval]}"
"""
FISH = 'source ganeval.fish; complete -C "ganeval eval"; complete -C "ganeval evaluate --format "'


@pytest.mark.parametrize(
    ("command", "offered"),
    [
        (("bash", "--norc", "-c", "source ganeval.bash; complete -p ganeval"), {"_tyro_ganeval"}),
        (("zsh", "-f", "-c", ZSH), {"_tyro_ganeval completes ganeval", "evaluate:evaluate", "table:table", "csv:csv"}),
        (("zsh", "-f", "-c", ZSH_REGISTERED), {"eval _tyro_ganeval", "file _ganeval"}),
        (("fish", "--no-config", "-c", FISH), {"evaluate\tevaluate", "table\ttable", "csv\tcsv"}),
        (("tcsh", "-f", "-c", "source ganeval.tcsh; complete ganeval"), {"(table markdown json csv)", "evaluate"}),
    ],
    ids=["bash", "zsh", "zsh-registered", "fish", "tcsh"],
)
def test_the_line_for_each_shell_makes_it_complete(scripts: Path, command: tuple[str, ...], offered: set[str]) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"needs {command[0]}")
    environment = {**os.environ, "HOME": str(scripts), "ZDOTDIR": str(scripts)}
    done = subprocess.run(command, cwd=scripts, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert [text for text in offered if text not in done.stdout] == []
