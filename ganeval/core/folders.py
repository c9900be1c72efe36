"""Where this user's files lie: the cache."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from platformdirs import user_cache_path


def cache_root() -> Path:
    """The system's place for caches: `~/.cache/ganeval` on Linux, `~/Library/Caches/ganeval` on macOS,
    `%LOCALAPPDATA%/ganeval/Cache` on Windows.

    `$XDG_CACHE_HOME` goes before it on all three. Without a home, a folder of this user's in the temporary one.
    """
    named = os.environ.get("XDG_CACHE_HOME")
    if named:
        return Path(named) / "ganeval"
    try:
        Path.home()
    except RuntimeError:  # no HOME, and the system knows none
        return Path(tempfile.gettempdir()) / f"ganeval-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
    return user_cache_path("ganeval", appauthor=False)
