"""Every error this library raises on purpose: what was expected, what came, what to do."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import PurePath
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


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


class MixedSizesError(WrongInputError):
    """Images of several sizes in one set; `side` is the shortest of them, in pixels."""

    side: int = 0


class TooFewSamplesError(GanevalError):
    """The question needs more rows than came."""


class UndefinedError(GanevalError):
    """The number does not exist for this input (one class only, constant features, no labels)."""


class UnknownNameError(GanevalError, KeyError):
    """A name that nothing is registered under; the message lists the known ones, nearest first."""

    __str__ = GanevalError.__str__  # a KeyError would put the sentence into quotes


class MissingFileError(GanevalError):
    """A data set, weights or a baseline that is not where it was looked for."""


class MissingExtraError(GanevalError, ImportError):
    """A library that is not installed; the message names the extra of ganeval that installs it."""


class IncomparableError(GanevalError):
    """Two things measured by different rules (extractor, preprocessing, size, version) must not be compared."""


class BrokenRunError(GanevalError):
    """A run directory or a record in it that cannot be read."""


class BusyRunError(GanevalError):
    """A run directory that another process is writing."""


class UnexpectedError(GanevalError):
    """What no check of ours foresaw: the message holds the kind and the words of the error that it is raised from."""


def guarded(function: Callable[P, R]) -> Callable[P, R]:
    """The one guard around a public function: it raises `GanevalError` or nothing.

    Two kinds pass as they are: a call that does not fit the signature, and a machine without memory left, which callers
    handle by asking for less.

    >>> guarded(lambda rows: rows[0])([])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ganeval.errors.UnexpectedError: <lambda> met what it did not expect: IndexError: list index out of range. Check...
    """

    @functools.wraps(function)
    def call(*arguments: P.args, **options: P.kwargs) -> R:
        try:
            return function(*arguments, **options)
        except GanevalError:
            raise
        except Exception as error:
            if _is_the_callers(error):
                raise
            raise UnexpectedError(
                f"{function.__qualname__} met what it did not expect: {_one_line(error)}. "
                "Check what was passed to it; the error that this one was raised from says where."
            ) from error

    return call


def _is_the_callers(error: Exception) -> bool:
    within = error.__traceback__ and error.__traceback__.tb_next
    wrong_call = isinstance(error, TypeError) and within is None
    return wrong_call or isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__


def _one_line(error: Exception) -> str:
    return printable(" ".join(sentence(error).split()), 600).rstrip(".")
