"""What numbered pictures are: steps of a training, samples, samples of steps, samples of classes, or none of ours."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ganeval.measure.run_samples import _sure_labels, survey
from ganeval.runs.discovery import find_runs
from ganeval.runs.record import RunRecord


def write(folder: Path, names: Iterable[str], size: tuple[int, int] = (28, 28)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        picture = Image.new("L", size[::-1], 90)
        picture.putpixel((0, 0), 200)
        picture.save(folder / name)
    return folder


def only(root: Path, **options: Any) -> RunRecord:
    (run,) = find_runs(root, **options).runs
    return run


def counted(run: RunRecord) -> tuple[int, int]:
    return len(run.samples), len(run.grids)


@pytest.mark.parametrize(
    ("names", "size"),
    [
        ([f"gen_{i}.png" for i in range(300)], (28, 28)),
        ([f"{i:05d}.png" for i in range(60)], (32, 32)),
        ([f"img{i}.jpg" for i in range(1, 101)], (64, 64)),
        ([f"fake-{i}.png" for i in range(700)], (128, 128)),
    ],
)
def test_many_small_pictures_numbered_without_a_gap_are_samples(
    tmp_path: Path, names: list[str], size: tuple[int, int]
) -> None:
    run = only(write(tmp_path / "gan", names, size))
    assert counted(run) == (1, 0)
    waiting = survey((run,), ("flags", {"real": "mnist:test", "classifier": "mnist"})).waiting
    assert [pending.images for pending in waiting] == [len(names)]


@pytest.mark.parametrize(
    ("names", "size", "unit"),
    [
        ([f"{i}.png" for i in range(0, 30_000, 400)], (28, 28), "step"),
        ([f"epoch_{i}.png" for i in range(100)], (28, 28), "epoch"),
        ([f"fakes{i:06d}_kimg.png" for i in range(3)], (28, 28), "step"),
        ([f"image_at_epoch_{i:04d}.png" for i in range(1, 101)], (64, 64), "epoch"),
        ([f"sample-{i}.png" for i in range(1, 101)], (226, 226), "milestone"),
        ([f"{i}.png" for i in range(200)], (242, 242), "step"),
    ],
)
def test_pictures_of_steps_stay_steps(tmp_path: Path, names: list[str], size: tuple[int, int], unit: str) -> None:
    run = only(write(tmp_path / "gan", names, size))
    assert counted(run) == (0, len(names))
    assert run.step_unit == unit


def test_what_has_the_size_of_the_real_images_is_samples_and_what_has_not_is_none(tmp_path: Path) -> None:
    write(tmp_path / "gan", [f"out_{i * 7}.png" for i in range(30)], (96, 96))
    assert counted(only(tmp_path)) == (0, 30)
    assert counted(only(tmp_path, size=(96, 96))) == (1, 0)
    write(tmp_path / "gan", [f"out_{i * 7}.png" for i in range(30)], (28, 28))
    assert counted(only(tmp_path, size=(96, 96))) == (0, 30)


def test_the_caller_has_the_last_word(tmp_path: Path) -> None:
    write(tmp_path / "gan", [f"gen_{i}.png" for i in range(300)])
    assert counted(only(tmp_path, pictures="steps")) == (0, 300)
    assert counted(only(tmp_path, pictures="samples", size=(5, 5))) == (1, 0)


def test_class_and_index_are_all_samples_with_labels_if_the_real_images_have_as_many_classes(tmp_path: Path) -> None:
    write(tmp_path / "gan", [f"{c}_{i}.png" for c in range(10) for i in range(60)])
    (samples,) = only(tmp_path).samples
    assert len(samples.files) == 600
    assert _sure_labels(samples, "digits:test") == tuple(c for c in range(10) for _ in range(60))
    write(tmp_path / "gan", [f"10_{i}.png" for i in range(60)])
    assert _sure_labels(only(tmp_path).samples[0], "digits:test") is None


def test_class_and_index_beside_other_files_keep_their_labels(tmp_path: Path) -> None:
    write(tmp_path / "gan", [f"class{c}_{i:03d}.png" for c in range(3) for i in range(20)])
    (tmp_path / "gan" / "notes.txt").write_text("hello")
    (samples,) = only(tmp_path).samples
    assert len(samples.files) == 60
    assert samples.labels == tuple(c for c in range(3) for _ in range(20))


@pytest.mark.parametrize("name", ["{step}_{i}.png", "step{step:06d}_sample{i}.png", "s{i}_step_{step}.png"])
def test_step_and_index_are_one_sample_set_a_step(tmp_path: Path, name: str) -> None:
    write(tmp_path / "gan", [name.format(step=step, i=i) for step in (1000, 2000, 4000) for i in range(12)])
    run = only(tmp_path)
    assert [(samples.step, len(samples.files)) for samples in run.samples] == [(1000, 12), (2000, 12), (4000, 12)]
    assert all(str(int(samples.step)) in path.name for samples in run.samples for path in samples.files)


def test_a_number_that_never_changes_is_a_part_of_the_name(tmp_path: Path) -> None:
    run = only(write(tmp_path / "gan", [f"ema_0.9999_{step}.png" for step in (100, 200)]))
    assert [grid.step for grid in run.grids] == [100, 200]


def test_a_loss_in_the_name_is_no_second_axis(tmp_path: Path) -> None:
    run = only(write(tmp_path / "gan", [f"epoch{i}_loss{90 - i}.png" for i in (1, 2, 3)]))
    assert [grid.step for grid in run.grids] == [1, 2, 3]


@pytest.mark.parametrize("name", ["real", "real_images", "reals", "real_samples"])
def test_real_images_beside_a_run_are_its_reference_and_no_run(tmp_path: Path, name: str) -> None:
    write(tmp_path / "gan", [f"out_{i * 7}.png" for i in range(30)], (96, 96))
    write(tmp_path / name, [f"{i}.png" for i in range(80)], (96, 96))
    run = only(tmp_path)
    assert (run.id, counted(run)) == ("gan", (1, 0))
    (pending,) = survey((run,), ("flags", {"extractor": "pixels"})).waiting
    assert pending.protocol.real == str(tmp_path / name)


@pytest.mark.parametrize(
    "name", ["data", "dataset", "train", "data/mnist/train", "screenshots", "figures", "docs/images"]
)
def test_data_screenshots_and_figures_are_no_runs(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, [f"img_{i}.png" for i in range(80)])
    write(tmp_path / name / "by-class" / "0", ["a.png"])
    write(tmp_path / name / "by-class" / "1", ["a.png"])
    found = find_runs(tmp_path)
    assert found.runs == ()
    assert "no run" in found.summary


@pytest.mark.parametrize(
    "name", ["screenshot{}.png", "fig{}.png", "Figure_{}.png", "Screen-Shot {}.png", "loss_curve_{}.png"]
)
def test_pictures_that_are_named_as_figures_are_no_run(tmp_path: Path, name: str) -> None:
    write(tmp_path / "project", [name.format(i) for i in range(1, 4)])
    assert find_runs(tmp_path).runs == ()


def test_a_folder_that_was_asked_for_is_read_whatever_its_name(tmp_path: Path) -> None:
    write(tmp_path / "data", [f"gen_{i}.png" for i in range(80)])
    assert counted(only(tmp_path / "data")) == (1, 0)


def test_a_run_of_a_surer_kind_may_be_called_train(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "progress.csv").write_text("step,loss\n0,1\n1,2\n")
    assert [run.id for run in find_runs(tmp_path).runs] == ["train"]


def test_folders_of_seeds_are_one_set_and_folders_of_steps_are_not(tmp_path: Path) -> None:
    for start in (0, 1000):
        write(tmp_path / "seeds" / f"{start:06d}", [f"{start + i:06d}.png" for i in range(60)])
        write(tmp_path / "steps" / f"{start:06d}", [f"{i:06d}.png" for i in range(60)])
    run = only(tmp_path / "seeds")
    (pending,) = survey((run,), ("flags", {"real": "mnist:test", "classifier": "mnist"})).waiting
    assert pending.images == 120
    assert [counted(run) for run in find_runs(tmp_path / "steps").runs] == [(1, 0), (1, 0)]


@pytest.mark.parametrize(
    "name", ["generated.png", "sample_grid.png", "fakes.jpg", "fake_samples_epoch_024.png", "final-samples.png"]
)
def test_one_picture_that_is_named_as_generated_is_a_run(tmp_path: Path, name: str) -> None:
    write(tmp_path / "gan", [name, "real_samples.png"], (90, 90))
    assert [grid.path.name for grid in only(tmp_path).grids] == [name]
    (samples,) = only(tmp_path, pictures="sheets").samples
    assert samples.path.name == name
    assert samples.sheet == (0, 0)


@pytest.mark.parametrize(
    "name", ["logo.png", "400.png", "results.png", "real_samples.png", "resampled.png", "data/sample.png"]
)
def test_one_picture_of_any_other_name_is_none(tmp_path: Path, name: str) -> None:
    write(tmp_path / "gan" / Path(name).parent, [Path(name).name], (90, 90))
    assert find_runs(tmp_path).runs == ()
