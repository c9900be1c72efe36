"""Folders of logs: tables of many shapes, loggers' stores, and the layouts of whole projects."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path

from studies.folders.kind import SHEETS, Kind, digits, save, sheets, text

LAYOUTS = Path(__file__).parents[2] / "tests" / "runs" / "fixtures"
LOG, PICTURES = "no images were kept", "of a few pictures no number is made unasked"


def _layout(name: str) -> Callable[[Path], None]:
    """A layout that the tests of the readers write, whole."""

    def write(folder: Path) -> None:
        folder.mkdir(parents=True)
        runpy.run_path(str(LAYOUTS / f"{name}.py"))["write"](folder)

    return write


def _log_and_sheets(folder: Path) -> None:
    text(folder / "training_log.csv", "iter,loss_g,loss_d,note\n0,1.5,0.5,start\n100,1.25,0.25,\n")
    sheets(folder / "samples", ["0.png", "100.png"])


def _diverged(folder: Path) -> None:
    rows = [f"{step},{1.5 if step < 20 else float('nan')},0.5" for step in range(0, 60, 5)]
    text(folder / "training_log.csv", "\n".join(["step,loss_g,loss_d", *rows]))
    sheets(folder / "samples", ["0.png", "20.png", "40.png"])


def _stylegan(folder: Path) -> None:
    run = folder / "00003-stylegan3-t-digits-gpus1-batch32"
    text(run / "training_options.json", json.dumps({"batch_size": 32, "training_set_kwargs": {"resolution": 8}}))
    ticks = [
        {
            "Loss/G/loss": {"num": 8, "mean": 1.0 + tick, "std": 0.1},
            "Progress/kimg": {"num": 1, "mean": 4.0 * tick, "std": 0.0},
            "timestamp": 1_700_000_000.0 + tick,
        }
        for tick in range(5)
    ]
    text(run / "stats.jsonl", "\n".join(map(json.dumps, ticks)))
    fid = {"results": {"fid50k_full": 41.25}, "metric": "fid50k_full", "snapshot_pkl": "network-snapshot-000016.pkl"}
    text(run / "metric-fid50k_full.jsonl", json.dumps(fid) + "\n")
    for name in ("reals", "fakes_init", "fakes000000", "fakes000016"):
        grid = digits(64).reshape(8, 8, 8, 8).swapaxes(1, 2).reshape(64, 64)
        save(run, [f"{name}.png"], grid[None])
    (run / "network-snapshot-000016.pkl").write_bytes(b"never opened")


def _keras(folder: Path) -> None:
    text(folder / "log.csv", "epoch;loss;val_loss\n0;2.0;3.0\n1;1.0;2.0\n")


def _results(folder: Path) -> None:
    text(folder / "results.csv", "  epoch,   train/loss,  lr\n      1,     0.5,   1e-3\n      2,     0.25,   1e-3\n")


def _trainer_state(folder: Path) -> None:
    rows = [{"epoch": 0.5, "step": 10, "loss": 2.0}, {"epoch": 1.0, "step": 20, "loss": 1.0}]
    text(folder / "trainer_state.json", json.dumps({"global_step": 20, "log_history": rows}))


def _history(folder: Path) -> None:
    text(folder / "history.json", json.dumps({"d_loss": [1.0, 0.5], "g_loss": [2.0, 3.0]}))


def _json_lines(folder: Path) -> None:
    lines = [json.dumps({"step": step, "loss": {"g": 1.0 / (step + 1)}, "time": "now"}) for step in range(3)]
    text(folder / "logs" / "train.jsonl", "\n".join(lines) + '\n{"step": 3, "lo')


def _text_log(folder: Path) -> None:
    lines = [
        f"[Epoch {e}/3] [Batch {b}/2] [D loss: {0.7 - e / 10}] [G loss: {0.5 + e}]" for e in range(3) for b in (0, 1)
    ]
    text(folder / "train.log", "\n".join(lines))
    sheets(folder / "images", ["0.png", "2.png", "4.png"])


KINDS = (
    Kind("a log and sheets", "class exercises: training_log.csv, samples/100.png", _log_and_sheets, SHEETS),
    Kind("a diverged training", "class exercises: NaN from step 20 on", _diverged, SHEETS),
    Kind("a table by epochs", "Keras' CSVLogger: log.csv", _keras, (), LOG),
    Kind("a padded table", "Ultralytics' kin: results.csv", _results, (), LOG),
    Kind("a trainer's state", "transformers: trainer_state.json", _trainer_state, (), LOG),
    Kind("a history", "Keras: history.json", _history, (), LOG),
    Kind("lines of JSON", "many: logs/train.jsonl", _json_lines, (), LOG),
    Kind(
        "a text log and sheets",
        "PyTorch-GAN: its printed lines in train.log",
        _text_log,
        SHEETS,
    ),
    Kind("StyleGAN", "StyleGAN2-ADA, StyleGAN3, EDM: stats.jsonl, metric-fid50k_full.jsonl", _stylegan, SHEETS),
    Kind("StudioGAN", "PyTorch-StudioGAN: logs/, figures/, F_1/8", _layout("studiogan"), (), PICTURES),
    Kind("BigGAN", "BigGAN-PyTorch, ic_gan: logs/NAME_log.jsonl", _layout("biggan"), (), PICTURES),
    Kind("Lightning", "lightning_logs/version_0/metrics.csv", _layout("lightning"), (), LOG),
    Kind("diffusers", "diffusers with accelerate: a pipeline and event files", _layout("diffusers"), (), PICTURES),
    Kind("TensorBoard", "events.out.tfevents", _layout("events"), (), PICTURES),
    Kind("W&B offline", "offline-run-*/run-ID.wandb", _layout("wandb"), (), PICTURES),
    Kind("MLflow", "mlruns/ and mlflow.db", _layout("mlflow"), (), LOG),
    Kind("trackio", "one SQLite file a project", _layout("trackio"), (), LOG),
)
