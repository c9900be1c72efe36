"""What a reader of run directories is: a name, a cheap probe and a read. One foreign layout per file in readers/."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ganeval.core.registry import Registry
from ganeval.runs.record import RunRecord


@dataclass(frozen=True)
class Reader:
    """How one trainer family's folders become `RunRecord`s.

    `probe(folder)` looks at names only and says how sure it is, 0 (not ours) to 100; the surest reader owns the
    folder and everything below it. `read(folder)` returns one record per run (StudioGAN keeps many in one folder),
    with `id` set to the folder's name. It never raises for what a file holds: a run that cannot be read is a record
    with `error`.
    """

    name: str
    probe: Callable[[Path], int]
    read: Callable[[Path], list[RunRecord]]
    guesses: bool = False  # reads what may be anything: it adds nothing to a run whose own reader found curves


READERS = Registry(Reader, "ganeval.runs.readers", "run reader")
