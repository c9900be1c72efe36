"""The benchmarks of the whole suite and of the GPU do what their titles say; here on few rows and on the CPU."""

from __future__ import annotations

import os

import pytest
import torch

from benchmarks import __main__ as command
from benchmarks import gpu, suite
from benchmarks.timing import Contest, Result, race
from ganeval.metric import METRICS

N, D = 60, 8


def result(seconds: float, *, bar: float | None = None, limit: float | None = None, ratio: float = 1.0) -> Result:
    return Result("work", "ganeval", seconds, seconds, 0, ratio, ratio, bar, limit=limit)


def test_every_benchmark_is_found_by_the_command() -> None:
    assert {"suite", "gpu", "frechet", "kernel", "neighbours"} <= set(command.names())


def test_the_suite_holds_every_metric_that_runs_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "elsewhere")
    real, fake = (suite.features(images, "cpu") for images in suite.pictures(200)[:2])
    records = suite.metrics(real, fake, "cpu", floor=False).scores
    assert set(records) == {metric.name for metric in METRICS if not metric.slow}
    lacking = {"generator", "heldout", "spatial"}  # of an evaluation of two sets of images by a judge
    unanswered = {r.name: r.status for r in records.values() if not r.ok and not METRICS[r.name].needs & lacking}
    assert set(unanswered) == {"fid_debiased", "fid_infinity"}, unanswered  # too few rows here
    assert os.environ["XDG_CACHE_HOME"] == "elsewhere"


def test_the_bars_of_the_suite_are_seconds_at_ten_thousand_images() -> None:
    assert next(suite.contests(N)).limits == {}
    assert next(suite.contests(10_000)).limits == {"ganeval": 25.0, "after the features": 8.0}


def test_a_limit_in_seconds_is_met_or_not() -> None:
    assert (result(7.0, limit=8.0).asked, result(7.0, limit=8.0).verdict) == ("<= 8 s", "met")
    assert result(9.0, limit=8.0).verdict == "NOT met"
    assert (result(1.0, bar=2.0, ratio=1.5).verdict, result(1.0, bar=2.0, ratio=2.5).verdict) == ("NOT met", "met")
    assert (result(1.0).asked, result(1.0).verdict) == ("", "")


def test_the_page_shows_limits_beside_ratios() -> None:
    page = command.page([result(7.0, limit=8.0), result(1.0, bar=2.0)])
    assert "| <= 8 s | met |" in page
    assert "| >= 2 | NOT met |" in page


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
