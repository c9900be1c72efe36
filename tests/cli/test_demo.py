"""What the demo says: the collapsed generator by name, every number with its error,
one sentence when training fails.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ganeval.cli.demo import DemoResult, demo, render
from ganeval.errors import GanevalError
from ganeval.records.scores import Evaluation, Floor, Passport, ScoreRecord


def evaluation(missing: list[str]) -> Evaluation:
    passport = Passport("digits:test", "", 100, 64, "digits-cnn", "", "")
    lost = {"missing": [{"name": name, "chance": 0.0} for name in missing]}
    scores = {
        "fid": ScoreRecord("fid", "ok", 12.345, se=0.41, floor=Floor(1.25, 0.11, 50, "halves")),
        "precision": ScoreRecord("precision", "ok", 1.0, interval=(0.963, 1.0)),
        "kid": ScoreRecord("kid", "not computed: too few rows"),
        "missing_classes": ScoreRecord("missing_classes", "ok", float(len(missing)), details=lost),
    }
    return Evaluation("g", "2026-01-01T00:00:00+00:00", passport, passport, scores)


@pytest.fixture(scope="module")
def text() -> str:
    found = {"healthy": evaluation([]), "collapsed": evaluation(["4", "9"])}
    return render(DemoResult(Path("runs"), Path("report.html"), found))


def test_the_collapsed_generator_is_named_with_the_classes_it_never_draws(text: str) -> None:
    assert "collapsed: COLLAPSED, it never generates 4, 9." in text
    assert "healthy: all classes are there." in text


@pytest.mark.parametrize("cell", ["12.35 +- 0.41", "1 [0.963, 1]", "1.25 +- 0.11", "not computed"])
def test_every_number_has_its_error_and_its_floor(text: str, cell: str) -> None:
    assert cell in text


def test_a_training_that_fails_is_one_sentence_with_its_last_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganeval.cli.demo.RECIPES", {"healthy": ("no_such_system",)})
    with pytest.raises(GanevalError, match=r"Training no_such_system .* ended with code"):
        demo(tmp_path / "runs", tmp_path / "report.html")
