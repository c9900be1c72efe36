"""Questions to a person at a terminal, and only to one: scripts, pipes and CI jobs are told which flag to pass."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from ganeval.core.machine import at_terminal, in_ci
from ganeval.errors import printable

SHOWN = 9


def somebody_is_there() -> bool:
    """Whether a person reads the questions and types the answers."""
    return not in_ci() and at_terminal(sys.stdin, sys.stderr)


def answer(question: str) -> str:
    """What a person answers, without blanks at the ends; "" where nobody is there, or nothing was typed."""
    if not somebody_is_there():
        return ""
    print(f"{question}: ", end="", file=sys.stderr, flush=True)
    return os.fsdecode(sys.stdin.buffer.readline()).strip()  # a name of a file may be no text


def choice(question: str, names: Sequence[str]) -> str:
    """One of `names`, chosen by its number or typed as it stands; anything else is given back as it was typed."""
    shown = [f"  {i}  {printable(name)}" for i, name in enumerate(names[:SHOWN], 1)]
    more = [f"     and {len(names) - SHOWN} more, by name"] if len(names) > SHOWN else []
    typed = answer("\n".join([question, *shown, *more, "Number or name"]))
    numbered = typed.isdecimal() and typed not in names and 1 <= int(typed) <= min(len(names), SHOWN)
    return names[int(typed) - 1] if numbered else typed
