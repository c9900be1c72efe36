"""Evaluations as text: what stands beside a number so that it can be read."""

from __future__ import annotations

import pytest

from ganeval.cli.tables import render_floor
from ganeval.records.scores import Floor, ScoreRecord


@pytest.mark.parametrize(
    ("floor", "text"),
    [
        (None, ""),
        (Floor(0.5, 0.25, n=1000), "0.50 +- 0.25"),
        (Floor(0.5, 0.25, n=180), "0.50 +- 0.25 (n = 180)"),
        (Floor(0.5, 0.25), "0.50 +- 0.25"),
    ],
)
def test_a_floor_at_another_n_says_so(floor: Floor | None, text: str) -> None:
    assert render_floor(ScoreRecord("fid", "ok", 1.0, 0.1, n=1000, floor=floor)) == text
