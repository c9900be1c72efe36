"""What came of an attempt: a number, a sentence, a traceback or no end; and tables of their counts."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ganeval.errors import GanevalError, UnexpectedError

PATIENCE = 30  # seconds after which an attempt counts as hanging
ENDS = ("answer", "sentence", "last guard", "traceback", "hang")


class HangError(BaseException):
    """No `Exception`: nothing that is tried may catch it."""


@contextmanager
def patience(seconds: int = PATIENCE) -> Iterator[None]:
    """Raises `HangError` where the block takes longer; main thread only."""

    def ring(*_: Any) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def attempt(function: Callable[[], Any]) -> tuple[str, Any]:
    """How a call ended, one of `ENDS`, with what it returned or said.

    >>> attempt(lambda: 3)
    ('answer', 3)
    >>> attempt(lambda: {}[1])
    ('traceback', 'KeyError: 1')
    """
    try:
        with patience():
            return "answer", function()
    except UnexpectedError as error:
        return "last guard", str(error)
    except GanevalError as error:
        return "sentence", str(error)
    except HangError:
        return "hang", ""
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return "traceback", f"{type(error).__name__}: {error}"


def table(first: str, columns: Sequence[str], rows: Mapping[str, Counter[str]]) -> str:
    """A Markdown table of counts, with the number of attempts.

    >>> print(table("kind", ["old", "new"], {"a": Counter(old=2)}))
    | kind | tried | old | new |
    |---|--:|--:|--:|
    | a | 2 | 2 | 0 |
    """
    unknown = {end for counts in rows.values() for end in counts} - set(columns)
    if unknown:
        raise ValueError(f"The table has no column for {sorted(unknown)}.")
    lines = [f"| {first} | tried | {' | '.join(columns)} |", "|---" + "|--:" * (len(columns) + 1) + "|"]
    for name, counts in rows.items():
        lines.append(f"| {name} | {counts.total()} | {' | '.join(str(counts[end]) for end in columns)} |")
    return "\n".join(lines)
