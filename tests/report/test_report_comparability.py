"""What is compared with what: metric by metric, by signatures; and floors only where they are floors."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ganeval.records.scores import Evaluation, Floor, ScoreRecord
from ganeval.report import build_report
from ganeval.report.changes import changes_of
from ganeval.report.comparability import alike, fair_floor, ranks, unlike
from ganeval.report.panels.comparison import _lanes
from ganeval.report.pictures import Pictures
from ganeval.report.view import Page
from ganeval.runs.discovery import find_runs

MakeRun = Callable[..., Any]
NAMES = ("fid", "kid", "precision", "recall", "classifier_score")


def _rewrite(run: Path, change: Callable[[str, ScoreRecord], ScoreRecord | None]) -> None:
    path = run / "eval" / "step-000300" / "result.json"
    evaluation = Evaluation.read(path)
    scores = {name: new for name, record in evaluation.scores.items() if (new := change(name, record))}
    replace(evaluation, scores=scores).write(path)


@pytest.fixture
def three(new_run: MakeRun, tmp_path: Path) -> Path:
    for name in ("one", "two", "odd"):
        new_run(tmp_path / "runs", name, names=("a", "b"), steps=(), evaluated=(300,))
    return tmp_path / "runs"


def _page(root: Path) -> Page:
    return Page(find_runs(root), "", Pictures())


def _text(root: Path) -> str:
    page = build_report(find_runs(root), out=root.parent / "r.html").path.read_text()
    text = html.unescape(re.sub(r"<[^>]+>", "", page[: page.index('id="data"')]))
    return " ".join(text.split())  # as a browser shows it


@pytest.mark.usefixtures("words_only")
def test_a_run_without_label_metrics_costs_no_metric_itsranks(three: Path) -> None:
    _rewrite(three / "0003-odd", lambda name, r: None if name in ("classifier_score", "class_balance") else r)
    runs = _page(three).evaluated
    assert [len(ranks(runs, name)) for name in NAMES] == [3, 3, 3, 3, 2]
    assert set(changes_of(runs[2], runs).by_metric) >= {"fid", "kid", "precision", "recall"}
    assert "Not measured alike" not in _text(three)


@pytest.mark.usefixtures("words_only")
@pytest.mark.parametrize(
    ("old", "new", "metrics", "said"),
    [
        ("real:abababab", "real:00000000", NAMES, "the real images"),
        ("x:digits-cnn@cdcd", "x:pixels", NAMES, "the network"),
        ("n:1000", "n:500", ("fid", "recall"), "the number of images"),
        ("v:1", "v:2", NAMES, "the metric's version"),
    ],
)
def test_the_message_names_the_run_the_metrics_and_what_differs(
    three: Path, old: str, new: str, metrics: tuple[str, ...], said: str
) -> None:
    _rewrite(three / "0003-odd", lambda _, r: replace(r, signature=r.signature.replace(old, new)))
    runs = _page(three).evaluated
    for name in NAMES:
        assert set(ranks(runs, name)) == ({0, 1} if name in metrics else {0, 1, 2})
    found = unlike(runs, NAMES)
    assert [({run.label for run in u.runs}, u.metrics, u.words) for u in found] == [({"odd"}, metrics, said)]
    assert re.search(rf"Not measured alike:\s*odd differs from the other runs in {said}", _text(three))


@pytest.mark.usefixtures("words_only")
def test_one_metric_with_another_option_costs_only_itself(three: Path) -> None:
    _rewrite(three / "0003-odd", lambda n, r: replace(r, signature=r.signature + "|k:5") if n == "precision" else r)
    runs = _page(three).evaluated
    assert {name: len(ranks(runs, name)) for name in NAMES}["precision"] == 2
    changes = changes_of(runs[2], runs)
    assert "precision" not in changes.by_metric
    assert changes.unlike == {"precision": "its option 'k'"}
    assert "No Δ for precision: its number differs from that of two in its option 'k'." in _text(three)


def test_another_seed_is_another_sample_of_the_same_thing(three: Path) -> None:
    _rewrite(three / "0003-odd", lambda _, r: replace(r, signature=r.signature + "|seed:7"))
    assert [len(alike(_page(three).evaluated, name)) for name in NAMES] == [3] * 5


def test_a_run_is_held_against_the_one_it_shares_most_metrics_with(three: Path) -> None:
    odd = lambda n, r: r if n == "kid" else replace(r, signature=r.signature.replace("real:", "real:1"))  # noqa: E731
    _rewrite(three / "0002-two", odd)
    runs = _page(three).evaluated
    changes = changes_of(runs[2], runs)
    assert (changes.against, changes.unlike) == ("one", {})


def test_runs_that_share_no_metric_are_not_subtracted(three: Path) -> None:
    for run in ("0001-one", "0002-two"):
        _rewrite(three / run, lambda _, r: replace(r, signature=r.signature.replace("x:", "x:other-")))
    runs = _page(three).evaluated
    assert changes_of(runs[2], runs).by_metric == {}
    assert ranks(runs, "fid").keys() == {0, 1}


def _with_floor(record: ScoreRecord, n: int) -> ScoreRecord:
    return replace(record, floor=Floor(3.0, 0.1, n, "halves"))


def test_a_floor_at_another_n_says_so_and_is_no_measure_for_a_metric_with_a_bias_in_n(three: Path) -> None:
    for run in three.iterdir():
        _rewrite(run, lambda name, r: _with_floor(r, 225) if name in ("fid", "kid") else r)
    scores = _page(three).evaluated[0].evaluation
    assert scores is not None
    assert fair_floor(scores["fid"]) is None
    assert fair_floor(scores["kid"]) is not None
    page = build_report(find_runs(three), out=three.parent / "r.html").path.read_text()
    assert page.count("at n = 225") == 6
    charts = {
        name: page[page.index(f'aria-labelledby="compare-{name}-t') :].split("</svg>")[0] for name in ("fid", "kid")
    }
    assert ["dashed: what real images get" in charts[name] for name in ("fid", "kid")] == [False, True]


@pytest.mark.usefixtures("words_only")
def test_a_floor_at_the_same_n_is_not_said_twice(three: Path) -> None:
    assert "at n =" not in _text(three).replace("no fault found at n =", "")


def test_the_mark_of_real_images_lies_inside_the_axes(three: Path) -> None:
    _rewrite(three / "0003-odd", lambda n, r: replace(r, floor=Floor(2.4, 0.1, r.n)) if n == "density" else r)
    page = build_report(find_runs(three), out=three.parent / "r.html").path.read_text()
    chart = page[page.index('aria-labelledby="plane-density-t') :].split("</svg>")[0]
    low, high = (float(end) for end in re.findall(r'data-y="([^"]*)"', chart)[0].split()[2:4])
    assert low < 2.4 < high


@pytest.mark.parametrize("seeds", [2, 3, 9])
def test_the_seeds_of_a_recipe_have_one_label_and_stay_on_their_line(
    new_run: MakeRun, tmp_path: Path, seeds: int
) -> None:
    for name in (*(f"proj seed {i}" for i in range(seeds)), "other"):
        new_run(tmp_path / "runs", name, names=("a", "b"), steps=(), evaluated=(300,))
    lanes = list(_lanes(_page(tmp_path / "runs").evaluated).values())
    assert [round(lane) for lane in lanes] == [0] * seeds + [1]
    assert lanes[-1] - lanes[-2] > 0.5
    page = build_report(find_runs(tmp_path / "runs"), out=tmp_path / "r.html").path.read_text()
    chart = page[page.index('aria-labelledby="compare-fid-t') :].split("</svg>")[0]
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", chart)
    assert (texts.count("proj"), texts.count("other")) == (1, 1)
