"""Files that a kept image set must find as they were: recognised by their clocks, size and place on the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ganeval.errors import WrongInputError, printable
from ganeval.images.leaves import noted


class Stamps:
    """How the files `where(name)` look now; `require` raises as soon as one of them looks different."""

    def __init__(self, source: str, names: Iterable[str], where: Callable[[str], Path]) -> None:
        self._source = source
        self._where = where
        found = {name: _mark(where(name)) for name in names}
        self._marks = {name: mark for name, (mark, _) in found.items()}
        self._sizes = {name: size for name, (_, size) in found.items()}

    def require(self, name: str) -> Path:
        """The path of `name`, whose file is still the one that was there at first."""
        path = self._where(name)
        if _mark(path)[0] != self._marks[name]:
            raise WrongInputError(
                f"{printable(path)} has changed since {printable(self._source)} was opened. Open the image set again."
            )
        return path

    def require_all(self) -> None:
        for name in self._marks:
            self.require(name)

    def outline(self, names: Sequence[str]) -> str:
        """A digest of names and sizes, as they were at first: other content of other sizes has another."""
        return noted([(name, self._sizes[name]) for name in names])


def _mark(path: Path) -> tuple[int, int]:
    """What tells that a file has changed, and its size.

    The time of the last change of content or name cannot be set back by hand, that of the content alone can.
    """
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    clocks = (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev)
    return hash(clocks), found.st_size
