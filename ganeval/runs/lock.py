"""One writer of a run at a time: a lock that dies with its owner.

The system's lock on `lock.json` decides: it is gone with the process that held it, whoever has its number now. What the
file says (process, when that began, machine) decides where the file system has no locks, and between machines, whose
locks need not reach each other: there a run counts as written while its log has grown in the last ten minutes.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ganeval.core.files import open_regular
from ganeval.errors import BusyRunError
from ganeval.runs import layout

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

SILENCE = 600.0  # seconds without a sign of life after which another machine's writer counts as dead
MAX_OWNER = 4096  # bytes that say who writes


@contextlib.contextmanager
def sole_writer(run: Path) -> Iterator[None]:
    """Inside, no other process is a writer of `run`; raises `BusyRunError` while another one is."""
    path = run / layout.LOCK
    handle = _open_locked(path)
    try:
        if (owner := _owner(path)) and _may_live(owner, run, locked=handle is not None):
            raise _busy(run, owner)
        path.write_text(json.dumps(_myself()) + "\n", encoding="utf-8")
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                path.unlink()
    finally:
        if handle is not None:
            os.close(handle)


def _open_locked(path: Path) -> int | None:
    """A handle that holds the lock of `path` until it is closed; None where the file system has no locks."""
    while fcntl is not None:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        except BlockingIOError:
            os.close(handle)
            raise _busy(path.parent, _owner(path)) from None
        except FileNotFoundError:  # its owner ended, and took it away, since it was opened: the next file is another
            pass
        except OSError:
            os.close(handle)
            return None
        os.close(handle)
    return None


def _busy(run: Path, owner: Mapping[str, Any]) -> BusyRunError:
    who = f"process {owner.get('pid', '?')} on {owner.get('host', 'this machine')}"
    return BusyRunError(
        f"Only one process may write a run; {run.name} is being written by {who}. Wait for it or stop it; "
        f"if it is no more, delete {run / layout.LOCK}."
    )


def _myself() -> dict[str, Any]:
    return {"host": socket.gethostname(), "pid": os.getpid(), "started": _started(os.getpid())}


def _owner(path: Path) -> dict[str, Any]:
    """Who the file names; nobody where it is empty, as it is between its making and the first word."""
    try:
        with open_regular(path) as file:
            owner = json.loads(file.read(MAX_OWNER))
    except (OSError, ValueError, RecursionError):  # every error of ours is a ValueError
        return {}
    return owner if isinstance(owner, dict) and isinstance(owner.get("pid"), int) else {}


def _may_live(owner: Mapping[str, Any], run: Path, *, locked: bool) -> bool:
    if owner.get("host") != socket.gethostname():
        return time.time() - max(map(_changed, (run / layout.LOCK, run / layout.EVENTS))) < SILENCE
    return not locked and _exists(owner["pid"]) and owner.get("started") == _started(owner["pid"])


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _exists(pid: int) -> bool:
    if os.name == "nt":  # there os.kill ends the process it asks about
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # another user's
        return True
    return pid > 0


def _started(pid: int) -> str:
    """When a process began, in the system's own words, so that its number given to another is noticed;
    "" if unknown.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
