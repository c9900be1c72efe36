"""What names of pictures and of their folders say: variants, words, steps that count twice, classes, seeds, sheets."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganeval.runs.discovery import find_runs
from ganeval.runs.record import RunRecord
from ganeval.runs.told import Pictures


def write(folder: Path, names: Iterable[str], size: tuple[int, int] = (28, 28)) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size[::-1], 90).save(folder / name)
    return folder


def only(
    root: Path, size: tuple[int, int] | None = None, classes: tuple[str, ...] = (), pictures: Pictures = "auto"
) -> RunRecord:
    (run,) = find_runs(root, size=size, classes=classes, pictures=pictures).runs
    return run


def images_of(run: RunRecord) -> list[int]:
    return [len(one.files) or len(list(one.path.iterdir())) for one in run.samples]


@pytest.mark.parametrize(
    "name",
    ["{h}.png", "a photo of {h}.png", "{h}-{h}.jpg", "IMG_{h}_final.png"],
    ids=["hash", "prompt", "twice", "word"],
)
def test_names_without_order_are_samples_all_of_them(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    write(tmp_path / "gan", [name.format(h=rng.bytes(6).hex()) for _ in range(80)])
    assert images_of(only(tmp_path)) == [80]
    assert images_of(only(tmp_path, (28, 28))) == [80]


def test_classes_as_words_before_the_number_are_samples_together(tmp_path: Path) -> None:
    write(tmp_path / "gan", [f"{animal}_{i:03d}.png" for animal in ("cat", "dog", "frog") for i in range(30)])
    assert images_of(only(tmp_path, (28, 28))) == [90]


def test_of_several_pictures_a_step_one_kind_is_shown_and_the_others_are_named(tmp_path: Path) -> None:
    write(tmp_path / "gan", [f"{i}{kind}.png" for i in range(4) for kind in ("", "-ema", "-mr")], (90, 90))
    run = only(tmp_path)
    assert [grid.path.name for grid in run.grids] == [f"{i}-ema.png" for i in range(4)]
    assert run.notes == ("also here, not shown: 4 pictures like 0-mr.png, 4 pictures like 0.png",)


@pytest.mark.parametrize(
    "other", ["reconstruction_{}.png", "recon_{}.png", "real_A_{}.png", "input_{}.png", "target_{}.png", "gt_{}.png"]
)
def test_what_was_not_generated_is_not_taken_for_samples(other: str, tmp_path: Path) -> None:
    write(tmp_path / "vae", [other.format(i) for i in range(9)] + [f"sample_{i}.png" for i in range(5)], (90, 90))
    assert [grid.path.name for grid in only(tmp_path).grids] == [f"sample_{i}.png" for i in range(5)]
    assert images_of(only(tmp_path, (90, 90))) == [5]


@pytest.mark.parametrize("name", ["epoch_{a}_batch_{b}.png", "epoch{a}_step{b}.png", "{a}-{b}.png"])
def test_two_numbers_that_count_steps_are_a_picture_each(name: str, tmp_path: Path) -> None:
    write(tmp_path / "gan", [name.format(a=a, b=b) for a in (1, 2, 3) for b in (0, 500)], (242, 242))
    run = only(tmp_path)
    assert (run.step_unit, [grid.step for grid in run.grids]) == ("picture", [0, 1, 2, 3, 4, 5])
    assert len({grid.path for grid in run.grids}) == 6


@pytest.mark.parametrize(
    "name", ["seed_{i}_class_{c}.png", "class{c}_seed{i}.png", "{i:04d}_label{c}.png", "{c}_{i}.png"]
)
def test_the_class_is_the_number_after_its_word(name: str, tmp_path: Path) -> None:
    write(tmp_path / "gan", [name.format(i=i, c=c) for c in range(4) for i in range(20)])
    (samples,) = only(tmp_path).samples
    assert sorted(samples.labels) == sorted(list(range(4)) * 20)
    assert all(
        f"{name.split('{c}', maxsplit=1)[0][-1:]}{label}" in f" {path.name}" or name.startswith("{c}")
        for path, label in zip(samples.files, samples.labels, strict=True)
    )


def test_seeds_are_samples_of_any_size(tmp_path: Path) -> None:
    assert images_of(only(write(tmp_path / "gan", [f"seed{i:04d}.png" for i in range(60)], (256, 256)))) == [60]


@pytest.mark.parametrize("folder", ["epoch_{:03d}", "step-{}", "checkpoint-{}/samples", "iter{}"])
def test_folders_of_steps_are_one_run(folder: str, tmp_path: Path) -> None:
    for step in (10, 20, 30):
        write(tmp_path / "gan" / folder.format(step), [f"{i}.png" for i in range(60)])
    run = only(tmp_path)
    assert [(one.step, images) for one, images in zip(run.samples, images_of(run), strict=True)] == [
        (10, 60),
        (20, 60),
        (30, 60),
    ]


def test_folders_of_sheets_keep_a_picture_a_step_and_measure_all(tmp_path: Path) -> None:
    for step in (10, 20):
        write(tmp_path / "gan" / f"epoch_{step}", [f"{i}.png" for i in range(3)], (242, 242))
    assert [grid.step for grid in only(tmp_path).grids] == [10, 20]
    assert images_of(only(tmp_path, pictures="sheets")) == [3, 3]


@pytest.mark.parametrize("names", [("class_0", "class_1", "class_2"), ("cat", "dog", "frog"), ("Cat", "Dog", "Frog")])
def test_folders_of_classes_are_one_labelled_set(names: tuple[str, ...], tmp_path: Path) -> None:
    for name in names:
        write(tmp_path / "gan" / name, [f"{i}.png" for i in range(7)])
    (samples,) = only(tmp_path, (28, 28), ("cat", "dog", "frog")).samples
    assert samples.labels == tuple(label for label in range(3) for _ in range(7))


def test_folders_of_models_stay_runs(tmp_path: Path) -> None:
    for name in ("dcgan", "vae", "wgan"):
        write(tmp_path / name, [f"{i}.png" for i in range(60)])
    assert [run.id for run in find_runs(tmp_path, size=(28, 28), classes=("cat", "dog", "frog")).runs] == [
        "dcgan",
        "vae",
        "wgan",
    ]


@pytest.mark.parametrize(("side", "sheets"), [(28, False), (242, True), (224, True), (231, True), (100, False)])
def test_multiples_of_the_real_size_are_sheets(
    side: int,
    sheets: bool,  # noqa: FBT001 - a table
    tmp_path: Path,
) -> None:
    write(tmp_path / "gan", [f"{i}.png" for i in range(600)], (side, side))
    run = only(tmp_path, (28, 28))
    assert bool(run.grids) == sheets
    assert bool(run.samples) != sheets


@pytest.mark.parametrize("ending", [".bmp", ".tif", ".PNG", ".jpeg"])
def test_endings_of_any_common_kind_are_pictures(ending: str, tmp_path: Path) -> None:
    assert images_of(only(write(tmp_path / "gan", [f"{i}{ending}" for i in range(60)]))) == [60]


def test_losses_without_a_counter_are_counted_by_rows(tmp_path: Path) -> None:
    (tmp_path / "gan").mkdir()
    (tmp_path / "gan" / "losses.csv").write_text("g_loss,d_loss\n2.0,1.0\n1.5,0.9\n")
    (tmp_path / "gan" / "prices.csv").write_text("a,b\n2.0,1.0\n1.5,0.9\n")
    run = only(tmp_path)
    assert (run.step_unit, run.curves["g_loss"].steps, set(run.curves)) == ("row", (0.0, 1.0), {"g_loss", "d_loss"})


@pytest.mark.parametrize(
    ("name", "shape", "kind"),
    [("samples.npz", (9, 3, 8, 8), "uint8"), ("fake.npy", (9, 8, 8), "uint8"), ("x.npz", (9, 8, 8, 1), "uint8")],
)
def test_arrays_of_images_are_samples_however_channels_lie(
    name: str, shape: tuple[int, ...], kind: str, tmp_path: Path
) -> None:
    (np.savez if name.endswith("z") else np.save)(tmp_path / name, np.zeros(shape, kind))
    assert [one.path.name for one in only(tmp_path).samples] == [name]


@pytest.mark.parametrize("name", ["samples.npy", "gen.npy"])
def test_arrays_of_floats_are_refused_with_the_line_that_helps(name: str, tmp_path: Path) -> None:
    np.save(tmp_path / name, np.zeros((9, 8, 8), np.float32))
    assert "astype(np.uint8)" in only(tmp_path).error


@pytest.mark.parametrize("name", ["train.npz", "real_images.npz", "mnist_test.npz", "dataset.npy", "labels.npy"])
def test_arrays_of_real_images_are_no_run(name: str, tmp_path: Path) -> None:
    (np.savez if name.endswith("z") else np.save)(tmp_path / name, np.zeros((9, 8, 8), np.uint8))
    assert find_runs(tmp_path).runs == ()
