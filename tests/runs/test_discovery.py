"""Finding runs: who owns what, what is passed over and why, and that no folder can stop the search."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ganeval.errors import GanevalError, MissingFileError
from ganeval.runs import discovery, events
from ganeval.runs.directory import create_run
from ganeval.runs.discovery import find_runs
from ganeval.runs.reader import READERS, Reader

Write = Callable[..., Path]


def _run(root: Path, name: str) -> Path:
    return create_run(root, name, config={"lr": 0.1}, seeds={"train": 0}, protocol={"real": "digits:test"}).path


def test_what_a_killed_process_left_of_a_run_that_never_began_is_said(tmp_path):
    (tmp_path / "0001-gan").mkdir()
    (tmp_path / "0002-gan").mkdir()
    (tmp_path / "0002-gan" / "config.toml").write_text("lr = 1.0\n")
    (tmp_path / "pictures").mkdir()
    found = find_runs(tmp_path)
    assert [path.name for path, _ in found.ignored] == ["0001-gan", "0002-gan"]
    assert (
        "ignored 2 folders: a run whose process ended before run.json was written; delete the folder" in found.summary
    )


def test_runs_come_in_the_order_of_their_counters(tmp_path: Path) -> None:
    paths = [_run(tmp_path, name) for name in ("c", "b", "a")]
    assert [run.path for run in find_runs(tmp_path).runs] == paths


def test_a_folder_that_is_a_run_itself_is_found(tmp_path: Path) -> None:
    path = _run(tmp_path, "alone")
    found = find_runs(path)
    assert [run.id for run in found.runs] == ["0001-alone"]


def test_runs_seven_levels_down_are_out_of_reach(tmp_path: Path) -> None:
    _run(tmp_path / "a/b/c/d/e", "near")
    _run(tmp_path / "a/b/c/d/e/f", "far")
    assert [run.name for run in find_runs(tmp_path).runs] == ["near"]


def test_an_owner_owns_what_is_below(tmp_path: Path, write_layout: Write) -> None:
    path = _run(tmp_path, "owner")
    write_layout("pictures", path / "extra")
    assert [run.reader for run in find_runs(tmp_path).runs] == ["ganeval"]


def test_a_weak_claim_yields_to_runs_below_it(tmp_path: Path, write_layout: Write) -> None:
    write_layout("pictures", tmp_path)
    for file in (tmp_path / "gan" / "images").iterdir():
        file.rename(tmp_path / file.name)
    _run(tmp_path, "real-run")
    found = find_runs(tmp_path)
    assert "ganeval" in {run.reader for run in found.runs}
    assert tmp_path not in [run.path for run in found.runs]
    assert (tmp_path, "pictures files beside runs that are surer") in found.ignored


def test_a_symlink_loop_ends(tmp_path: Path) -> None:
    path = _run(tmp_path / "x", "one")
    (tmp_path / "x" / "back").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(path)
    found = find_runs(tmp_path)
    assert len(found.runs) == 1
    assert "already searched" in found.summary


def test_hidden_folders_and_checkpoints_are_skipped(tmp_path: Path) -> None:
    for folder in (".git", "checkpoints", "node_modules"):
        _run(tmp_path / folder, "inside")
    assert find_runs(tmp_path).runs == ()


def test_a_huge_folder_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "MAX_ENTRIES", 5)
    for i in range(9):
        (tmp_path / "huge" / f"{i}").mkdir(parents=True)
    _run(tmp_path, "small")
    found = find_runs(tmp_path)
    assert len(found.runs) == 1
    assert found.ignored == ((tmp_path / "huge", "more than 5 entries"),)


def test_a_folder_without_read_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(tmp_path, "open")
    (tmp_path / "closed").mkdir()
    allowed = os.scandir

    def scandir(path: Path) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return allowed(path)

    monkeypatch.setattr(discovery.os, "scandir", scandir)  # root may read everything, so chmod would prove nothing
    found = find_runs(tmp_path)
    assert len(found.runs) == 1
    assert found.summary.endswith("ignored 1 folder: cannot be read (Permission denied)")


def test_an_unreadable_file_of_a_run_is_a_red_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _run(tmp_path, "closed")
    allowed = os.open

    def refuse(file: str | Path, flags: int) -> int:
        if Path(file).name == "run.json":
            raise PermissionError(13, "Permission denied", str(file))
        return allowed(file, flags)

    monkeypatch.setattr(os, "open", refuse)
    (run,) = find_runs(tmp_path).runs
    assert run.path == path
    assert "Permission denied" in run.error


def test_a_broken_run_is_a_record_with_an_error(tmp_path: Path) -> None:
    (_run(tmp_path, "broken") / "run.json").write_text('{"schema": "ganeval.run/1", ')
    _run(tmp_path, "whole")
    broken, whole = find_runs(tmp_path).runs
    assert "run.json" in broken.error
    assert whole.error == ""


def test_a_reader_that_fails_costs_one_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(folder: Path) -> list:
        raise ZeroDivisionError("a plug-in's bug")

    known = dict(READERS._found())
    known["bad"] = Reader("bad", lambda folder: 99 if folder.name == "strange" else 0, fail)
    monkeypatch.setattr("ganeval.core.registry._CACHE", {"ganeval.runs.readers": known})
    (tmp_path / "strange").mkdir()
    (run,) = find_runs(tmp_path).runs
    assert run.error == "ZeroDivisionError: a plug-in's bug"


def test_nan_and_infinity_in_json_are_read_as_such(tmp_path: Path) -> None:
    path = _run(tmp_path, "nan")
    with (path / "events.jsonl").open("a") as file:
        for step, value in enumerate(("NaN", "Infinity", "-Infinity", "1.5")):
            file.write(f'{{"step": {step}, "tag": "loss", "time": 0, "value": {value}}}\n')
    values = find_runs(tmp_path).runs[0].curves["loss"].values
    assert [math.isfinite(value) for value in values] == [False, False, False, True]


def test_two_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for folder in ("mnist", "hoda"):
        _run(tmp_path / folder, "gan")
    found = find_runs(tmp_path)
    assert [run.name for run in found.runs] == ["hoda/0001-gan", "mnist/0001-gan"]
    assert found["mnist/0001-gan"].id == "mnist/0001-gan"


def test_an_unclear_name_lists_the_known_ones(tmp_path: Path) -> None:
    for folder in ("mnist", "hoda"):
        _run(tmp_path / folder, "gan")
    with pytest.raises(GanevalError, match=r"'gan' fits 2 of them. Known: hoda/0001-gan, mnist/0001-gan"):
        find_runs(tmp_path)["gan"]


def test_a_clock_in_the_future_is_a_note(tmp_path: Path) -> None:
    path = _run(tmp_path, "tomorrow")
    info = json.loads((path / "run.json").read_text())
    (path / "run.json").write_text(json.dumps({**info, "created": "2199-01-01T00:00:00+00:00"}))
    (run,) = find_runs(tmp_path, now=datetime(2026, 1, 1, tzinfo=UTC)).runs
    assert any("in the future" in note for note in run.notes)
    assert run.error == ""


def test_a_large_event_file_is_read_only_when_asked_for(tmp_path: Path, write_layout: Write) -> None:
    write_layout("events", tmp_path)
    file = next((tmp_path / "tb-run").iterdir())
    with file.open("r+b") as handle:
        handle.truncate(2 * 2**30)  # a sparse file: 2 GB that cost nothing
    (run,) = find_runs(tmp_path).runs
    assert "2,048 MiB" in run.error
    assert "--tb" in run.error
    (run,) = find_runs(tmp_path, large_events=True).runs
    assert run.error == ""
    assert len(run.curves["loss/g"].values) == 4


def test_a_record_longer_than_its_file_ends_the_reading(tmp_path: Path, write_layout: Write) -> None:
    write_layout("events", tmp_path)
    file = next((tmp_path / "tb-run").iterdir())
    file.write_bytes(file.read_bytes()[:-40])
    (run,) = find_runs(tmp_path).runs
    assert run.curves["loss/g"].steps == (0.0, 10.0, 20.0)
    assert any("middle of a record" in note for note in run.notes)


def test_a_search_ends_after_so_many_folders_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("ganeval.runs.discovery.MAX_FOLDERS", 5)
    for number in range(9):
        (tmp_path / f"{number}").mkdir()
    ignored = find_runs(tmp_path).ignored
    assert ignored == ((tmp_path / "4", "more than 5 folders: pass the folder that holds the runs"),)


@pytest.mark.parametrize("lines", [200_000, pytest.param(1_000_000, marks=pytest.mark.study)])
def test_very_many_lines_become_a_bounded_curve_that_keeps_its_spike(tmp_path: Path, lines: int) -> None:
    path = _run(tmp_path, "long")
    with (path / "events.jsonl").open("a") as file:
        for start in range(0, lines, 10_000):
            file.write(
                "".join(
                    f'{{"step": {i}, "tag": "loss", "value": {9e9 if i == 154_321 else 0.5}}}\n'
                    for i in range(start, start + 10_000)
                )
            )
    curve = find_runs(tmp_path).runs[0].curves["loss"]
    assert len(curve.values) <= 2 * 8192
    assert max(curve.values) == 9e9
    assert curve.steps[-1] == lines - 1


def test_explain_lists_every_claim(tmp_path: Path) -> None:
    _run(tmp_path, "one")
    found = find_runs(tmp_path, explain=True)
    assert "0001-one: ganeval 100" in found.explanation
    assert find_runs(tmp_path).probes == ()


def test_no_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="Pass the folder"):
        find_runs(tmp_path / "nowhere")


def test_an_empty_folder_has_no_runs(tmp_path: Path) -> None:
    assert find_runs(tmp_path).summary == "found 0 runs"


def test_the_flag_for_large_files_does_not_outlive_the_call(tmp_path: Path) -> None:
    find_runs(tmp_path, large_events=True)
    assert events.read_large.get() is False
