"""Decoders of Pillow that warn have mended something silently: inside `strict()` their warnings are errors.

The filters of `warnings` belong to the whole process, while images are decoded in many threads beside other people's
code. So one filter, for Pillow's modules alone, stays in front for as long as anybody decodes; where somebody put
another in front of it meanwhile, what was decoded then is decoded again.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from ganeval.errors import GanevalError

T = TypeVar("T")
PILLOW = r"PIL\."  # the modules whose warnings are meant
KINDS = (UserWarning, RuntimeWarning)  # the second is that of a decompression bomb
TRIES = 50

_lock = threading.Lock()
_users: list[object] = []  # one entry for each thread that decodes now
_ours: list[Any] = []  # our filters, as `warnings` keeps them


@contextmanager
def strict() -> Iterator[None]:
    """Warnings of Pillow are errors inside, in all threads; outside everything is as it was."""
    me = object()
    with _lock:
        _users.append(me)
        _put_in_front()
    try:
        yield
    finally:
        with _lock:
            _users.remove(me)
            if not _users:
                _take_away()


def undisturbed(decode: Callable[[], T]) -> T:
    """What `decode()` gives while nobody else's filter stood before ours; an error of it counts at any time."""
    for _ in range(TRIES):
        with strict():
            made = decode()
            if _are_in_front():
                return made
    raise GanevalError(
        "The filters of Python's warnings must stand still while images are decoded; another thread changes them all "
        "the time. Change them once, before the images are opened."
    )


def _are_in_front() -> bool:
    return len(_ours) == len(KINDS) and warnings.filters[: len(_ours)] == _ours


def _put_in_front() -> None:
    if not _are_in_front():
        _take_away()
        for kind in KINDS:
            warnings.filterwarnings("error", category=kind, module=PILLOW)
        _ours[:] = warnings.filters[: len(KINDS)]


def _take_away() -> None:
    for entry in _ours:
        with suppress(ValueError):  # somebody has put the filters of earlier back
            warnings.filters.remove(entry)  # pyright: ignore[reportAttributeAccessIssue] - it is a list
    _ours.clear()
