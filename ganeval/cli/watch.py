"""`--watch`: do it again whenever what is watched has changed, until Ctrl-C."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ganeval.cli.say import note
from ganeval.errors import GanevalError, WrongInputError


def watching(seconds: float, path: str | None, act: Callable[[], int]) -> int:
    """The exit code of `act()`; with `seconds` above 0 it is called again after each change of the images at `path`.

    What cannot be measured yet (no image, one that is half written) is a note, and is waited for. Changes are looked
    for every so many seconds, and acted on when nothing has changed between two looks: a writer is not interrupted.
    """
    if seconds <= 0:
        return act()
    if path is None or not Path(path).exists():
        raise WrongInputError("--watch looks at a folder or a file that grows: name it with --fake.")
    for _ in changes(Path(path), seconds):
        try:
            act()
        except GanevalError as error:
            note(f"{error} Waiting for more.")
    return 0


def changes(path: Path, seconds: float) -> Iterator[None]:
    """Yields at once, then each time that `path` differs from when it last did and is at rest."""
    seen = stamp(path)
    yield
    while True:
        before = stamp(path)
        time.sleep(seconds)
        if (now := stamp(path)) == before and now != seen:
            seen = now
            yield


def stamp(path: Path) -> tuple[int, int, int]:
    """How many files lie there, their bytes, and the newest change."""
    places = [path, *(Path(folder, name) for folder, _, names in os.walk(path) for name in names)]
    found = [one for place in places if (one := _stat(place))]
    return len(found), sum(one.st_size for one in found), max((one.st_mtime_ns for one in found), default=0)


def _stat(place: Path) -> os.stat_result | None:
    try:
        return place.stat()
    except OSError:  # gone since its folder was read
        return None
