"""Which file an error of the system is about, where the system does not say it: a full disk names none."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def says_where(hidden: str) -> Callable[[Callable[Concatenate[Any, P], R]], Callable[Concatenate[Any, P], R]]:
    """For functions whose first argument is the path to write to: an `OSError` without a name, or with one that begins
    with `hidden`, gets that path.
    """

    def wrapped(write: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
        @functools.wraps(write)
        def told(path: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return write(path, *args, **kwargs)
            except OSError as error:
                if error.filename is None or hidden in str(error.filename):
                    error.filename = str(path)
                raise

        return told

    return wrapped
