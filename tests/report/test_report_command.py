"""`ganeval-report` on what is no folder of runs: each kind is a sentence or is passed over,
and nothing waits or raises.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from ganeval.cli.main import report_main
from ganeval.runs.discovery import find_runs

pytestmark = pytest.mark.usefixtures("words_only")

ESCAPES = "\x1b[31mred\nline"


def _report(folder: Path, *options: str) -> int:
    out = [] if "--out" in options else ["--out", str(folder.parent / "r.html")]
    return report_main([str(folder), "--no-evaluate", *out, *options])


def _said(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    return captured.out + captured.err


@pytest.mark.parametrize("kind", ["file", "missing", "dangling", "circle", "pipe"])
def test_what_is_no_folder_is_said_to_be_none(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "runs"
    {
        "file": place.touch,
        "missing": lambda: None,
        "dangling": lambda: place.symlink_to("nowhere"),
        "circle": lambda: place.symlink_to("runs"),
        "pipe": lambda: os.mkfifo(place),
    }[kind]()
    assert _report(place) == 5
    assert "Expected a folder of runs" in _said(capsys)


def test_a_folder_without_runs_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "runs").mkdir()
    assert _report(tmp_path / "runs", "--explain") == 6
    assert "nothing to report" in _said(capsys)


@pytest.mark.parametrize("option", ["--out", "--json"])
@pytest.mark.parametrize("place", ["folder", "file/page.html", "/proc/nowhere/page.html"])
def test_a_place_that_cannot_be_written_is_refused_before_any_work(
    option: str, place: str, small_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    assert report_main([str(small_run), option, str(tmp_path / place)]) == 3
    said = capsys.readouterr()
    assert "could not be written" in said.err
    assert said.out == ""


def test_names_that_a_terminal_would_obey_are_printed_as_escapes(
    small_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / f"runs {ESCAPES}"
    for name in (ESCAPES, os.fsdecode(b"caf\xe9")):
        (folder / name).mkdir(parents=True)
        (folder / name / "run.json").write_text("{")
    (folder / "loop \x1b[31m").symlink_to(folder)
    (folder / "fine").symlink_to(next(small_run.iterdir()))
    assert _report(folder, "--explain", "--out", str(tmp_path / f"{ESCAPES}.html")) == 0
    said = _said(capsys)
    assert "\x1b" not in said
    assert "red\nline" not in said
    assert r"\x1b[31mred\nline" in said
    assert r"caf\udce9" in said


def test_links_that_lead_nowhere_or_round_do_not_hide_the_runs_beside_them(small_run: Path, tmp_path: Path) -> None:
    (tmp_path / "run").symlink_to(next(small_run.iterdir()))
    (tmp_path / "nowhere").symlink_to("gone")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "back").symlink_to(".")
    assert [run.id for run in find_runs(tmp_path).runs] == ["run"]


def test_a_maze_of_links_is_walked_once(small_run: Path, tmp_path: Path) -> None:
    for floor in range(15):
        (tmp_path / f"floor-{floor}").mkdir()
        for door in range(8):
            (tmp_path / f"floor-{floor}" / f"door-{door}").symlink_to(tmp_path / f"floor-{floor + 1}")
    (tmp_path / "run").symlink_to(next(small_run.iterdir()))
    found = find_runs(tmp_path)
    assert [run.id for run in found.runs] == ["run"]
    assert len(found.ignored) <= 15 * 8 + 15  # no door and no floor more than once


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_passed_over_with_the_reason(small_run: Path, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    (tmp_path / "run").symlink_to(next(small_run.iterdir()))
    found = find_runs(tmp_path)
    assert [run.id for run in found.runs] == ["run"]
    assert "cannot be read (Permission denied)" in found.summary


def _digits(folder: Path, name: str, n: int) -> Path:
    from PIL import Image

    from ganeval.datasets.dataset import DATASETS

    folder.mkdir()
    for i, image in enumerate(DATASETS["digits"].load("train").images[:n]):
        Image.fromarray(image[0]).save(folder / name.format(i=i))
    return folder


REAL = ("--real", "digits:test", "--classifier", "digits")


@pytest.mark.parametrize("name", ["gen_{i}.png", "out_{i}00.png"])
def test_numbered_pictures_of_the_size_of_the_real_images_are_measured(name: str, tmp_path: Path) -> None:
    folder = _digits(tmp_path / "gan", name, 120)
    assert report_main([str(folder), "--out", str(tmp_path / "r.html"), *REAL]) == 0
    assert [e.fake.n for run in find_runs(folder).runs for e in run.evaluations] == [120]


def test_real_images_that_nothing_is_compared_with_are_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = _digits(tmp_path / "gan", "gen_{i}.png", 120)
    assert report_main([str(folder), "--out", str(tmp_path / "r.html"), *REAL, "--as", "steps"]) == 6
    assert "not one run was evaluated" in _said(capsys)
    assert (tmp_path / "r.html").is_file()


@pytest.mark.parametrize(("name", "code"), [("notes.txt", 2), ("damaged.npz", 2), ("moments.npz", 0)])
def test_real_images_that_are_neither_images_nor_what_is_left_of_some_are_said(
    name: str, code: int, small_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("no images")
    (tmp_path / "damaged.npz").write_bytes(b"PK no images")
    np.savez(tmp_path / "moments.npz", mu=np.zeros(3), sigma=np.eye(3))
    assert _report(small_run, "--real", str(tmp_path / name), "--out", str(tmp_path / "page.html")) == code
    assert code == 0 or name in _said(capsys)
