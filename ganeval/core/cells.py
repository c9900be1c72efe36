"""Cells of a CSV file that a spreadsheet may open."""

from __future__ import annotations

from typing import Any


def harmless(cell: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets a quote.

    >>> harmless("=1+1"), harmless(-1.5), harmless("fid")
    ("'=1+1", -1.5, 'fid')
    """
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
