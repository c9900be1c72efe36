"""The benchmarks of the whole suite and of the GPU do what their titles say; here on few rows and on the CPU."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from benchmarks import __main__ as command
from benchmarks import gpu, growth, page, suite, timing
from benchmarks.timing import Contest, Result, Series, grow, race
from ganeval.core.files import read_json
from ganeval.metrics import METRICS

N, D = 60, 8


def result(seconds: float, *, bar: float | None = None, limit: float | None = None, ratio: float = 1.0) -> Result:
    return Result("work", "ganeval", seconds, seconds, 0, ratio, ratio, bar, limit=limit)


def test_every_benchmark_is_found_by_the_command() -> None:
    assert {"suite", "gpu", "frechet", "kernel", "neighbours"} <= set(command.names())


def test_the_suite_holds_every_metric_that_runs_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    real, fake = (suite.features(images, "cpu") for images in suite.pictures(200)[:2])
    records = suite.metrics(real, fake, "cpu", floor=False).scores
    asked = {metric.name for metric in METRICS if not metric.slow and not metric.paired and "eyes" not in metric.needs}
    assert set(records) == asked
    lacking = {"generator", "heldout", "spatial"}  # of an evaluation of two sets of images by a judge
    unanswered = {r.name: r.status for r in records.values() if not r.ok and not METRICS[r.name].needs & lacking}
    assert set(unanswered) == {"fid_debiased", "fid_infinity"}, unanswered  # too few rows here
    assert os.environ["XDG_CACHE_HOME"] == str(tmp_path)


def test_the_bars_of_the_suite_are_seconds_at_ten_thousand_images() -> None:
    assert next(suite.contests(N)).limits == {}
    assert next(suite.contests(10_000)).limits == suite.BARS
    assert set(suite.BARS) <= {"ganeval", *next(suite.contests(N)).peers}


def test_a_limit_in_seconds_is_met_or_not() -> None:
    assert (result(7.0, limit=8.0).asked, result(7.0, limit=8.0).verdict) == ("<= 8 s", "met")
    assert result(9.0, limit=8.0).verdict == "NOT met, 0.89 of it"
    assert result(1.0, bar=2.0, ratio=1.5).verdict == "NOT met, 0.75 of it"
    assert result(1.0, bar=2.0, ratio=2.5).verdict == "met"
    assert (result(1.0).asked, result(1.0).verdict) == ("", "")


def test_a_bar_against_the_fastest_peer_counts_cpu_seconds_under_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    quiet = replace(result(2.0), quicker=4.0, peer=8.0, load=1.0)
    assert (quiet.asked, quiet.verdict) == ("4 x as fast as the fastest peer", "met")
    assert replace(quiet, load=9.0, cpu=4.0).verdict == "NOT met, 0.50 of it"
    assert replace(result(9.0, bar=2.0, ratio=1.0), load=9.0, cpu_ratio=3.0).verdict == "met"


def test_a_note_of_a_contest_is_made_after_its_runs() -> None:
    found: list[int] = []
    contest = Contest("work", lambda: found.append(1), {}, repeats=2, note=lambda: f"{len(found)} runs")
    assert race(contest)[0].title == "work; 3 runs"


def test_the_page_has_a_column_for_each_processor_and_the_road_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "benchmarks.json"
    road = replace(result(3.0), title="folder to FID, 9 + 9 PNG; read 0.1", load=5.0)
    monkeypatch.setattr(page, "machine", lambda: "Old, 4 CPUs")
    page.stored([result(7.0, limit=8.0), result(1.0, bar=2.0)], [], "as it was", place)
    monkeypatch.setattr(page, "machine", lambda: "New, 2 CPUs")
    page.stored([result(9.0, limit=8.0)], [], "", place)
    known = page.stored([result(5.0, limit=8.0), road], [], "as it is", place)
    written = page.render(known)
    first, second, third = (line for line in written.splitlines() if line.startswith(("| folder", "| work | g")))
    assert "| work | who | bar | New, 2 CPUs | Old, 4 CPUs |" in written
    assert first.startswith("| folder to FID, 9 + 9 PNG | ganeval |")
    assert "load 5.0, *under load*" in first
    assert "| <= 8 s |" in second
    assert "5.000 s" in second
    assert "7.000 s" in second
    assert "9.000 s" not in written
    assert "| >= 2 |  |" in third
    assert third.endswith("NOT met, 0.50 of it |")
    assert "- New, 2 CPUs: folder to FID, 9 + 9 PNG: read 0.1" in written


def test_a_run_replaces_the_rows_of_its_own_title_and_no_others(tmp_path: Path) -> None:
    stored = partial(page.stored, steps=[], about="", path=tmp_path / "rows.json")
    first, other, second = (
        Result(title, "ganeval", 1, 1, 1, 1, 1, None)
        for title in ("road, 48 + 48 PNG", "road, 48 + 48 JPG", "road, 200 + 200 PNG")
    )
    stored([first, other])
    rows = stored([second, replace(other, seconds=2)])[page.machine()]["rows"]
    assert [(row["title"], row["seconds"]) for row in rows] == [(first.title, 1), (second.title, 1), (other.title, 2)]


def test_a_contestant_can_be_left_out_and_the_untimed_round_be_a_small_one() -> None:
    ran: list[str] = []
    works = {name: partial(ran.append, name) for name in ("one", "two")}
    small = {"ganeval": partial(ran.append, "small ours"), "two": partial(ran.append, "small two")}
    contest = Contest("work", partial(ran.append, "ours"), works, repeats=1, small=small)
    assert [one.name for one in race(contest.without(["one"]))] == ["ganeval", "two"]
    assert ran == ["small ours", "small two", "ours", "two"]
    with pytest.raises(ValueError, match="no contestant 'three'; there are: one, two"):
        contest.without(["three"])


def test_what_runs_before_every_lap_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(timing, "lap", lambda work, lap=timing.lap: (ran.append("start"), lap(work))[1])
    ours, one, before = (partial(ran.append, name) for name in ("ours", "one", "before"))
    race(Contest("work", ours, {"one": one}, repeats=2, warm_up=list, before=before))
    assert ran == ["before", "start", "ours", "before", "start", "one"] * 2


def test_the_committed_page_is_made_of_the_committed_rows() -> None:
    assert command.PAGE.read_text(encoding="utf-8") == page.render(read_json(page.RESULTS))


def test_a_limit_in_memory_is_met_or_not() -> None:
    little, much = (Result("work", "ganeval", 1, 1, mib, 1, 1, None, most=400.0) for mib in (399, 800))
    assert (little.asked, little.verdict, much.verdict) == ("<= 400 MiB", "met", "NOT met, 0.50 of it")


def test_growth_compares_every_size_with_the_first() -> None:
    def work(n: int) -> Callable[[], object]:
        return lambda: sum(range(n * n))

    steps = list(grow(Series("squares", (500, 1000, 2000), work, 2)))
    assert [step.n for step in steps] == [500, 1000, 2000]
    assert steps[0].growth == 1
    assert steps[2].growth == pytest.approx(steps[2].cpu / steps[0].cpu / 16)
    table = page.growth({"one": {"growth": [page.step_entry(s) for s in [*steps, replace(steps[0], growth=1.2)]]}})
    assert "| 1.00 of n^2 | met |" in table
    assert "| 1.20 of n^2 | NOT met |" in table


def test_the_series_do_the_work_of_their_titles() -> None:
    for one in growth.series(8, 3, 3):
        assert one.sizes == (8, 16, 32, 64)
        one.work(8)()


@pytest.fixture(scope="module")
def contests() -> list[Contest]:
    return list(gpu.table("cpu", N, D))


def test_the_gpu_table_is_that_of_the_cpu(contests: list[Contest]) -> None:
    titles = [contest.title for contest in contests]
    for work in (
        "FID value",
        "FID with its standard error",
        "KID over all pairs",
        "Neighbour metrics",
        "quick metrics",
    ):
        assert any(work in title for title in titles), work


def test_every_peer_of_the_gpu_must_take_twenty_times_our_time(contests: list[Contest]) -> None:
    for contest in contests[:-1]:
        assert set(contest.bars) == {name for name in contest.peers if "CPU" in name}
        assert set(contest.bars.values()) == {20.0}


def test_the_gpu_race_runs_on_the_cpu_with_the_same_number_either_way(contests: list[Contest]) -> None:
    kid = next(contest for contest in contests if "KID" in contest.title)
    assert kid.ours() == kid.peers[gpu.WITH_TF32]()
    assert [r.name for r in race(kid, repeats=1) if not r.note] == ["ganeval", *kid.peers]


def test_rounding_is_as_before_afterwards() -> None:
    before = torch.get_float32_matmul_precision()
    with gpu.rounding(tf32=True):
        assert torch.get_float32_matmul_precision() == "high"
    assert torch.get_float32_matmul_precision() == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_device_nothing_takes_part_and_a_line_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(gpu.contests(N, D)) == []
    assert "no CUDA device" in capsys.readouterr().err
