"""Lists and numbers of things in a sentence that stays a sentence however many there are."""

from __future__ import annotations

from collections.abc import Sequence


def few(names: Sequence[str], shown: int = 5) -> str:
    """
    >>> few(["a", "b", "c"], shown=2)
    'a, b and 1 more'
    """
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")


def plural(n: int, noun: str) -> str:
    """
    >>> plural(1, "run"), plural(3, "run")
    ('1 run', '3 runs')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def ended(text: str) -> str:
    """With one full stop, whether it had one or not.

    >>> ended("not measured"), ended("Pass train=.")
    ('not measured.', 'Pass train=.')
    """
    return f"{text.rstrip('.')}."
