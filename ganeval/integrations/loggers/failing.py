"""What a tracker's own library raises, said as this project says it: what failed, and what to look at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ganeval.errors import GanevalError, printable, sentence


class TrackerError(GanevalError):
    """A tracker could not take the numbers: its server is away, its run is closed, its folder cannot be written."""


@contextmanager
def heard_by(tracker: str, remedy: str) -> Iterator[None]:
    """Whatever the tracker's library raises inside is a `TrackerError` with its first line and the remedy.

    >>> with heard_by("MLflow", "Is its server running?"):
    ...     raise ConnectionError("refused")
    Traceback (most recent call last):
    ...
    ganeval.integrations.loggers.failing.TrackerError: MLflow failed: ConnectionError: refused. Is its server running?
    """
    try:
        yield
    except GanevalError:
        raise
    except Exception as error:
        first = printable(sentence(error).strip().split("\n")[0].rstrip("."), 300)
        raise TrackerError(f"{tracker} failed: {first}. {remedy}") from error
