"""Only a table of classes is a table of classes: some metrics keep a number or other words under that name."""

from __future__ import annotations

from typing import Any

import pytest

from ganeval.gate.entry import _by_class
from ganeval.records.scores import ScoreRecord


@pytest.mark.parametrize("classes", [10, None, "10", {"a": 1}, [1], [{"name": "a"}]])
def test_what_is_no_table_has_no_classes(classes: Any) -> None:
    assert _by_class(ScoreRecord("label_swap", "ok", 0.9, details={"classes": classes})) == {}


def test_a_table_gives_hits_and_trials() -> None:
    rows = [{"name": "a", "n": 10, "recall": 0.7}, {"name": "b", "n": 5, "recall": None}]
    assert _by_class(ScoreRecord("classifier_score", "ok", 0.5, details={"classes": rows})) == {
        "a": (7, 10),
        "b": (0, 5),
    }
