"""What a number is held against: the baseline, the run before, the step before;
and what may be said of the difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganeval.core.files import write_json
from ganeval.records.scores import ScoreRecord
from ganeval.report.changes import NO_DIFFERENCE, Changes, changes_of, difference
from ganeval.report.pictures import Pictures
from ganeval.report.view import Page
from ganeval.runs.discovery import find_runs

pytestmark = pytest.mark.usefixtures("words_only")

MakeRun = Callable[..., Any]


def record(value: float, half: float, better: str = "lower", name: str = "fid") -> ScoreRecord:
    interval = (value - half, value + half)
    kind: Any = better
    return ScoreRecord(name, "ok", value, half / 1.96, interval, 1000, better=kind)


@pytest.mark.parametrize(
    ("now", "then", "better", "said"),
    [
        (5.0, 1.0, "lower", "▼ worse"),
        (1.0, 5.0, "lower", "▲ better"),
        (5.0, 1.0, "higher", "▲ better"),
        (1.0, 5.0, "higher", "▼ worse"),
        (1.0, 1.5, "lower", NO_DIFFERENCE),
        (5.0, 1.0, "target", "moved"),
    ],
)
def test_the_word_follows_the_direction_and_the_interval(now: float, then: float, better: str, said: str) -> None:
    found = difference(record(now, 1.0, better), record(then, 1.0, better))
    assert found is not None
    assert found.word == said


def test_a_difference_of_symmetric_intervals_is_the_root_of_the_sum_of_squares() -> None:
    found = difference(record(7.0, 3.0), record(2.0, 4.0))
    assert found is not None
    assert found.interval == pytest.approx((0.0, 10.0))
    assert (found.base, found.delta) == (2.0, 5.0)


def test_the_interval_of_a_difference_of_proportions_is_newcombes() -> None:
    """Newcombe 1998, table II, 56/70 - 48/80, method 10: 0.0524 to 0.3339, from Wilson intervals."""
    wilson = [(0.6919, 0.8772), (0.4905, 0.7006)]
    pair = [
        replace(record(p, 0.1, "higher"), interval=ends) for p, ends in zip((56 / 70, 48 / 80), wilson, strict=True)
    ]
    found = difference(*pair)
    assert found is not None
    assert found.interval == pytest.approx((0.0524, 0.3339), abs=2e-4)


@given(st.floats(-5, 5), st.floats(0.01, 2), st.floats(-5, 5), st.floats(0.01, 2))
@settings(max_examples=25, deadline=None)
def test_turning_a_difference_round_turns_its_interval_round(a: float, s: float, b: float, t: float) -> None:
    there, back = difference(record(a, s), record(b, t)), difference(record(b, t), record(a, s))
    assert there is not None
    assert back is not None
    assert there.interval is not None
    assert back.interval is not None
    assert np.allclose(there.interval, (-back.interval[1], -back.interval[0]))


def test_a_difference_covers_the_truth_as_often_as_it_says() -> None:
    """Two proportions of 40 and 25 images near an edge: 95 % of the intervals hold the true difference."""
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(800):
        records = [_wilson(rng.binomial(n, p), n) for n, p in ((40, 0.95), (25, 0.8))]
        found = difference(*records)
        assert found is not None
        assert found.interval is not None
        hits += found.interval[0] <= 0.15 <= found.interval[1]
    assert 0.93 <= hits / 800 <= 0.985


def _wilson(k: int, n: int) -> ScoreRecord:
    z = 1.959963984540054
    middle, half = (k + z * z / 2) / (n + z * z), z / (n + z * z) * math.sqrt(k * (n - k) / n + z * z / 4)
    return replace(record(k / n, 1.0, "higher"), interval=(middle - half, middle + half))


def test_without_an_error_nothing_is_claimed() -> None:
    found = difference(replace(record(9.0, 1.0), interval=None), record(1.0, 1.0))
    assert found is not None
    assert (found.interval, found.word) == (None, "no error known")


def test_what_is_no_number_has_no_difference() -> None:
    assert difference(ScoreRecord("fid", "not computed: too few"), record(1.0, 1.0)) is None


def _views(root: Path) -> Page:
    return Page(find_runs(root), "", Pictures())


def _changes(root: Path, index: int) -> Changes:
    runs = _views(root).evaluated
    return changes_of(runs[index], runs)


def test_a_run_is_held_against_the_one_before_it(new_run: MakeRun, tmp_path: Path) -> None:
    for name, collapsed in (("one", False), ("two", True)):
        new_run(tmp_path, name, collapsed=collapsed, evaluated=(300,))
    assert _changes(tmp_path, 0).by_metric == {}
    found = _changes(tmp_path, 1)
    assert (found.kind, found.against) == ("run", "one")
    assert found.by_metric["fid"].word == "▼ worse"
    assert found.by_metric["fid"].delta == pytest.approx(30.0)
    assert "vendi" not in found.by_metric


def test_the_first_run_is_held_against_its_own_earlier_step(new_run: MakeRun, tmp_path: Path) -> None:
    new_run(tmp_path, "one", evaluated=(100, 300))
    found = _changes(tmp_path, 0)
    assert (found.kind, found.against) == ("step", "step 100")
    assert found.by_metric["fid"].word == "▲ better"
    assert found.by_metric["recall"].word == NO_DIFFERENCE


def test_runs_that_were_measured_otherwise_are_not_subtracted(new_run: MakeRun, tmp_path: Path) -> None:
    new_run(tmp_path, "one", evaluated=(300,))
    new_run(tmp_path, "two", evaluated=())
    path = tmp_path / "0001-one" / "eval" / "step-000300" / "result.json"
    text = path.read_text().replace("real:abababab", "real:00000000")
    other = tmp_path / "0002-two" / "eval" / "step-000300" / "result.json"
    other.parent.mkdir(parents=True)
    other.write_text(text)
    assert _changes(tmp_path, 1) == Changes()


def _verdict(value: float, **check: Any) -> dict[str, Any]:
    rule = {
        "metric": "recall",
        "verdict": "regressed",
        "value": value,
        "better": "higher",
        "checks": [
            {"what": "min", "base": 0.9},
            {
                "what": "difference",
                "verdict": "regressed",
                "base": 0.9,
                "delta": 0.1,
                "interval": [0.05, 0.15],
                **check,
            },
        ],
    }
    return {
        "schema": "ganeval.verdict/1",
        "created": "2026-01-02T03:04:05+00:00",
        "verdict": "regressed",
        "baseline": {"name": "main"},
        "rules": [rule],
    }


def test_the_gates_baseline_goes_before_everything_and_its_sign_is_turned(new_run: MakeRun, tmp_path: Path) -> None:
    new_run(tmp_path, "one")
    write_json(tmp_path / "0001-one" / "gate" / "verdict.json", _verdict(0.8))
    found = _changes(tmp_path, 0)
    assert (found.kind, found.against) == ("baseline", "main")
    change = found.by_metric["recall"]
    assert (change.base, change.delta, change.word) == (0.9, pytest.approx(-0.1), "✘ regressed")
    assert change.interval == pytest.approx((-0.15, -0.05))


@pytest.mark.parametrize("broken", [{"base": None}, {"base": "much"}, {"base": float("inf")}])
def test_a_broken_check_of_a_verdict_is_no_baseline(new_run: MakeRun, tmp_path: Path, broken: dict[str, Any]) -> None:
    new_run(tmp_path, "one", evaluated=(300,))
    view = _views(tmp_path).evaluated[0]
    object.__setattr__(view, "verdict", _verdict(0.8, **broken))
    assert changes_of(view, [view]) == Changes()


def test_a_verdict_about_other_images_is_left_to_its_panel(new_run: MakeRun, tmp_path: Path) -> None:
    new_run(tmp_path, "one", evaluated=(300,))
    write_json(tmp_path / "0001-one" / "gate" / "verdict.json", _verdict(0.7))
    assert _changes(tmp_path, 0) == Changes()


def test_the_table_shows_the_difference_with_its_sign(new_run: MakeRun, tmp_path: Path) -> None:
    from ganeval.report import build_report

    for name, collapsed in (("one", False), ("two", True)):
        new_run(tmp_path / "runs", name, collapsed=collapsed, evaluated=(300,))
    text = build_report(find_runs(tmp_path / "runs"), out=tmp_path / "r.html").path.read_text()
    row = text[text.index('id="m-1-fid"') :][:1500]
    assert ">+30.00<" in row
    assert "▼ worse" in row
    assert "+29.42 to +30.58" in row


def test_a_verdict_about_an_earlier_evaluation_hides_nothing_of_this_one(new_run: MakeRun, tmp_path: Path) -> None:
    new_run(tmp_path, "one", evaluated=(100, 300))
    verdict = {**_verdict(0.8), "created": "2025-12-31T00:00:00+00:00"}  # and recall happens to be the same
    write_json(tmp_path / "0001-one" / "gate" / "verdict.json", verdict)
    found = _changes(tmp_path, 0)
    assert (found.kind, found.against) == ("step", "step 100")


def test_the_word_beside_a_difference_is_that_of_the_difference(new_run: MakeRun, tmp_path: Path) -> None:
    new_run(tmp_path, "one", evaluated=(300,))
    write_json(tmp_path / "0001-one" / "gate" / "verdict.json", _verdict(0.8, verdict="ok"))  # red by its min alone
    assert "regressed" not in _changes(tmp_path, 0).by_metric["recall"].word
