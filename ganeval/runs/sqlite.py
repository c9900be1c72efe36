"""Strangers' SQLite files, opened so that nothing is written, locked or run."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from ganeval.core.apart import place_of
from ganeval.core.files import open_regular
from ganeval.errors import GanevalError


@contextmanager
def open_read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that reads only; the schema's own functions and triggers are not trusted."""
    with closing(sqlite3.connect(f"file:{quote(str(place_of(path)))}?mode=ro", uri=True, timeout=2)) as database:
        database.execute("PRAGMA trusted_schema=OFF")
        database.execute("PRAGMA query_only=ON")
        yield database


def columns_of(path: Path, table: str) -> frozenset[str]:
    """The columns of a table; none where there is no such table or `path` is no database."""
    try:
        with open_regular(path) as file:
            if file.read(16) != b"SQLite format 3\0":
                return frozenset()
        with open_read_only(path) as database:
            return frozenset(row[1] for row in database.execute("SELECT * FROM pragma_table_info(?)", (table,)))
    except (OSError, GanevalError, sqlite3.Error):
        return frozenset()
