"""`ganeval completion`: a script with which a shell completes verbs, flags and their choices."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal

import tyro
from tyro.conf import Positional

from ganeval.errors import MissingExtraError


def completion(shell: Positional[Literal["bash", "zsh", "tcsh"]]) -> int:
    """Print a script that completes `ganeval`. For bash: eval "$(ganeval completion bash)", in ~/.bashrc to keep it.

    Args:
        shell: Which shell it is for.
    """
    from ganeval.cli.main import VERBS

    commands = {verb: _command(verb) for verb in VERBS}
    words = ["--tyro-print-completion", shell]
    try:
        tyro.extras.subcommand_cli_from_dict(commands, args=words, prog="ganeval")
    except ImportError as error:  # tyro writes the scripts of bash and zsh itself
        raise MissingExtraError(
            f"The script for {shell} is written by shtab, which is not installed. pip install shtab."
        ) from error
    return 0


def _command(verb: str) -> Callable[..., Any]:
    """The function of a verb; one without flags where there is none, or where it needs what is not installed."""
    try:
        command = getattr(import_module(f"ganeval.cli.{verb}"), verb)
    except MissingExtraError:
        return lambda: 0
    return command if callable(command) else lambda: 0
