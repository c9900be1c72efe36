"""Small facts that were found out before, in the user's cache, addressed by everything that they depend on.

One JSON file a key. What is missing, damaged or noted under another key reads as None, and is found out again. The
folder is bounded: the notes that were used longest ago go first.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganeval.core.files import read_json, write_json
from ganeval.core.folders import cache_root
from ganeval.errors import GanevalError

MOST = 4096  # notes of a few hundred bytes

_log = logging.getLogger(__name__)


def content_key(parts: Mapping[str, object]) -> str:
    """The SHA-256 of a JSON-ready description; equal descriptions in any order give equal keys.

    >>> content_key({"a": 1, "b": 2}) == content_key({"b": 2, "a": 1}) != content_key({"a": 1})
    True
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True, allow_nan=False).encode()).hexdigest()


def recall(key: str) -> Any:
    """What was noted under `key`, or None."""
    path = _place() / f"{key}.json"
    try:
        found = read_json(path)
        if not isinstance(found, dict) or found.get("key") != key or found.get("check") != _check(found.get("fact")):
            return None
    except (GanevalError, OSError, ValueError, RecursionError):  # ValueError: NaN, which no fact of ours holds
        return None
    with suppress(OSError):  # another user's note may be read, not touched
        os.utime(path)  # used now: dropped last
    return found["fact"]


def note(key: str, fact: Any) -> None:
    """Keep a JSON-ready fact; where nothing can be written, it is found out again next time."""
    try:
        write_json(_place() / f"{key}.json", {"key": key, "fact": fact, "check": _check(fact)})
        _drop_oldest()
    except (GanevalError, OSError, ValueError) as error:
        _log.debug("A note could not be kept (%s).", error)


def _place() -> Path:
    return cache_root() / "notes"


def _check(fact: Any) -> str:
    return content_key({"fact": fact})


def _drop_oldest() -> None:
    paths = list(_place().glob("*.json"))
    if len(paths) <= MOST:
        return
    ages = []
    for path in paths:
        with suppress(FileNotFoundError):  # another process may drop at the same time
            ages.append((path.stat().st_mtime_ns, path))
    for _, path in sorted(ages)[:-MOST]:
        with suppress(OSError):
            path.unlink(missing_ok=True)
