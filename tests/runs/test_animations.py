"""The frames of an animation are the pictures of a training where nothing else is, and their tiles can be measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganeval.cli.main import report_main
from ganeval.report import build_report
from ganeval.report.pictures import load_picture
from ganeval.runs.advice import passed_over
from ganeval.runs.discovery import find_runs
from studies.folders.kind import sheet, sheets, text


def _gif(path: Path, frames: list[np.ndarray]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *rest = map(Image.fromarray, frames)
    first.save(path, save_all=True, append_images=rest, duration=100)
    return path


def _sheets(n: int) -> list[np.ndarray]:
    return [sheet(8, 8, 64 * i) for i in range(n)]


@pytest.mark.parametrize("name", ["training.gif", "dcgan.gif", "samples/fake_images.gif"])
def test_the_frames_are_the_pictures_of_the_run(name: str, tmp_path: Path) -> None:
    frames = _sheets(3)
    _gif(tmp_path / "run" / name, frames)
    (run,) = find_runs(tmp_path).runs
    assert [(grid.step, grid.frame) for grid in run.grids] == [(0, 0), (1, 1), (2, 2)]
    assert run.step_unit == "frame"
    for grid, frame in zip(run.grids, frames, strict=True):
        assert np.array_equal(load_picture(grid.path, frame=grid.frame), frame)
    page = build_report(find_runs(tmp_path), out=tmp_path / "r.html").path.read_text()
    assert 'id="samples-0"' in page
    assert 'data-zoom="8 8"' in page


def test_the_tiles_of_its_frames_are_measured_when_told(tmp_path: Path) -> None:
    _gif(tmp_path / "run" / "training.gif", _sheets(2))
    flags = ("--as", "sheets", "--real", "digits:test", "--extractor", "pixels")
    assert report_main([str(tmp_path), "--out", str(tmp_path / "r.html"), *flags]) == 0
    (run,) = find_runs(tmp_path).runs
    assert [(e.step, e.fake.n) for e in run.evaluations] == [(0, 64), (1, 64)]
    assert "which keeps 256 colours of each" in (tmp_path / "r.html").read_text()


def test_the_pixels_of_a_frame_are_those_that_were_saved(tmp_path: Path) -> None:
    from ganeval.images.decode import decode_frame

    frames = _sheets(3)
    path = _gif(tmp_path / "training.gif", frames)
    for i, frame in enumerate(frames):
        assert np.array_equal(decode_frame(path, i, "training.gif"), frame[None])


def test_beside_a_log_that_counts_steps_only_the_last_frame_is_measured(tmp_path: Path) -> None:
    """Frames and steps have no common axis."""
    _gif(tmp_path / "run" / "training.gif", _sheets(3))
    text(tmp_path / "run" / "log.csv", "step,loss\n0,1.0\n100,0.5\n")
    (run,) = find_runs(tmp_path, pictures="sheets").runs
    assert len(run.grids) == 3
    assert [(samples.step, samples.frame) for samples in run.samples] == [(0, 2)]


def test_pictures_go_before_the_animation_that_was_made_of_them(tmp_path: Path) -> None:
    sheets(tmp_path / "run", ["0.png", "100.png"])
    path = _gif(tmp_path / "run" / "training.gif", _sheets(2))
    found = find_runs(tmp_path, explain=True)
    assert [grid.frame for grid in found.runs[0].grids] == [None, None]
    assert "1 .gif" in found.explanation
    assert passed_over(path.parent, {path}) == ""


@pytest.mark.parametrize("name", ["latent_walk.gif", "interpolation.gif", "real_samples.gif", "loss_training.gif"])
def test_an_animation_of_something_else_is_no_run(name: str, tmp_path: Path) -> None:
    _gif(tmp_path / "run" / name, _sheets(2))
    assert find_runs(tmp_path).runs == ()


@pytest.mark.parametrize("kind", ["still", "cut", "nothing", "endless"])
def test_what_is_no_animation_of_a_bearable_length_is_no_run(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganeval.runs.animations.LONGEST", 5)
    frames = _sheets(6 if kind == "endless" else 2 if kind == "cut" else 1)
    path = _gif(tmp_path / "run" / "training.gif", frames)
    if kind in ("cut", "nothing"):
        path.write_bytes(path.read_bytes()[: 40 if kind == "cut" else 0])
    assert find_runs(tmp_path).runs == ()


def test_a_long_animation_is_shown_by_some_of_its_frames_and_its_last(tmp_path: Path) -> None:
    _gif(tmp_path / "run" / "training.gif", [np.full((8, 8), i, np.uint8) for i in range(100)])
    (run,) = find_runs(tmp_path).runs
    assert len(run.grids) == 40
    assert [run.grids[0].frame, run.grids[-1].frame] == [0, 99]


def test_a_file_of_hdf5_is_named_with_the_line_that_converts_it(tmp_path: Path) -> None:
    (tmp_path / "samples.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    said = passed_over(tmp_path)
    assert "1 .h5" in said
    assert "numpy.save('samples.npy', h5py.File('FILE.h5')['images'][:])" in said
