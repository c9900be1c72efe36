"""Pipes, sockets, devices and holes in the places of a run's logs: named, passed over, and waited for by nobody."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.reliability.records import evaluation
from ganeval.errors import GanevalError
from ganeval.runs.directory import RunDirectory, create_run
from ganeval.runs.discovery import find_runs
from ganeval.runs.readers.native import read_run


def pipe(path: Path) -> None:
    os.mkfifo(path)


def bound(path: Path) -> None:
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as server:  # its name may not be long
        server.bind(path.name)


def device(path: Path) -> None:
    path.symlink_to("/dev/full")


def hole(path: Path) -> None:
    path.write_bytes(b"step,loss\n1,0.5\n")
    os.truncate(path, 2**40)


KINDS: dict[str, Callable[[Path], None]] = {"a pipe": pipe, "a socket": bound, "a device": device, "a hole": hole}


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return create_run(tmp_path / "runs", "a", config={}, seeds={}, protocol={})


@pytest.mark.parametrize("name", ["events.jsonl", "log.txt", "metric-kid.jsonl"])
@pytest.mark.parametrize("kind", ["a pipe", "a socket", "a device"])
def test_what_stands_in_the_place_of_a_log_of_ours_is_said_to_who_writes(
    kind: str, name: str, run: RunDirectory
) -> None:
    KINDS[kind](run.path / name)
    with pytest.raises(GanevalError, match=f"{name} could not be written"):
        {
            "events.jsonl": lambda: run.log(5, {"loss": 1.0}),
            "log.txt": lambda: run.say("a word"),
            "metric-kid.jsonl": lambda: run.write_evaluation(evaluation(0, 3.0), 1),
        }[name]()


@pytest.mark.parametrize("name", ["events.jsonl", "log.txt", "metric-kid.jsonl", "progress.csv", "logs/train.log"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_of_ours_names_the_log_that_it_passes_over(kind: str, name: str, run: RunDirectory) -> None:
    run.event(1, "alarm")
    (run.path / name).parent.mkdir(exist_ok=True)
    (run.path / name).unlink(missing_ok=True)
    KINDS[kind](run.path / name)
    (found,) = find_runs(run.path.parent).runs
    assert found.error == ""
    assert found.name == "a"
    (said,) = found.problems
    assert name in said
    assert kind in said
    assert (read_run(run.path).problems == (said,)) is (name == "events.jsonl")


@pytest.mark.parametrize("name", ["metric-fid50k.jsonl", "log.txt", "train.log", "progress.csv"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_rest_of_a_foreign_run_stands(kind: str, name: str, write_layout: Callable[..., Path]) -> None:
    root = write_layout("stylegan")
    path = next(root.rglob("training_options.json")).parent
    (path / name).unlink(missing_ok=True)
    KINDS[kind](path / name)
    found = next(run for run in find_runs(root).runs if run.path == path)
    assert found.error == ""
    assert "Loss/G/loss" in found.curves
    (said,) = found.problems
    assert name in said
    assert kind in said


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_of_nothing_else_is_ignored_by_name(kind: str, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    KINDS[kind](tmp_path / "a" / "train.log")
    found = find_runs(tmp_path)
    assert found.runs == ()
    ((folder, reason),) = found.ignored
    assert folder == tmp_path / "a"
    assert kind in reason


NAMES = (
    "events.out.tfevents.1",
    "run-a.wandb",
    "mlflow.db",
    "hparams.yaml",
    "config.toml",
    "a.npz",
    "grid.png",
    "weights.safetensors",
    "checkpoints/last.pt",
    "samples/0001.png",
    "samples/eval/step-000100.npz",
    "files/config.yaml",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["a pipe", "a socket", "a device"])
def test_what_is_no_file_is_named_wherever_it_lies_and_whatever_its_name(kind: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / "a" / name
    path.parent.mkdir(parents=True)
    (tmp_path / "a" / "progress.csv").write_text("step,loss\n1,2\n2,1\n")
    KINDS[kind](path)
    (found,) = find_runs(tmp_path).runs
    assert (found.error, list(found.curves)) == ("", ["loss"])
    (said,) = (said for said in found.problems if path.name in said)
    assert kind in said


@pytest.mark.parametrize("name", [name for name in NAMES if "/" not in name and name != "grid.png"])
def test_a_folder_that_holds_only_what_is_no_file_is_ignored_by_its_name(name: str, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    pipe(tmp_path / "a" / name)
    found = find_runs(tmp_path)
    assert found.runs == ()
    assert any(name in reason and "a pipe" in reason for _, reason in found.ignored)


@pytest.mark.parametrize("kind", ["a pipe", "a socket", "a device"])
def test_an_evaluation_that_is_no_file_is_named(kind: str, run: RunDirectory) -> None:
    path = run.write_evaluation(evaluation(0, 3.0), 1)
    path.unlink()
    KINDS[kind](path)
    (found,) = find_runs(run.path.parent).runs
    assert found.error == ""
    (said,) = found.problems
    assert "result.json" in said
    assert kind in said
