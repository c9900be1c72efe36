"""What is written must not lie where something else is read or written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ganeval.errors import WrongInputError


def require_apart(written: Mapping[str, str | Path | None], read: Iterable[str | Path | None] = ()) -> None:
    """Refuse outputs that are one file, and outputs that would replace a file that is read; devices may be shared.

    >>> require_apart({"--json": "a.json", "--junit": "./a.json"})
    Traceback (most recent call last):
    ...
    ganeval.errors.WrongInputError: --json and --junit would both write a.json. Name another file.
    """
    taken: dict[Path, str] = {place: "" for path in read if path and (place := place_of(path)).is_file()}
    for name, path in written.items():
        if not path or ((place := place_of(path)).exists() and not place.is_file()):
            continue
        if place in taken:
            other = taken[place]
            what = f"{other} and {name} would both write" if other else f"{name} would write over what is read:"
            raise WrongInputError(f"{what} {place.name}. Name another file.")
        taken[place] = name


def place_of(path: str | Path) -> Path:
    """Where a path leads when links are followed; the path itself where they lead nowhere."""
    try:
        return Path(path).resolve()
    except (OSError, RuntimeError, ValueError):  # a deleted working folder, a circle of links, a name with a zero byte
        return Path(path)
