"""Every error this library raises on purpose: what was expected, what came, what to do."""

from __future__ import annotations

from pathlib import PurePath


class GanevalError(ValueError):
    """Base of all errors raised on purpose; the command line prints them in one line, without a traceback."""


def printable(name: str | PurePath, limit: int = 300) -> str:
    r"""A file's or a member's name as one line of visible signs: what a terminal would obey is written as an escape.

    >>> printable("a\nb\x1b[31m")
    'a\\nb\\x1b[31m'
    """
    text = str(name)
    if len(text) > limit:
        text = f"{text[: limit // 2]}...{text[-limit // 2 :]}"
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def sentence(error: Exception) -> str:
    """What went wrong in words: an error's own, which for one that nobody raised on purpose begin with its kind.

    >>> sentence(KeyError("name")), sentence(FileNotFoundError(2, "No such file or directory", "x"))
    ("KeyError: 'name'", 'x: No such file or directory')
    """
    if isinstance(error, GanevalError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{printable(str(error.filename or 'a file'))}: {error.strerror}"
    return f"{type(error).__name__}: {error}"


class WrongInputError(GanevalError):
    """Images, labels or arrays that break their contract (dtype, range, shape, NaN, an unreadable file)."""


class TooFewSamplesError(GanevalError):
    """The question needs more rows than came."""


class UndefinedError(GanevalError):
    """The number does not exist for this input (one class only, constant features, no labels)."""


class UnknownNameError(GanevalError):
    """A name that nothing is registered under; the message lists the known ones, nearest first."""


class MissingFileError(GanevalError):
    """A data set, weights or a baseline that is not where it was looked for."""


class IncomparableError(GanevalError):
    """Two things measured by different rules (extractor, preprocessing, size, version) must not be compared."""


class BrokenRunError(GanevalError):
    """A run directory or a record in it that cannot be read."""


class BusyRunError(GanevalError):
    """A run directory that another process is writing."""
