"""What every verb needs to say and to check: notes on stderr, places that can be written."""

from __future__ import annotations

import sys
from pathlib import Path

from ganeval.core.files import require_writable
from ganeval.errors import printable


def note(text: str) -> None:
    print(f"ganeval: {printable(text, 4096)}", file=sys.stderr)


def require_places(*paths: Path | None) -> None:
    """Before an hour of work: everything that it will be written to can be written."""
    for path in paths:
        if path is not None:
            require_writable(path)
