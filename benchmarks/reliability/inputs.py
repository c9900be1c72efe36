"""Hostile command lines and calls (`benchmarks.fuzz`), and how they ended."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections import Counter
from pathlib import Path

from benchmarks.fuzz import tally
from benchmarks.reliability.outcomes import patience, table

ENDS = ("answer", "sentence", "call that fits no signature", "last guard", "traceback")
WORDS = {"signature": ENDS[2], "TRACEBACK": "traceback"}


def inputs(examples: int, seed: int) -> str:
    """The table; a line or call that never ends stops the whole, with `HangError`."""
    with warnings.catch_warnings(), Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
        warnings.simplefilter("ignore")
        with patience(60 + examples):
            counts, _ = tally(examples, seed)
    return table("what", ENDS, {"command lines": _lines(counts), "calls of public functions": _calls(counts)})


def _lines(counts: Counter[str]) -> Counter[str]:
    """Exit code 0 and the verdicts are answers, every other one came with a sentence."""
    found: Counter[str] = Counter()
    for name, count in counts.items():
        if name.startswith("command line: exit code "):
            found["answer" if name.endswith((" 0", " 1")) else "sentence"] += count
    wrong = counts["command line: TRACEBACK"]
    expected_nowhere = counts["command line: last guard"]
    found["sentence"] -= wrong + expected_nowhere
    return found + Counter({"traceback": wrong, "last guard": expected_nowhere})


def _calls(counts: Counter[str]) -> Counter[str]:
    named = ((name.removeprefix("function: "), n) for name, n in counts.items() if name.startswith("function: "))
    return Counter({WORDS.get(name, name): n for name, n in named})
