"""What several networks said of the same images, read from the details of `fdr` or `eye_gap`. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ganeval.records.score import ScoreRecord

SCORES = ("fdr", "eye_gap")
MOST = 100  # networks that are shown


@dataclass(frozen=True)
class EyeRow:
    """One network: how many times as far as other real images the fakes are, and both distances."""

    name: str
    ratio: float
    se: float
    distance: float
    real_against_real: float
    chosen: bool  # whether it is the protocol's own network


def eyes_of(scores: Mapping[str, ScoreRecord]) -> list[EyeRow]:
    """The rows, the protocol's own network first; [] where no score has any. Rows that are not whole are left out.

    >>> row = {"name": "pixels", "ratio": 1.5, "se": 0.1, "distance": 3.0, "real_against_real": 2.0, "chosen": True}
    >>> eyes_of({"fdr": ScoreRecord("fdr", "ok", 1.5, details={"eyes": [row, {"name": "broken"}]})})[0].ratio
    1.5
    """
    for name in SCORES:
        found = scores[name].details.get("eyes") if name in scores and scores[name].ok else None
        if isinstance(found, list):
            return [row for row in map(_row, found[:MOST]) if row is not None]
    return []


def _row(said: Any) -> EyeRow | None:
    numbers = ("ratio", "se", "distance", "real_against_real")
    if not isinstance(said, Mapping) or not all(_is_number(said.get(key)) for key in numbers):
        return None
    ratio, se, distance, real = (float(said[key]) for key in numbers)
    return EyeRow(str(said.get("name", "")), ratio, se, distance, real, said.get("chosen") is True)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
