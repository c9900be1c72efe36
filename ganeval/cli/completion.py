"""`ganeval completion`: a script with which a shell completes verbs, flags and their choices."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal

import tyro
from tyro.conf import Positional

from ganeval.errors import MissingExtraError

# tyro's script for zsh runs when it is read, as a file of $fpath does; read by eval or source it has to be registered
ZSH_BY_TYRO = '_tyro_ganeval "$@"'
ZSH = """\
if [ "$funcstack[1]" = "_ganeval" ]; then
  _tyro_ganeval "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
  compdef _tyro_ganeval ganeval
fi
"""


def completion(shell: Positional[Literal["bash", "zsh", "fish", "tcsh"]]) -> int:
    """Print a script that completes `ganeval`, for one of four shells. To keep it, put this into the shell's own file:

    bash, in ~/.bashrc: eval "$(ganeval completion bash)"

    zsh, in ~/.zshrc: eval "$(ganeval completion zsh)"

    fish, in ~/.config/fish/config.fish: ganeval completion fish | source

    tcsh: ganeval completion tcsh > ~/.ganeval.tcsh, and in ~/.tcshrc: source ~/.ganeval.tcsh

    Args:
        shell: Which shell it is for.
    """
    written = _by_tyro(shell)
    if shell == "zsh":
        before, _, after = written.rpartition(ZSH_BY_TYRO)
        written = before + ZSH + after.lstrip()
    print(written, end="")
    return 0


def _by_tyro(shell: str) -> str:
    from ganeval.cli.main import VERBS

    commands = {verb: _command(verb) for verb in VERBS}
    words = ["--tyro-print-completion", shell]
    script = io.StringIO()
    try:
        with contextlib.redirect_stdout(script), contextlib.suppress(SystemExit):
            tyro.extras.subcommand_cli_from_dict(commands, args=words, prog="ganeval")
    except ImportError as error:  # tyro writes the scripts of the other shells itself
        raise MissingExtraError(
            f"The script for {shell} is written by shtab, which is not installed. pip install shtab."
        ) from error
    return script.getvalue()


def _command(verb: str) -> Callable[..., Any]:
    """The function of a verb; one without flags where there is none, or where it needs what is not installed."""
    try:
        command = getattr(import_module(f"ganeval.cli.{verb}"), verb)
    except MissingExtraError:
        return lambda: 0
    return command if callable(command) else lambda: 0
