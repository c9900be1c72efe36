"""Files that a kept image set must find as they were: recognised by their clocks, size and place on the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from ganeval.errors import WrongInputError, printable


class Stamps:
    """How the files `where(name)` look now; `require` raises as soon as one of them looks different."""

    def __init__(self, source: str, names: Iterable[str], where: Callable[[str], Path]) -> None:
        self._source = source
        self._where = where
        self._marks = {name: _mark(where(name)) for name in names}

    def require(self, name: str) -> Path:
        """The path of `name`, whose file is still the one that was there at first."""
        path = self._where(name)
        if _mark(path) != self._marks[name]:
            raise WrongInputError(
                f"{printable(path)} has changed since {printable(self._source)} was opened. Open the image set again."
            )
        return path

    def require_all(self) -> None:
        for name in self._marks:
            self.require(name)


def _mark(path: Path) -> int:
    """The time of the last change of content or name cannot be set back by hand, that of the content alone can."""
    try:
        found = path.stat()
    except OSError:
        return 0
    return hash((found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev))
