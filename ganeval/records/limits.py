"""What an evaluation without a finding could not have shown: the faults that its intervals leave room for."""

from __future__ import annotations

from collections.abc import Mapping

from ganeval.records.findings import copies_of, measured, shortfall
from ganeval.records.score import ScoreRecord
from ganeval.records.text import percent

Scores = Mapping[str, ScoreRecord]
FAINT = "noise, compression or a pattern too faint to change how real they look"


def size_of(scores: Scores) -> int:
    """How many images were measured; 0 where no score says."""
    sizes = (record.n for name in _ROOM if (record := measured(scores, name)) is not None)
    return max((n for n in sizes if n), default=0)


def limits_of(scores: Scores) -> str:
    """A sentence; "" where nothing says how many images were measured."""
    found = [text for name in _ROOM if (text := _room(scores, name))]
    if (copies := copies_of(scores)) is not None and copies.interval is not None:
        found.insert(0, f"{percent(copies.interval[1])} copies of training images")
    n = size_of(scores)
    room = "; ".join([*(f"up to {text}" for text in found), FAINT])
    return f"{n:,} images cannot rule out (95 %): {room}." if n else ""


_ROOM: Mapping[str, str] = {
    "precision": "{} more images that do not look real than among real ones",
    "classifier_score": "{} more that show another class than was asked for",
    "recall": "{} less of the variety of real images",
}


def _room(scores: Scores, name: str) -> str:
    record = measured(scores, name)
    room = None if record is None else shortfall(record)
    return "" if not room else _ROOM[name].format(percent(room))
