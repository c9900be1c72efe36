"""Killed at any moment, a run goes on as if nothing had been: real signals, real files."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from ganeval.errors import BrokenRunError, BusyRunError
from ganeval.runs.directory import RunDirectory
from reference_models.plumbing.system import find_unfinished, resume

sys.path.insert(0, str(Path(__file__).parent))
import kill_worker

from tests.forks import Child, Forks

MOMENTS = ((np.arange(12) + np.random.default_rng(0).random(12)) / 12).round(3).tolist()  # one in every twelfth


def worker(forks: Forks, *arguments: str, said: Path | str = "") -> Child:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    return forks.start([sys.executable, *arguments], env=environment, said=said)


def test_a_run_killed_at_any_moment_loses_nothing_and_resumes_to_the_same_files(tmp_path, forks):
    said = tmp_path / "said.txt"
    trained = tmp_path / "trained"
    assert worker(forks, kill_worker.__file__, str(trained), *map(str, MOMENTS), "0.1s", said=said).wait(200) == 0
    outcomes = [json.loads(line) for line in said.read_text().splitlines()]
    assert len(outcomes) == len(MOMENTS) + 1
    assert sum(outcome["begun"] for outcome in outcomes) >= 10
    assert [outcome for outcome in outcomes if outcome["complaints"]] == []


SLOW = """
import sys, time
from pathlib import Path
import kill_worker
from reference_models.plumbing.session import Session, checkpoints
checkpoints.selection_score = lambda *_: 1.0
log = Session.log
def slow(self, **values):
    log(self, **values)
    if self.step == 3:
        Path(sys.argv[1], "asleep").touch()
        time.sleep(600)
Session.log = slow
kill_worker.train(Path(sys.argv[1]))
"""


@pytest.fixture
def live(tmp_path, forks):
    """A run that another process trains."""
    process = worker(forks, "-c", SLOW, str(tmp_path))
    deadline = time.monotonic() + 100
    while not (tmp_path / "asleep").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield process, next(tmp_path.glob("*/run.json")).parent
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_live_run_is_not_resumed_by_a_second_process_and_a_dead_one_is(live):
    process, path = live
    before = contents(path)
    with pytest.raises(BusyRunError, match=rf"{path.name} is being written by process {process.pid} on"):
        resume(path)
    assert contents(path) == before
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reference_models.plumbing.session.checkpoints.selection_score", lambda *_: 1.0)
        assert resume(path).info["status"] == "done"
    assert not (path / "lock.json").exists()


def test_a_best_checkpoint_that_died_before_its_pointer_is_found_again(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reference_models.plumbing.session.checkpoints.selection_score", lambda *_: next(values))
        values = iter([3.0, 2.0, 2.5, 2.6, 2.7, 1.0])
        run = kill_worker.train(tmp_path)
        (run.path / "checkpoints" / "best.json").write_text('{"file": "step-000004.safetensors", "step": 4}')
        resume(run.path)
    best = run.checkpoint("best")
    assert best is not None
    assert best.name == "step-000012.safetensors"


def test_a_folder_of_a_run_that_never_began_is_no_unfinished_run(tmp_path):
    (tmp_path / "0001-gan_mlp-synthetic").mkdir()
    with pytest.raises(BrokenRunError, match="no unfinished run"):
        find_unfinished(tmp_path, kill_worker.NAME, kill_worker.DATASET, 0)


def test_a_run_can_be_resumed_from_its_first_word_on(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reference_models.plumbing.system._train", lambda *_: None)  # nothing was done yet
        run = kill_worker.train(tmp_path)
        patch.undo()
        patch.setattr("reference_models.plumbing.session.checkpoints.selection_score", lambda *_: 1.0)
        assert run.info["status"] == "running"
        found = find_unfinished(tmp_path, kill_worker.NAME, kill_worker.DATASET, 0)
        assert resume(found).info["status"] == "done"
    assert isinstance(run, RunDirectory)
