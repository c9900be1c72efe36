"""Files that a kept image set must find as they were: recognised by their clocks, size and place on the disk.

The clocks also tell a later process that nothing was written since, so that it need not read the files again
(`clocks`). Decision 062 says when they are believed.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ganeval.errors import WrongInputError, printable
from ganeval.images.leaves import noted

SETTLED = 2 * 10**9  # nanoseconds: clocks of files tick this slowly (FAT), and within one tick a change does not show
KNOWN_CLOCKS = os.name == "posix"  # elsewhere st_ctime is when the file was made
GONE = b""


class Stamps:
    """How the files `where(name)` look now; `require` raises as soon as one of them looks different."""

    def __init__(self, source: str, names: Iterable[str], where: Callable[[str], str | Path]) -> None:
        self._source = source
        self._paths = {name: os.fspath(where(name)) for name in names}
        began = time.time_ns()
        found = {name: _look_afresh(path) for name, path in self._paths.items()}
        self._marks = {name: _mark(one) for name, one in found.items()}
        self._sizes = {name: 0 if one is None else one.st_size for name, one in found.items()}
        changes = {0 if one is None else one.st_ctime_ns for one in found.values()}
        rested = all(0 < change <= began - SETTLED for change in changes)
        self._settled = KNOWN_CLOCKS and rested and (len(changes) > 1 or len(found) == 1)

    def require(self, name: str) -> Path:
        """The path of `name`, whose file is still the one that was there at first."""
        self._require(name)
        return Path(self._paths[name])

    def require_all(self) -> None:
        for name in self._marks:
            self._require(name)

    def _require(self, name: str) -> None:
        if _mark(_look(self._paths[name])) != self._marks[name]:
            raise WrongInputError(
                f"{printable(self._paths[name])} has changed since {printable(self._source)} was opened. Open the "
                "image set again."
            )

    def outline(self, names: Sequence[str]) -> str:
        """A digest of names and sizes, as they were at first: other content of other sizes has another."""
        return noted([(name, self._sizes[name]) for name in names])

    def clocks(self, names: Iterable[str]) -> str:
        """A digest of the names and of when, where and how large their files were last written. It changes with any
        later write; "" where the clocks do not promise that.

        They do not where the last change was a moment ago, where the system does not keep its time, and where all of
        many files have one and the same: an image of a file system that was made so.
        """
        if not self._settled:
            return ""
        digest = hashlib.sha256()
        for name in names:
            digest.update(f"{len(name)} {name}".encode(errors="surrogateescape") + self._marks[name])
        return digest.hexdigest()

    def clocks_inside(self, names: Sequence[str]) -> str:
        """The same for names of what lies inside the files, which are archives: it changes with any of these."""
        whole = self.clocks(self._marks)
        return whole and noted([whole, *names])


def _look(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116 - a Path each of a million files takes seconds
    except (OSError, ValueError):  # ValueError: a name with a zero byte
        return None


def _look_afresh(path: str) -> os.stat_result | None:
    """The same, by opening the file: then a file server is asked anew, where it might be asked once a minute."""
    found = _look(path)
    if found is None or not stat.S_ISREG(found.st_mode):
        return found
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return found
    try:
        return os.fstat(handle)
    finally:
        os.close(handle)


def _mark(found: os.stat_result | None) -> bytes:
    """What tells that a file has changed.

    The time of the last change of content or name cannot be set back by hand, that of the content alone can.
    """
    if found is None:
        return GONE
    clocks = (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev)
    return hashlib.blake2b(repr(clocks).encode(), digest_size=16).digest()
