"""What readers of foreign layouts share: bounded lines, forgiving JSON, numbers in file names, flat YAML.

Foreign files are strangers' files: everything here has a limit and nothing raises for what a file holds.
"""

from __future__ import annotations

import csv
import json
import math
import os
import re
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from ganeval.core.files import lines_of as lines_of_log
from ganeval.core.files import open_regular, require_log, require_regular
from ganeval.errors import BrokenRunError, GanevalError
from ganeval.runs.layout import SAMPLES

MAX_DOCUMENT = 16 * 2**20
MAX_FILES = 20_000  # of one folder that are looked at
MAX_LOGS = 20  # of one folder that are looked into
MAX_NAMED = 200  # of one folder that are named where they cannot be read
TEXTS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".log", ".txt", ".out")
IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".pgm", ".ppm")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?|nan|inf(?:inity)?)", re.IGNORECASE)


passed: ContextVar[list[str] | None] = ContextVar("passed", default=None)  # why logs were passed over, so far


def lines_of(path: Path) -> Iterator[str]:
    """The lines of a log. One that cannot be read has none where `passed` takes the reason; else it raises."""
    try:
        yield from lines_of_log(path)
    except GanevalError as error:
        if (reasons := passed.get()) is None:
            raise
        reasons.append(str(error))


def unread_in(folder: Path, *, below: bool = False) -> list[str]:
    """Why what lies in a folder and in logs/ of it, with `below` in each folder of it, can be read by nobody: pipes,
    sockets and devices of any name, and holes in the places of logs.
    """
    inner = [folder / name for name in names_in(folder) if below or name == "logs"]
    inner += [folder / SAMPLES] if below else []
    found = [path for place in (folder, *inner) for path in _no_files(place)]
    return [said for path in found[:MAX_NAMED] if (said := _why_unread(path))]


def _no_files(folder: Path) -> list[Path]:
    """What in a folder is no file, no folder and no link to one; and logs, which may be holes."""
    try:
        with os.scandir(folder) as entries:
            odd = [Path(e) for e in islice(entries, MAX_FILES) if e.name.lower().endswith(TEXTS) or not _is_plain(e)]
    except OSError:
        return []
    return sorted(odd)


def _is_plain(entry: os.DirEntry[str]) -> bool:
    """Whether it is a file or a folder, also by a link; mostly known without asking for its status."""
    try:
        return entry.is_file() or entry.is_dir()
    except OSError:
        return False


def _why_unread(path: Path) -> str:
    try:
        if path.exists() and not path.is_dir():
            require_log(path)
    except (OSError, GanevalError) as error:
        return str(error)
    return ""


def loads(text: str) -> dict[str, Any]:
    """One JSON object; {} for a torn line or anything else. NaN and Infinity are read as such."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a CSV file by the names in its first line; a line that is no CSV is left out."""
    rows = csv.DictReader(lines_of(path))
    while True:
        try:
            yield next(rows)
        except StopIteration:
            return
        except csv.Error:
            continue


def document(path: Path) -> dict[str, Any]:
    """A JSON object in a file; {} where there is no such file. Raises `BrokenRunError` when it is none."""
    if not path.is_file():
        return {}
    if path.stat().st_size > MAX_DOCUMENT:
        raise BrokenRunError(f"{path.name} is larger than {MAX_DOCUMENT // 2**20} MiB, too large for a document.")
    try:
        with open_regular(path) as file:
            value = json.loads(file.read().decode("utf-8", errors="replace"))
    except (ValueError, RecursionError, OSError) as error:
        raise BrokenRunError(f"Expected a JSON object in {path.name}; {error}. Restore or delete that file.") from error
    if not isinstance(value, dict):
        raise BrokenRunError(f"Expected a JSON object in {path.name}; got {type(value).__name__}.")
    return value


def real(value: Any) -> float | None:
    """A number, or a text that is one (also nan and inf); None for anything else.

    >>> real("1e-3"), real("nan") != real("nan"), real(True), real("12 s")
    (0.001, True, None, None)
    >>> real(-(10**400))
    -inf
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return as_float(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value)
    return None


def as_float(value: float) -> float:
    """A number that JSON holds; an integer beyond a float's range is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def names_in(folder: Path) -> list[str]:
    """Names in a folder, sorted; none where it is absent or unreadable."""
    try:
        entries = folder.iterdir()
        return sorted(path.name for path, _ in zip(entries, range(MAX_FILES), strict=False))
    except OSError:
        return []


def pictures_below(folder: Path) -> list[Path]:
    """The pictures of a folder and of the folders in it."""
    own = [folder / name for name in names_in(folder)]
    inner = [path / name for path in own if path.is_dir() and not path.name.startswith(".") for name in names_in(path)]
    return [path for path in (*own, *inner) if path.suffix.lower() in IMAGES]


def logs_in(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The first files of a folder, then of logs/ in it, whose names end so."""
    places = (folder, folder / "logs")
    files = [place / name for place in places for name in names_in(place) if name.lower().endswith(suffixes)]
    return files[:MAX_LOGS]


def numbered(folder: Path, pattern: re.Pattern[str]) -> list[tuple[int, Path]]:
    """(number, path) of the names that fit `pattern`, whose first group is the number; sorted by it."""
    found = [(int(match[1]), folder / match[0]) for name in names_in(folder) if (match := pattern.fullmatch(name))]
    return sorted(found)


def flat_yaml(path: Path) -> dict[str, Any]:
    """The `key: value` lines of a YAML file with indentation as dotted keys; lists, tags and anchors are left out.

    A trainer's hparams.yaml and meta.yaml hold no more; a full parser would be a dependency, and its tags run code.
    """
    if not path.is_file() or path.stat().st_size > MAX_DOCUMENT:
        return {}
    values: dict[str, Any] = {}
    parents: list[tuple[int, str]] = []
    for line in lines_of(path):
        match = re.fullmatch(r"(\s*)([^\s#:-][^:]*):(?:\s+(.*?))?\s*", line)
        if not match:
            continue
        indent, key, value = len(match[1]), match[2].strip().strip("'\""), match[3]
        while parents and parents[-1][0] >= indent:
            parents.pop()
        name = ".".join([*(parent for _, parent in parents), key])
        if value is None or value == "" or value.startswith(("!", "&")):
            parents.append((indent, key))
        else:
            values[name] = _scalar(value)
    return values


def _scalar(text: str) -> Any:
    if text[:1] in "'\"" and text[-1:] == text[:1] and len(text) > 1:
        return text[1:-1]
    if text in ("null", "~"):
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    number = real(text)
    if number is None:
        return text
    return int(number) if math.isfinite(number) and re.fullmatch(r"[-+]?\d+", text) else number


def iso(timestamp: Any) -> str:
    """Seconds since 1970 as ISO 8601 in UTC; "" for anything that is no time."""
    seconds = real(timestamp)
    if seconds is None or not 0 < seconds < 4e9:
        return ""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


POINTER = b"version https://git-lfs.github.com/spec/"


def array_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype, bool]:
    """Shape and type of the array in an .npy file, and whether it lies column by column; `file` is read to its data."""
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = header(file)
    return shape, dtype, by_columns


def lfs_pointer(path: Path) -> str:
    """What to do where the file is only the pointer that Git LFS leaves in place of a large one;
    "" where it is none.
    """
    try:
        with open_regular(path) as file:
            head = file.read(len(POINTER))
    except (OSError, GanevalError):
        return ""
    return f"{path.name} is a pointer of Git LFS: run git lfs pull" if head == POINTER else ""


def png_size(path: Path) -> tuple[int, int] | None:
    """(width, height) from the header of a PNG file; None for anything else."""
    try:
        with open_regular(path) as file:
            head = file.read(24)
    except (OSError, GanevalError):
        return None
    if len(head) < 24 or not head.startswith(b"\x89PNG\r\n\x1a\n"):
        return None
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def picture_size(path: Path) -> tuple[int, int] | None:
    """(height, width) from a picture's header; None where it cannot be read."""
    from PIL import Image

    try:
        with Image.open(require_regular(path)) as picture:
            return picture.height, picture.width
    except Exception:  # noqa: BLE001 - damaged pictures make Pillow raise a dozen kinds
        return None
