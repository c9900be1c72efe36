"""What a person at the terminal has of a training: how long it will last, and a Ctrl-C that loses nothing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from ganeval.core.machine import quiet


@dataclass
class Stop:
    """Whether somebody asked for the end."""

    asked: bool = False


@contextmanager
def graceful_stop() -> Iterator[Stop]:
    """Ctrl-C (or SIGTERM) asks for the end after the present step, with a checkpoint; a second one ends at once."""
    asking = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield asking
        return

    def stop(_number: int, _frame: Any) -> None:
        if asking.asked:
            raise KeyboardInterrupt
        asking.asked = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asking
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def shown(done: int, total: int, *, hidden: bool) -> Iterator[tqdm]:
    """A bar with the time left, on a terminal alone."""
    with tqdm(total=total, initial=done, desc="training", unit="step", disable=hidden or quiet()) as bar:
        yield bar
