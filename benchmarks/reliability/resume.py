"""Resuming: which trainers, with which options, go on bit for bit where they were stopped.

`CHECKS` is what the page asks. A check is a function without arguments that trains, stops and resumes one system with one
option, and returns "exact", or the share by which the weights differ as text. A trainer's own test module registers none:
what is not here is not claimed on the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

Check = Callable[[], str]
CHECKS: Mapping[str, Check] = {}


def resumed(checks: Mapping[str, Check] = CHECKS) -> str:
    """One line a check; nothing where there are none.

    >>> print(resumed({"cgan --amp": lambda: "exact"}))
    | trainer and option | after the resume |
    |---|---|
    | cgan --amp | exact |
    """
    if not checks:
        return "Not measured here; `tests/reference_models` asks it of every trainer."
    lines = [f"| {name} | {check()} |" for name, check in checks.items()]
    return "\n".join(["| trainer and option | after the resume |", "|---|---|", *lines])
