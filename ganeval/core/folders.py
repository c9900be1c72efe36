"""Where this user's files lie: the cache."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def cache_root() -> Path:
    """`$XDG_CACHE_HOME/ganeval`, or `~/.cache/ganeval`; without a home, a folder of this user's in the temporary
    one.
    """
    named = os.environ.get("XDG_CACHE_HOME")
    if named:
        return Path(named) / "ganeval"
    try:
        return Path.home() / ".cache" / "ganeval"
    except RuntimeError:  # no HOME, and the system knows none
        return Path(tempfile.gettempdir()) / f"ganeval-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
