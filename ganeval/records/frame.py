"""An evaluation as a table of pandas, which is needed for this alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganeval.core.extras import require
from ganeval.records.score import ScoreRecord


def frame_of(records: Mapping[str, ScoreRecord]) -> Any:
    """One row for each record, by name."""
    require("pandas", what="A frame")
    import pandas as pd

    names = sorted(records)
    return pd.DataFrame([_row(records[name]) for name in names], index=pd.Index(names, name="metric"))


def _row(record: ScoreRecord) -> dict[str, Any]:
    low, high = record.interval or (None, None)
    floor = record.floor
    return {
        "value": record.value,
        "se": record.se,
        "low": low,
        "high": high,
        "n": record.n,
        "better": record.better,
        "perfect": record.perfect,
        "floor": floor and floor.value,
        "floor_se": floor and floor.se,
        "question": record.question,
        "version": record.version,
        "status": record.status,
    }
