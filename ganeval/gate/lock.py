"""One process at a time replaces a baseline: a lock file beside it, held by the kernel, so that a dead owner loses it.

The lock is `flock` on `.NAME.json.lock`, not the file's existence: whatever a killed process leaves behind binds
nobody.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganeval.errors import GanevalError

PATIENCE = 60.0  # seconds; writing a baseline takes less than one


class LockedError(GanevalError):
    """Another process holds the lock and does not let go."""


@contextmanager
def locked(path: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock of the file `path`; wait up to `patience` seconds for another process that does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{path.name}.lock")
    handle = _acquired(lock, time.monotonic() + patience)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(handle)


def _acquired(lock: Path, until: float) -> int:
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        if _taken(handle) and _is_still(handle, lock):
            return handle
        os.close(handle)
        if time.monotonic() > until:
            raise LockedError(f"Another process is writing {lock.name[1:-5]}; wait until it is done, then try again.")
        time.sleep(0.02)


def _taken(handle: int) -> bool:
    import fcntl  # not everywhere; only who writes a baseline needs it

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still(handle: int, lock: Path) -> bool:
    """The owner before may have taken the file away after it was opened here."""
    try:
        return os.path.samestat(os.fstat(handle), lock.stat())
    except FileNotFoundError:
        return False
