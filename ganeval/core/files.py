"""Files that are never half written and never wait: atomic replace, strict JSON, appended lines, bounded reads."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ganeval.core.places import says_where
from ganeval.errors import BrokenRunError, GanevalError, MissingFileError, WrongInputError, printable

try:
    import fcntl
except ImportError:  # Windows: what is abandoned is then known by its age alone
    fcntl = None

MAX_JSON_BYTES = 64 * 2**20
MAX_LOG = 512 * 2**20  # bytes of one log that are read
MAX_LINE = 2**20
MAX_RATIO = 500  # of what a file claims to what is stored; deflate reaches 1032 on nothing but zeros
MAX_HOLE = 2**20  # below it a file system may store a file anywhere
PART = (".ganeval-", ".part")  # around the name of a folder in which one file is being made
_ABANDONED = 3600.0  # seconds after which a folder that cannot be locked counts as left behind
_ATTEMPTS = 5


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


def stored_bytes(found: os.stat_result) -> int:
    """What a file takes on the disk: less than its size where it has holes. Of small files, and where the system does
    not say, its size.
    """
    blocks = getattr(found, "st_blocks", None)
    return found.st_size if blocks is None or found.st_size <= MAX_HOLE else blocks * 512


def require_log(path: str | Path) -> Path:
    """`path`, which is a regular file that can be a log; raises for others, for holes and beyond `MAX_LOG` bytes."""
    path = require_regular(path)
    found = path.stat()
    if found.st_size > MAX_RATIO * stored_bytes(found):
        raise WrongInputError(
            f"{printable(path)} claims {found.st_size:,} bytes, of which {stored_bytes(found):,} are stored: nearly "
            "all of it is a hole, and it is not read. Remove it, or write it again."
        )
    if found.st_size > MAX_LOG:
        raise WrongInputError(
            f"{printable(path)} has {found.st_size:,} bytes; of a log at most {MAX_LOG:,} are read. Shorten it."
        )
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
        return MissingFileError(f"{name} is a link to {printable(path.readlink())}, where nothing is. Fix the link.")
    return MissingFileError(f"There is no file {name}. Check the path.")


@says_where(PART[0])
def write_atomic(path: str | Path, content: bytes | str) -> Path:
    """Write beside `path` in a hidden folder that git ignores, fsync, then rename: readers see the old file or the new.

    What a killed process left beside `path` is taken away first. A device or a pipe (/dev/stdout) is written to as it
    is.
    """
    path = Path(path)
    data = encoded(content) if isinstance(content, str) else content
    if _is_special(path):
        _write_into(path, data)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent)
    for attempt in range(_ATTEMPTS):
        try:
            with _part_folder(path.parent) as folder:
                _write_new(folder / "content", data).replace(path)
            break
        except FileNotFoundError:  # another process took the new folder for an abandoned one before it was locked
            if attempt == _ATTEMPTS - 1 or not path.parent.is_dir():
                raise
    return path


@says_where(PART[0])
def make_folder(path: Path, files: Mapping[str, str]) -> None:
    """Make a folder with these texts in it, at once: a killed process leaves all of it or nothing that anybody sees.

    Raises `FileExistsError` where something of that name is there.
    """
    remove_abandoned(path.parent)
    with _part_folder(path.parent) as part:
        folder = part / "content"
        folder.mkdir()
        for name, text in files.items():
            _write_new(folder / name, encoded(text))
        try:
            if not os.path.lexists(path):  # an empty folder would be replaced
                folder.rename(path)
                return
        except OSError:
            if not path.is_dir():
                raise
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


def require_writable(path: str | Path) -> None:
    """Raise `GanevalError` before an hour of work where its result could not be written to `path`."""
    path = Path(path)
    with writing(path):
        if _is_special(path):
            return
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        place = next((place for place in (path.parent, *path.parent.parents) if os.path.lexists(place)), Path())
        with _part_folder(place) as folder:
            _write_new(folder / "content", b"")


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """What the system says inside against `path` becomes the sentence that it could not be written."""
    try:
        yield
    except GanevalError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        why = getattr(error, "strerror", None) or error
        raise GanevalError(f"{printable(path)} could not be written: {why}. Choose another place.") from error


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Only one process at a time is inside, per folder; others wait. Where the system has no locks, nobody waits."""
    handle = _locked(folder, wait=True)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _is_special(path: Path) -> bool:
    """A device, a pipe or a socket: what must be written to, and never replaced."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _write_into(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))  # a pipe that nobody reads is an error, no wait
    os.set_blocking(handle, True)
    with os.fdopen(handle, "wb", buffering=0) as file:
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]


def _write_new(path: Path, data: bytes) -> Path:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return path


@contextlib.contextmanager
def _part_folder(parent: Path) -> Iterator[Path]:
    """A new hidden folder in `parent` with a .gitignore, locked while it is used, and gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=PART[0], suffix=PART[1], dir=parent))
    handle = None
    try:
        handle = _locked(folder, wait=True)
        _hide_from_git(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def _hide_from_git(folder: Path) -> None:
    """Write a .gitignore, whole from its first moment where the system can do that: git would see an empty one."""
    with contextlib.suppress(AttributeError, OSError), _opened(folder, os.O_RDONLY) as place:
        with _opened(folder, os.O_TMPFILE | os.O_WRONLY) as handle:
            os.write(handle, b"*\n")
            os.link(f"/proc/self/fd/{handle}", ".gitignore", dst_dir_fd=place)
        return
    (folder / ".gitignore").write_text("*\n")


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    handle = os.open(path, flags, 0o666)
    try:
        yield handle
    finally:
        os.close(handle)


def remove_abandoned(parent: Path) -> None:
    """Remove the hidden folders in `parent` in which a process that is gone was making a file."""
    with os.scandir(parent) as entries:
        parts = [e.path for e in entries if e.name.startswith(PART[0]) and e.name.endswith(PART[1])]
    for folder in map(Path, parts):
        with contextlib.suppress(OSError):
            handle = _locked(folder, wait=False)
            if handle is not None or time.time() - folder.stat().st_mtime > _ABANDONED:
                shutil.rmtree(folder, ignore_errors=True)
            if handle is not None:
                os.close(handle)


def _locked(folder: Path, *, wait: bool) -> int | None:
    """A handle that holds the folder's lock until it is closed; None where there are no locks. A dead owner has none.

    Raises `BlockingIOError` where another process has it and nobody wants to wait.
    """
    if fcntl is None:
        return None
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(handle)
        raise
    except OSError:  # a network file system without locks
        os.close(handle)
        return None
    return handle


def encoded(text: str) -> bytes:
    r"""UTF-8. A byte of a file's name that is none became a lone surrogate; it is written as an escape that JSON reads
    back.

    >>> encoded(json.dumps("caf\udce9", ensure_ascii=False))
    b'"caf\\udce9"'
    """
    return text.encode("utf-8", "backslashreplace")


def strict(value: Any) -> Any:
    """The value with NaN and infinities as None, tuples as lists, keys as text: what strict JSON can hold.

    >>> strict({1: (0.5, float("nan"))})
    {'1': [0.5, None]}
    """
    if isinstance(value, dict):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int, bool)):
        return value
    return strict(value.tolist()) if hasattr(value, "tolist") else str(value)  # of numpy and torch


def render_json(value: Any) -> str:
    """Strict JSON (no NaN, no Infinity), sorted keys, two spaces, LF at the end: equal values give equal bytes."""
    return encoded(json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n").decode()


def render_line(record: dict[str, Any]) -> str:
    """One record as one line of a JSONL file, LF at the end."""
    return encoded(json.dumps(record, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n").decode()


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
        said = str(error).rstrip(".")
        raise BrokenRunError(f"Expected a JSON document in {path}; {said}. Restore or delete that file.") from error


def _bounded(path: Path) -> bytes:
    with open_regular(path) as file:
        data = file.read(MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        raise BrokenRunError(f"{path} is larger than {MAX_JSON_BYTES // 2**20} MiB; that is no ganeval JSON file.")
    return data


def append_jsonl(path: str | Path, *records: dict[str, Any]) -> None:
    """Append one line per record, all in one write, so that concurrent writers and crashes never tear a line."""
    append_text(path, "".join(map(render_line, records)))


@says_where(PART[0])
def append_text(path: str | Path, text: str) -> None:
    """Append in one write and fsync; a disk that takes only a part of it is an `OSError`, not a success.

    A line that a crash has torn is ended first, so that it cannot swallow the next one.
    """
    path = Path(path)
    if _is_special(path):
        return _write_into(path, encoded(text))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        with contextlib.suppress(OSError):  # without locks a blank line may come in, nothing else
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX)
        data = (b"" if _ends_a_line(handle) else b"\n") + encoded(text)
        if os.write(handle, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(handle)
    finally:
        os.close(handle)


def _ends_a_line(handle: int) -> bool:
    size = os.lseek(handle, 0, os.SEEK_END)
    if size == 0:
        return True
    os.lseek(handle, size - 1, os.SEEK_SET)
    return os.read(handle, 1) == b"\n"


def lines_of(path: str | Path) -> Iterator[str]:
    """The lines of a log (see `require_log`); undecodable bytes are replaced, endless lines cut."""
    seen = 0  # a log may grow while it is read
    with open_regular(require_log(path)) as file:
        while seen < MAX_LOG and (line := file.readline(MAX_LINE)):
            seen += len(line)
            yield line.decode("utf-8", errors="replace")


def read_jsonl(path: str | Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a JSONL file; a torn line (a crash) is skipped, NaN tokens become None."""
    for line in lines_of(path):
        try:
            record = _LENIENT.decode(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            yield record


_LENIENT = json.JSONDecoder(parse_constant=lambda _: None)  # made once: it costs more than a line does
