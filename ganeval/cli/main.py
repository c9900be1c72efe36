"""The command line: `ganeval VERB` -> the function VERB in `ganeval/cli/VERB.py`; errors -> one line and an exit
code.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ganeval.cli.early import heed_ctrl_c, leave_at_ctrl_c

VERBS = {
    "demo": "train a healthy and a collapsed generator on digits, evaluate both, write report.html",
    "evaluate": "all metrics of one set of images against another",
    "embed": "part i of k of a large set through a network, for jobs on a cluster",
    "zoo": "list | show NAME | train NAME --out DIR: the shipped classifiers",
    "stats": "make SRC | merge F... | show F | convert F --to FORMAT: statistics of image sets as files",
    "ls": "metrics | datasets | classifiers | extractors: what is registered, and what it is for",
    "doctor": "which metrics see which fault, on your data",
    "gate": "judge a run or a generator against a baseline; the exit code is the verdict",
    "init": "a first ganeval.toml, baseline and CI file, from what lies here",
    "compare": "two or more evaluations, runs or folders: which differences are told apart from chance",
    "calibrate": "the gate's false alarms and power on your generator",
    "luck": "how much of a number is the training seed, how much the samples, and how many a claim needs",
    "card": "the model card of a run, as the Hugging Face Hub reads it",
    "power": "how many images a difference needs, or what a number of images can see",
    "trend": "slow drift in a history of evaluations",
    "report": "the page over a folder of runs (also as ganeval-report)",
    "completion": "bash | zsh | fish | tcsh: a script that completes verbs and flags",
}
DEBUG = "GANEVAL_DEBUG"
USAGE = "usage: ganeval VERB [options]; ganeval VERB --help shows a verb's options"


def main(arguments: Sequence[str] | None = None) -> int:
    """`ganeval VERB ...`; returns the exit code. Heavy libraries are loaded by the verb that needs them."""
    _begin(arguments, "ganeval")
    argv = list(sys.argv[1:] if arguments is None else arguments)
    return _guarded(lambda: _dispatch(argv))


def report_main(arguments: Sequence[str] | None = None) -> int:
    """`ganeval-report runs/`; returns the exit code."""
    _begin(arguments, "ganeval-report")
    argv = list(sys.argv[1:] if arguments is None else arguments)
    return _guarded(lambda: _run("report", argv, "ganeval-report"))


def _begin(arguments: Sequence[str] | None, program: str) -> None:
    """As a command of its own: whatever is imported until the verb is known, Ctrl-C is one line."""
    if arguments is None:
        leave_at_ctrl_c(program)


def _guarded(call: Callable[[], int]) -> int:
    """The one guard of every verb: whatever happens is one line on stderr and an exit code that no output changes.

    With GANEVAL_DEBUG set, the traceback of what nobody expected is printed too.
    """
    from ganeval.cli.streams import forgiving
    from ganeval.errors import GanevalError, UnexpectedError, printable

    with forgiving():
        try:
            _require_folder()
            return call()
        except GanevalError as error:
            if isinstance(error, UnexpectedError) and os.environ.get(DEBUG):
                traceback.print_exc()
            print(f"ganeval: {printable(str(error), 20_000)}", file=sys.stderr)
            return _exit_code(error)
        except KeyboardInterrupt:
            print("ganeval: interrupted", file=sys.stderr)
            return 130
        except Exception as error:  # noqa: BLE001 - the last resort: a bug, or a machine at its end
            if os.environ.get(DEBUG):
                traceback.print_exc()
            print(f"ganeval: {_last_word(error)}", file=sys.stderr)
            return _exit_code(error)


def _require_folder() -> None:
    """Libraries that are loaded later end the process themselves where the present folder is gone."""
    from ganeval.errors import MissingFileError

    try:
        Path.cwd()
    except OSError as error:
        raise MissingFileError("The folder that this was started in is gone. Change into one that is there.") from error


def _last_word(error: Exception) -> str:
    from ganeval.core.extras import translated
    from ganeval.errors import GanevalError, printable, sentence

    said = translated(error)
    return str(said) if isinstance(said, GanevalError) else f"{printable(sentence(said), 2_000)}. {_advice(said)}"


def _advice(error: Exception) -> str:
    if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__:
        return "There is not enough memory; take fewer images with --n, or another --device."
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "Free some space, or choose another place."
    if isinstance(error, OSError):
        return "Check that name, its permissions, and that this folder is still there."
    return f"That was not expected here; {DEBUG}=1 shows where it happened."


def _exit_code(error: Exception) -> int:
    """2 wrong use, 3 evaluation or writing failed, 5 something is missing or incomparable: the gate's codes."""
    from ganeval.errors import IncomparableError, MissingFileError, UnknownNameError, WrongInputError
    from ganeval.gate.rules import GateConfigError
    from ganeval.gate.update import RefusedError

    if isinstance(error, (UnknownNameError, WrongInputError, GateConfigError, RefusedError)):
        return 2
    return 5 if isinstance(error, (MissingFileError, IncomparableError)) else 3


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help"):
        width = max(map(len, VERBS))
        print("\n".join([USAGE, "", *(f"  {verb.ljust(width)}  {text}" for verb, text in VERBS.items())]))
        return 0 if argv else 2
    if argv[0] == "--version":
        from importlib.metadata import version

        print(version("ganeval"))
        return 0
    if argv[0] not in VERBS:
        from ganeval.core.registry import unknown_name
        from ganeval.errors import UnknownNameError

        raise UnknownNameError(unknown_name("verb", argv[0], VERBS))
    return _run(argv[0], argv[1:], f"ganeval {argv[0]}")


def _run(verb: str, rest: list[str], program: str) -> int:
    """The function of the same name in the module of the same name; a dictionary of functions is a verb with verbs."""
    import tyro

    from ganeval.core.uris import require_no_secret
    from ganeval.core.words import require_meant

    require_meant(rest)
    for word in rest:
        require_no_secret(word.partition("=")[2] if word.startswith("--") and "=" in word else word)
    command: Any = getattr(import_module(f"ganeval.cli.{verb}"), verb)
    heed_ctrl_c()
    if callable(command):
        returned: Any = tyro.cli(command, args=rest, prog=program)
        return int(returned)
    if not rest or rest[0] not in command:
        print(f"usage: {program} {' | '.join(command)}; {program} VERB --help shows its options")
        return 0 if rest[:1] in (["-h"], ["--help"]) else 2
    code: Any = tyro.extras.subcommand_cli_from_dict(command, args=rest, prog=program)
    return int(code)
