"""What the command line says never decides how it ends: a closed reader, a full disk or a poor terminal stops no
verb.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

PLAIN = {
    "✔": "+",
    "✘": "x",
    "▲": "^",
    "≠": "#",
    "…": ".",
    "·": ".",
    "±": "+-",
    "≥": ">=",
    "↓": "v",
    "↑": "^",
    "–": "-",
    "−": "-",
    "×": "x",
    "“": '"',
    "”": '"',
    "’": "'",
}  # signs of ours where a terminal has no better one
_POLICY = "ganeval-plain"


class Forgiving:
    """A text stream that takes everything. After the first thing that it cannot pass on, it passes on nothing."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        with self._giving_up():
            self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._giving_up():
            self.stream.flush()

    @contextlib.contextmanager
    def _giving_up(self) -> Iterator[None]:
        """The interpreter flushes at its end, too, and would change the exit code; so what is left goes nowhere."""
        try:
            yield
        except (OSError, ValueError):  # ValueError: closed
            with contextlib.suppress(OSError, ValueError, AttributeError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self.stream.fileno())
                os.close(nowhere)
            self.stream = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - as long as the process


@contextlib.contextmanager
def forgiving() -> Iterator[None]:
    """Standard output and error cannot fail inside, and nothing that is opened there takes the place of a closed
    one.
    """
    _fill_closed()
    out, err = (Forgiving(_shown(stream)) for stream in (sys.stdout, sys.stderr))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            yield
        finally:
            out.flush()
            err.flush()


def _fill_closed() -> None:
    """A process that is started without them would give their numbers to the first files that it opens."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _shown(stream: Any) -> Any:
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - as long as the process
    if hasattr(stream, "reconfigure"):
        with contextlib.suppress(OSError, ValueError):
            stream.reconfigure(errors=_POLICY)
    return stream


def _plain(error: UnicodeError) -> tuple[str, int]:
    """
    >>> "✘ schlecht, ß".encode("ascii", "ganeval-plain")
    b'x schlecht, ?'
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


codecs.register_error(_POLICY, _plain)
