"""Runs of one recipe: found by their settings or their names, summed up over seeds, never better by luck alone."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path

import pytest
import scipy.stats

from ganeval.records.scores import Evaluation, Passport, ScoreRecord
from ganeval.report import build_report
from ganeval.report.recipes import Mean, best_of, mean_of, recipes_of
from ganeval.report.view import RunView
from ganeval.runs.directory import RunDirectory, create_run
from ganeval.runs.discovery import find_runs
from ganeval.runs.record import RunRecord

pytestmark = pytest.mark.usefixtures("words_only")

MakeRun = Callable[..., RunDirectory]
PASSPORT = Passport("digits:test", "ab" * 32, 450, 64, "digits-cnn", "cd" * 32, "")


def run(index: int, name: str, fid: float = 4.0, n: int = 1000, **config: object) -> RunView:
    record = ScoreRecord(
        "fid",
        "ok",
        fid,
        interval=(fid - 0.4, fid + 0.4),
        n=n,
        better="lower",
        biased_in_n=True,
        signature=f"fid|v:1|n:{n}",
    )
    evaluation = Evaluation(name=name, created="", real=PASSPORT, fake=PASSPORT, scores={"fid": record})
    return RunView(index, RunRecord(name, Path(name), "ganeval", name, config=config, evaluations=(evaluation,)))


def test_runs_are_one_recipe_by_their_settings_without_the_seed() -> None:
    runs = [run(0, "a", lr=1, seed=0), run(1, "b", lr=1, seed=1), run(2, "c", lr=2, seed=0)]
    assert [[r.index for r in recipe.runs] for recipe in recipes_of(runs)] == [[0, 1], [2]]


def test_without_settings_a_seed_at_the_end_of_a_name_is_one() -> None:
    runs = [run(0, "proj-seed0"), run(1, "proj-seed1"), run(2, "proj"), run(3, "seeds")]
    assert [(recipe.name, len(recipe.runs)) for recipe in recipes_of(runs)] == [("proj", 3), ("seeds", 1)]


@pytest.mark.parametrize("values", [[3.0, 4.0, 8.0], [float(i % 5) for i in range(40)]])
def test_the_mean_of_seeds_is_students_over_the_runs(values: list[float]) -> None:
    recipe = recipes_of([run(i, f"proj-seed{i}", fid) for i, fid in enumerate(values)])[0]
    mean = mean_of(recipe, "fid")
    assert mean is not None
    assert (mean.value, mean.spread, mean.runs) == (statistics.fmean(values), statistics.stdev(values), len(values))
    ends = scipy.stats.t.interval(0.95, len(values) - 1, statistics.fmean(values), scipy.stats.sem(values))
    assert mean.interval == pytest.approx(ends)


def test_two_seeds_have_a_mean_and_no_interval() -> None:
    mean = mean_of(recipes_of([run(i, f"proj-seed{i}", i) for i in range(2)])[0], "fid")
    assert mean is not None
    assert mean.interval is None


def test_numbers_that_may_not_be_compared_share_no_mean() -> None:
    runs = [run(0, "proj-seed0"), run(1, "proj-seed1"), run(2, "proj-seed2", 99.0, n=50)]
    mean = mean_of(recipes_of(runs)[0], "fid")
    assert mean is not None
    assert (mean.value, mean.runs) == (4.0, 2)


def means(better: str, *ends: tuple[float, float]) -> list[Mean | None]:
    record = ScoreRecord("m", "ok", 0.0, better=better)  # pyright: ignore[reportArgumentType]
    return [Mean(record, sum(pair) / 2, 0.1, pair, 1) for pair in ends]


@pytest.mark.parametrize(("better", "best"), [("lower", {0, 1}), ("higher", {2}), ("target", set())])
def test_the_best_are_those_that_none_is_clearly_better_than(better: str, best: set[int]) -> None:
    assert best_of(means(better, (1, 2), (1.5, 3), (5, 6))) == best


def test_where_all_overlap_nothing_is_best() -> None:
    assert best_of(means("lower", (1, 3), (2, 4))) == set()
    assert best_of([*means("lower", (1, 3)), None]) == set()


def page_of(root: Path, out: Path) -> str:
    build_report(find_runs(root), out=out)
    return out.read_text(encoding="utf-8")


def test_from_four_runs_on_a_table_comes_first_and_counts_seeds(tmp_path: Path, new_run: MakeRun) -> None:
    root = tmp_path / "runs"
    for seed in range(3):
        new_run(root, f"proj-seed{seed}", steps=(100,), evaluated=(100,))
    assert 'class="sortable board"' not in page_of(root, tmp_path / "few.html")
    new_run(root, "other", collapsed=True, steps=(100,), evaluated=(100,))
    html = page_of(root, tmp_path / "many.html")
    board = html[html.index('class="sortable board"') : html.index("What is wrong with each run")]
    assert board.count("<tr data-run-row") == 2
    assert "digits:test" in board
    assert "no fault found in 3" in " ".join(board.split())
    assert "<b>" in board


def test_numbers_against_different_real_images_share_no_axis(tmp_path: Path, new_run: MakeRun) -> None:
    root = tmp_path / "runs"
    for name in ("a", "b"):
        new_run(root, name, steps=(100,), evaluated=(100,))
    for record in (root / "0002-b" / "eval").rglob("*.json"):
        said = record.read_text().replace("digits:test", "mnist:test").replace("ab" * 32, "99" * 32)
        record.write_text(said.replace("real:abababab", "real:99999999"))
    html = page_of(root, tmp_path / "page.html")
    for dataset in ("digits:test", "mnist:test"):
        assert f'against <bdi dir="auto">{dataset}' in " ".join(html.split())


def test_a_link_leads_to_the_run_only_where_it_lies_below_the_page(tmp_path: Path, new_run: MakeRun) -> None:
    new_run(tmp_path / "here" / "runs", "a", steps=(100,), evaluated=())
    assert 'href="runs/' in page_of(tmp_path / "here" / "runs", tmp_path / "here" / "page.html")
    elsewhere = page_of(tmp_path / "here" / "runs", tmp_path / "page-elsewhere" / "page.html")
    assert ">folder</a>" not in elsewhere


def test_the_seeds_of_our_own_trainers_are_one_recipe(tmp_path: Path) -> None:
    """They note the seed beside the settings, and two of one name are told apart by their counters."""
    for name, seed, steps in (("healthy", 0, 9), ("healthy", 1, 9), ("other", 0, 9), ("healthy", 0, 5)):
        create_run(
            tmp_path, name, config={"steps": steps}, seeds={"seed": seed}, class_names=(), protocol={}, environment={}
        )
    runs = [RunView(i, record) for i, record in enumerate(find_runs(tmp_path).runs)]
    assert [(recipe.name, len(recipe.runs)) for recipe in recipes_of(runs)] == [
        ("healthy", 2),
        ("other", 1),
        ("0004-healthy", 1),
    ]


@pytest.mark.parametrize("days", [2, 3])
def test_a_recipe_that_was_run_on_three_days_has_its_history(days: int, tmp_path: Path, new_run: MakeRun) -> None:
    for day in range(days):
        made = new_run(tmp_path / "runs", f"proj-seed{day}", steps=(100,), evaluated=(100,))
        made.update(created=f"2026-02-{day + 1:02d}T08:00:00+00:00")
    page = page_of(tmp_path / "runs", tmp_path / "page.html")
    assert ("The same recipe over time" in page) == (days == 3)
    assert ("fid of proj over 3 days" in page) == (days == 3)
    if days == 3:
        assert "2026-02-03" in page.split("The same recipe over time", maxsplit=1)[1].split("</figure>", maxsplit=1)[0]
