"""Every foreign layout, as its trainer writes it, becomes the record that a person would expect."""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ganeval.runs.discovery import Found, find_runs
from ganeval.runs.reader import READERS
from ganeval.runs.record import RunRecord
from ganeval.runs.textlogs import _line

Write = Callable[..., Path]
FIXTURES = Path(__file__).parents[1] / "fixtures"
LAYOUTS = {
    "stylegan": ("stylegan", 1),
    "studiogan": ("studiogan", 1),
    "biggan": ("biggan", 1),
    "lightning": ("lightning", 2),
    "events": ("tensorboard", 1),
    "diffusers": ("diffusers", 1),
    "npz": ("npz", 2),
    "pictures": ("pictures", 3),
    "wandb": ("wandb", 2),
    "mlflow": ("mlflow", 3),
    "trackio": ("trackio", 2),
    "table": ("table", 6),
    "archive": ("archive", 1),
    "textlog": ("textlog", 3),
}


@pytest.mark.parametrize(("layout", "expected"), LAYOUTS.items())
def test_each_layout_is_found_by_its_reader(layout: str, expected: tuple[str, int], write_layout: Write) -> None:
    found = find_runs(write_layout(layout))
    assert [run.error for run in found.runs] == [""] * expected[1]
    assert {run.reader for run in found.runs} == {expected[0]}


def test_every_reader_but_our_own_has_a_layout_here() -> None:
    assert {reader for reader, _ in LAYOUTS.values()} == set(READERS.names()) - {"ganeval"}


def test_all_layouts_in_one_folder_are_told_apart(write_layout: Write, tmp_path: Path) -> None:
    for layout in LAYOUTS:
        write_layout(layout, tmp_path / "all")
    found = find_runs(tmp_path / "all")
    assert len(found.runs) == sum(n for _, n in LAYOUTS.values())
    assert len({run.id for run in found.runs}) == len(found.runs)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_record_is_the_same_when_read_twice(layout: str, write_layout: Write) -> None:
    root = write_layout(layout)
    assert repr(find_runs(root)) == repr(find_runs(root))


def _one(write_layout: Write, layout: str) -> Found:
    return find_runs(write_layout(layout))


def test_stylegan_steps_are_kimg_and_nan_stays_nan(write_layout: Write) -> None:
    run = _one(write_layout, "stylegan").runs[0]
    assert run.step_unit == "kimg"
    assert run.status == "done"
    assert run.curves["Loss/G/loss"].steps == (0.0, 4.0, 8.0, 12.0, 16.0)
    assert all(math.isnan(value) for value in run.curves["Loss/scores/real"].values)
    assert run.curves["metric/fid50k_full"].values == (300.5, 41.25)
    assert run.config["batch_size"] == 32
    assert [(grid.step, grid.rows, grid.columns) for grid in run.grids] == [(0, 4, 7), (16, 4, 7)]
    assert run.created.startswith("2023-11-14")


def test_studiogan_curves_come_from_its_text_log(write_layout: Write) -> None:
    run = _one(write_layout, "studiogan").runs[0]
    assert run.curves["Gen_loss"].values[0] == 1.25
    assert math.isnan(run.curves["Gen_loss"].values[1])
    assert run.curves["metric/fid"].values == (55.125,)
    assert run.curves["metric/inception"].values == (2.5,)
    assert [grid.step for grid in run.grids] == [100, 200]
    assert run.created == "2023-05-01T10:20:30"


def test_biggan_joins_metrics_and_losses(write_layout: Write) -> None:
    run = _one(write_layout, "biggan").runs[0]
    assert run.step_unit == "itr"
    assert run.curves["FID"].values == (80.0, math.inf)
    assert run.curves["G_loss"].steps == (0.0, 50.0)
    assert [grid.step for grid in run.grids] == [1000, 2000]


def test_lightning_skips_empty_cells_and_versions_have_different_names(write_layout: Write) -> None:
    first, second = _one(write_layout, "lightning").runs
    assert first.curves["val/fid"].values == (42.5,)
    assert first.curves["d_loss"].steps == (9.0, 19.0)
    assert first.config == {"batch_size": 64, "lr": 0.0002, "name": "dc gan", "opt.eps": 1e-08}
    assert (first.name, second.name) == ("version_0", "version_1")


def test_event_files_give_scalars_of_both_generations_and_pictures(write_layout: Write) -> None:
    from ganeval.report.pictures import load_picture

    run = _one(write_layout, "events").runs[0]
    assert run.curves["loss/d"].values == (0.5, 0.5, 0.5)
    assert run.curves["loss/g"].values[:3] == (1.0, 11.0, 21.0)
    assert math.isnan(run.curves["loss/g"].values[3])
    assert [grid.step for grid in run.grids] == [0, 10, 20]
    pixels = load_picture(run.grids[2].path, run.grids[2].span)
    assert pixels.shape == (8, 12)
    assert pixels[0, 0] == 20


def test_diffusers_reads_the_logs_of_accelerate(write_layout: Write) -> None:
    run = _one(write_layout, "diffusers").runs[0]
    assert run.config["pipeline"]["_class_name"] == "DDPMPipeline"
    assert "loss/g" in run.curves
    assert len(run.grids) == 3
    assert "checkpoints at 500, 1000" in run.notes


def test_npz_reads_adm_and_dit(write_layout: Write) -> None:
    dit, adm = _one(write_layout, "npz").runs
    assert dit.curves["Train Loss"].steps == (100.0, 200.0)
    assert [sample.path.name for sample in adm.samples] == ["samples_6x8x8x3.npz"]
    assert adm.curves["loss"].values[0] == 0.5


def test_pictures_take_the_step_from_the_name(write_layout: Write) -> None:
    runs = {run.id: run for run in _one(write_layout, "pictures").runs}
    assert [grid.step for grid in runs["gan/images"].grids] == [0, 400, 800]
    assert runs["dcgan"].step_unit == "epoch"
    assert [grid.step for grid in runs["dcgan"].grids] == [0, 1, 2]
    assert runs["ddpm/results"].name == "ddpm/results"


def test_wandb_reads_its_binary_history(write_layout: Write) -> None:
    whole, bare = _one(write_layout, "wandb").runs
    assert (whole.curves["loss.g"].steps, whole.curves["loss.g"].values) == ((0, 45, 90), (3.0, 2.25, 1.5))
    assert whole.curves["best"].steps == (90.0,)
    assert whole.config == {"lr": 0.001}
    assert whole.status == "done"
    assert whole.created == "2024-01-02T03:04:05"
    assert [grid.step for grid in whole.grids] == [0, 90]
    assert whole.notes == ()
    assert "no history that can be read" in bare.notes[0]


@pytest.mark.parametrize("kept", [0, 3, 7, 100, 33_000, 60_000, -1])
def test_a_torn_wandb_history_costs_its_tail_only(kept: int, write_layout: Write) -> None:
    root = write_layout("wandb")
    file = next(root.rglob("run-ab12cd34.wandb"))
    file.write_bytes(file.read_bytes()[:kept])
    run = next(run for run in find_runs(root).runs if "ab12cd34" in run.id)
    assert run.error == ""
    assert run.curves["loss.g"].values[-1] == 1.5


def _wandb(tmp_path: Path, rows: list[dict[str, object]], summary: dict[str, object]) -> RunRecord:
    """An offline run with this history and this summary."""
    spec = importlib.util.spec_from_file_location("wandb_layout", FIXTURES / "wandb.py")
    assert spec is not None
    assert spec.loader is not None
    layout = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(layout)
    folder = tmp_path / "wandb" / "offline-run-20240102_030405-ab12cd34"
    (folder / "files").mkdir(parents=True)
    records = [layout.message(2, layout.items(1, row)) for row in rows]
    (folder / "run-ab12cd34.wandb").write_bytes(layout.history(records))
    (folder / "files" / "wandb-summary.json").write_text(json.dumps(summary))
    (run,) = find_runs(tmp_path / "wandb").runs
    assert run.error == ""
    return run


def test_a_wandb_history_of_one_row_keeps_the_advice_beside_its_summary(tmp_path: Path) -> None:
    run = _wandb(tmp_path, [{"_step": 0, "loss": 3.0}], {"_step": 90, "loss": 1.5})
    assert "no history that can be read" in run.notes[0]
    assert run.curves["loss"].values[-1] == 1.5


def test_a_wandb_key_without_a_step_that_is_a_number_takes_that_of_the_summary(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"_step": math.nan, "loss": 3.0}, {"_step": math.nan, "loss": 2.0}]
    run = _wandb(tmp_path, rows, {"_step": 90, "loss": 1.5})
    assert run.curves["loss"].steps == (90.0,)


def test_steps_of_lightning_in_wandb_are_the_trainers_not_the_calls_of_the_tracker(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"_step": 0, "loss": 3.0, "trainer/global_step": 20},
        {"_step": 1, "fid": 9.0, "trainer/global_step": 20},
        {"_step": 2, "fid": 8.0, "trainer/global_step": 40},
        {"_step": 3, "own": 1.0},
    ]
    run = _wandb(tmp_path, rows, {})
    assert {name: curve.steps for name, curve in run.curves.items()} == {
        "loss": (20.0,),
        "fid": (20.0, 40.0),
        "own": (3.0,),
    }


def test_mlflow_reads_both_stores(write_layout: Write) -> None:
    runs = {run.name: run for run in _one(write_layout, "mlflow").runs}
    assert runs["wistful-gan"].curves["val/fid"].values == (33.5,)
    assert runs["wistful-gan"].config == {"lr": "0.0002"}
    assert math.isnan(runs["first"].curves["loss"].values[1])
    assert runs["second"].status == "failed"


def test_trackio_has_one_record_per_run(write_layout: Write) -> None:
    brave, calm = _one(write_layout, "trackio").runs
    assert (brave.name, calm.name) == ("brave-gan", "calm-gan")
    assert brave.curves["loss"].values == (1.0, 0.5, 1 / 3)
    assert math.isnan(brave.curves["fid"].values[2])


def test_scalars_of_event_files_enrich_another_layout(write_layout: Write) -> None:
    root = write_layout("lightning")
    version = root / "lightning_logs" / "version_0"
    (version / "metrics.csv").unlink()
    write_layout("events", root / "scratch")
    (root / "scratch" / "tb-run" / "events.out.tfevents.1700000000.host.1.0").rename(version / "events.out.tfevents.1")
    run = find_runs(root)["version_0"]
    assert run.reader == "lightning"
    assert set(run.curves) == {"loss/g", "loss/d"}


def test_curves_in_another_unit_are_not_mixed_in(write_layout: Write) -> None:
    root = write_layout("stylegan")
    run_folder = next(root.iterdir())
    write_layout("events", root / "scratch")
    (root / "scratch" / "tb-run" / "events.out.tfevents.1700000000.host.1.0").rename(
        run_folder / "events.out.tfevents.1"
    )
    run = find_runs(root)[run_folder.name]
    assert "loss/g" not in run.curves
    assert any("tensorboard counts in step" in note for note in run.notes)


def test_any_table_with_a_counter_gives_curves(write_layout: Write) -> None:
    runs = {run.id: run for run in _one(write_layout, "table").runs}
    seen = {
        name: (run.step_unit, {tag: curve.steps for tag, curve in run.curves.items()}) for name, run in runs.items()
    }
    assert seen == {
        "plain": ("itr", {"loss_g": (0, 100), "loss_d": (0, 100)}),
        "keras": ("epoch", {"loss": (0, 1), "val_loss": (0, 1)}),
        "padded": ("epoch", {"train/loss": (1, 2), "lr": (1, 2)}),
        "hub": ("step", {"loss": (10, 20), "eval_fid": (20,)}),
        "history": ("epoch", {"d_loss": (0, 1), "g_loss": (0, 1)}),
        "lines": ("step", {"loss.g": (0, 1, 2)}),
    }
    assert math.isnan(runs["plain"].curves["loss_g"].values[1])
    assert [grid.step for grid in runs["plain"].grids] == [0, 100]


def test_a_column_that_three_tables_share_is_three_curves(tmp_path: Path) -> None:
    (tmp_path / "gan" / "logs").mkdir(parents=True)
    for number, name in enumerate(("a.csv", "log.csv", "logs/log.csv")):
        (tmp_path / "gan" / name).write_text(f"step,loss\n0,{number}\n1,{number}\n")
    (run,) = find_runs(tmp_path / "gan").runs
    assert {curve.values[0] for curve in run.curves.values()} == {0.0, 1.0, 2.0}
    assert set(run.curves) == {"loss", "log/loss", "logs/log.csv/loss"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.csv", "file,label\na.png,3\nb.png,4\n"),
        ("config.json", '{"epochs": 100, "lr": 0.1}'),
        ("data.json", '[{"id": 1, "score": 2.0}]'),
        ("empty.csv", ""),
        ("words.csv", "epoch,note\n1,good\n"),
        ("broken.json", "{"),
        ("list.json", '{"a": [1, "x"]}'),
    ],
)
def test_what_counts_nothing_is_no_log(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert find_runs(tmp_path).runs == ()


def test_a_summary_beside_the_logs_of_several_runs_does_not_hide_them(write_layout: Write) -> None:
    root = write_layout("table")
    (root / "all.csv").write_text("step,fid\n1,2.0\n2,1.0\n")
    assert len(find_runs(root).runs) == 6


def test_tables_add_nothing_to_a_run_that_has_its_own_curves(write_layout: Write) -> None:
    root = write_layout("stylegan")
    (next(root.iterdir()) / "extra.csv").write_text("step,more\n1,2\n2,3\n")
    assert "more" not in find_runs(root).runs[0].curves


def test_studiogan_names_with_a_slash_are_metrics(write_layout: Write) -> None:
    root = write_layout("studiogan")
    log = next((root / "studio" / "logs").iterdir())
    log.write_text(
        log.read_text()
        + "[INFO] 2023-05-01 10:22:05 > F_8 score (Step: 200, Using test images): 0.975\n"
        + "[INFO] 2023-05-01 10:22:05 > F_1/8 score (Step: 200, Using test images): 0.925\n"
        + "[INFO] 2023-05-01 10:22:05 > Improved Precision/Recall score (Step: 200, Using test images): 0.5\n"
    )
    curves = find_runs(root).runs[0].curves
    assert {tag: curve.values for tag, curve in curves.items() if "f_" in tag or "/r" in tag} == {
        "metric/f_8": (0.975,),
        "metric/f_1/8": (0.925,),
        "metric/improved_precision/recall": (0.5,),
    }


@pytest.mark.parametrize("name", ["samples_8x8x8x1.npz", "images/100.png", "log.csv"])
def test_a_pointer_of_git_lfs_is_named_as_such(name: str, tmp_path: Path) -> None:
    from ganeval.report import build_report

    (tmp_path / "runs" / "gan" / "images").mkdir(parents=True)
    (tmp_path / "runs" / "gan" / "progress.csv").write_text("step,loss\n0,1\n1,2\n")
    for file in (name, "images/200.png") if name.startswith("images") else (name,):
        (tmp_path / "runs" / "gan" / file).write_text(
            "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
        )
    root = tmp_path / "runs" / "gan" / "images" if name.startswith("images") else tmp_path / "runs"
    page = build_report(find_runs(root), out=tmp_path / "r.html").path.read_text()
    assert f"{Path(name).name} is a pointer of Git LFS: run git lfs pull" in page


def test_samples_of_floats_are_said_to_be_such_once_with_the_line_that_mends_them(tmp_path: Path) -> None:
    np.savez(tmp_path / "samples_6x8x8x1.npz", np.zeros((6, 8, 8, 1), np.float32))
    (run,) = find_runs(tmp_path).runs
    assert "samples_6x8x8x1.npz holds float32 of shape (6, 8, 8, 1), expected are images of uint8" in run.error
    assert ".clip(0, 255).astype(np.uint8)" in run.error
    assert run.problems == ()


@pytest.mark.parametrize("shape", [(6, 8, 8), (6, 8, 8, 1), (6, 8, 8, 3)])
def test_an_array_of_images_is_a_sample_set(shape: tuple[int, ...], tmp_path: Path) -> None:
    np.save(tmp_path / "samples.npy", np.zeros(shape, np.uint8))
    np.save(tmp_path / "latents.npy", np.zeros((6, 100), np.float32))
    (run,) = find_runs(tmp_path).runs
    assert [samples.path.name for samples in run.samples] == ["samples.npy"]


def test_archives_are_samples_by_their_names_and_by_what_they_hold(write_layout: Write) -> None:
    (run,) = _one(write_layout, "archive").runs
    assert [(samples.step, samples.path.name) for samples in run.samples] == [
        (100, "samples_step_100.zip"),
        (200, "samples_step_200.zip"),
    ]


def test_printed_lines_become_curves(write_layout: Write) -> None:
    gan, dcgan, keras = sorted(_one(write_layout, "textlog").runs, key=lambda run: run.id)
    assert (gan.step_unit, gan.curves["D loss"].steps[:3]) == ("epoch", (0.0, 0.5, 1.0))
    assert [grid.step for grid in gan.grids] == [0, 400]
    assert dcgan.curves["Loss_G"].values == (0.0, 0.5, 1.0, 1.5)
    assert set(dcgan.curves) == {"Loss_D", "Loss_G", "D(x)", "D(G(z))"}
    assert keras.curves["D loss"].steps == (0.0, 200.0, 400.0)
    assert all(math.isnan(value) for value in keras.curves["G loss"].values)


@pytest.mark.parametrize(
    ("text", "epoch", "inner", "values"),
    [
        ("(epoch: 1, iters: 100, time: 0.1, data: 0.2) D_A: 0.5 cycle_A: 1.2", 1, 100, {"D_A": 0.5, "cycle_A": 1.2}),
        ("Epoch: 5 | D Loss = 0.4 | G Loss = 1e-3 | time: 3.2s", 5, None, {"D Loss": 0.4, "G Loss": 0.001}),
        ("Iteration 1000: D loss nan, G loss 0.25", None, 1000, {"G loss": 0.25}),
        ("step 400: loss 0.25", None, 400, {"loss": 0.25}),
        ("12:00:01 INFO starting training: seed 5", None, None, None),
        ("Downloading: 100 MB", None, None, None),
    ],
)
def test_a_line_says_what_it_counts_and_what_it_measures(
    text: str, epoch: float | None, inner: float | None, values: dict[str, float] | None
) -> None:
    line = _line(text)
    if values is None:
        assert line is None
        return
    assert line is not None
    assert (line.epoch, line.inner) == (epoch, inner)
    assert {tag: value for tag, value in line.values.items() if not math.isnan(value)} == values
