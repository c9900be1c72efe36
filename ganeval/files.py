"""Files that are never half written and never wait: atomic replace, strict JSON, appended lines, bounded reads."""

from __future__ import annotations

import errno
import io
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ganeval.errors import BrokenRunError, GanevalError, MissingFileError, WrongInputError, printable

MAX_JSON_BYTES = 64 * 2**20


def open_regular(path: str | Path) -> BinaryIO:
    """Open a regular file (links are followed) for reading bytes; a pipe, socket or device is never waited for.

    Raises: MissingFileError where nothing is, WrongInputError for what is no regular file or may not be read.
    """
    path = require_regular(path)
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):  # it was exchanged since it was looked at
        os.close(handle)
        raise _not_regular(path, "something else")
    return os.fdopen(handle, "rb")


def require_regular(path: str | Path) -> Path:
    """`path`, which is a regular file or a link to one; raises as `open_regular` does, without opening it."""
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(mode):
        raise _not_regular(path, KINDS.get(stat.S_IFMT(mode), "something else"))
    return path


KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"} | dict.fromkeys(
    (stat.S_IFCHR, stat.S_IFBLK), "a device"
)


def _not_regular(path: Path, kind: str) -> WrongInputError:
    return WrongInputError(f"Expected a regular file at {printable(path)}; it is {kind}. Remove it, or name a file.")


def _unreadable(path: Path, error: OSError | ValueError) -> MissingFileError | WrongInputError:
    name = printable(path)
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        why = error.strerror if isinstance(error, OSError) else str(error)
        return WrongInputError(f"{name} cannot be read: {why}. Check its name and its permissions.")
    if path.is_symlink():
        return MissingFileError(f"{name} is a link to {printable(path.readlink())}, where nothing is. Mend the link.")
    return MissingFileError(f"There is no file {name}. Check the path.")


def write_atomic(path: str | Path, content: bytes | str) -> Path:
    """Write through a temporary file beside `path`, fsync, then rename: readers see the old file or the new one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def require_writable(path: str | Path) -> None:
    """Raise `GanevalError` before an hour of work where its result could not be written to `path`."""
    path = Path(path)
    place = next((place for place in (path.parent, *path.parent.parents) if os.path.lexists(place)), Path())
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        why = error.strerror or error
        raise GanevalError(f"{printable(path)} could not be written: {why}. Choose another place.") from error


def render_json(value: Any) -> str:
    """Strict JSON (no NaN, no Infinity), sorted keys, two spaces, LF at the end: equal values give equal bytes."""
    return json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"


def write_json(path: str | Path, value: Any) -> Path:
    return write_atomic(path, render_json(value))


def read_json(path: str | Path) -> Any:
    """Read one JSON document of at most 64 MiB; a broken one raises `BrokenRunError` naming the file."""
    path = Path(path)
    try:
        return json.loads(_bounded(path))
    except BrokenRunError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise BrokenRunError(f"Expected a JSON document in {path}; {error}. Restore or delete that file.") from error


def _bounded(path: Path) -> bytes:
    with open_regular(path) as file:
        data = file.read(MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        raise BrokenRunError(f"{path} is larger than {MAX_JSON_BYTES // 2**20} MiB; that is no ganeval JSON file.")
    return data


def append_jsonl(path: str | Path, *records: dict[str, Any]) -> None:
    """Append one line per record, all in one write, so that concurrent writers and crashes never tear a line."""
    lines = "".join(json.dumps(r, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n" for r in records)
    append_text(path, lines)


def append_text(path: str | Path, text: str) -> None:
    """Append in one write; a disk that takes only a part of it is an `OSError`, not a success."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        if os.write(handle, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    finally:
        os.close(handle)


def read_jsonl(path: str | Path, max_lines: int = 2_000_000) -> Iterator[dict[str, Any]]:
    """Yield the records of a JSONL file; a torn line (a crash) is skipped, NaN tokens become None."""
    with io.TextIOWrapper(open_regular(path), encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file):
            if number >= max_lines:
                return
            try:
                record = _LENIENT.decode(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict):
                yield record


_LENIENT = json.JSONDecoder(parse_constant=lambda _: None)  # made once: it costs more than a line does


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
