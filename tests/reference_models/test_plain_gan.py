"""A trainer that shares nothing with the others but the run directory, which is therefore the whole contract."""

from __future__ import annotations

import json
import math
import signal
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load

from ganeval.cli.main import main as ganeval
from ganeval.errors import BrokenRunError, BusyRunError, GanevalError, WrongInputError
from ganeval.runs.directory import open_run
from ganeval.runs.lock import sole_writer
from ganeval.runs.readers.native import read_run
from reference_models import plain_gan
from reference_models.plain_gan import Config, fit, resume

SMOKE = Config(steps=4, batch=8, latent=4, width=8, save_every=2, samples=40)


def state(run) -> dict[str, torch.Tensor]:
    return load(run.checkpoint().read_bytes())


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_four_steps_leave_a_run_that_the_library_reads(tmp_path):
    record = read_run(fit(SMOKE, tmp_path).path)
    assert record.status == "done"
    assert {tag: len(curve.values) for tag, curve in record.curves.items()} == {"loss/d": 4, "loss/g": 4}
    assert [grid.step for grid in record.grids] == [2, 4]
    with np.load(record.samples[-1].path) as samples:
        assert samples["arr_0"].shape == (40, 8, 8, 1)


def test_one_seed_repeats_and_another_differs(tmp_path):
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first, again, other = (state(fit(SMOKE, tmp_path, seed)) for seed in (0, 0, 1))
    assert equal(first, again)
    assert not equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


KILLED = """
import os, signal, sys
from reference_models import plain_gan
update, steps = plain_gan.update, []
def die(*args):
    steps.append(1)
    if len(steps) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return update(*args)
plain_gan.update = die
plain_gan.fit(plain_gan.Config(steps=8, batch=8, latent=4, width=8, save_every=3, samples=40), sys.argv[1])
"""


def test_a_killed_run_resumes_bit_for_bit(tmp_path, forks):
    whole = fit(replace(SMOKE, steps=8, save_every=3), tmp_path / "whole")
    command = [sys.executable, "-c", KILLED, str(tmp_path / "killed"), "6"]
    assert forks.start(command).wait() == -signal.SIGKILL
    (path,) = (tmp_path / "killed").iterdir()
    resumed = resume(path)
    assert equal(state(whole), state(resumed))
    ours, theirs = read_run(whole.path), read_run(resumed.path)
    assert ours.curves == theirs.curves
    with np.load(ours.samples[-1].path) as mine, np.load(theirs.samples[-1].path) as other:
        np.testing.assert_array_equal(mine["arr_0"], other["arr_0"])


def test_a_run_that_ended_before_its_first_checkpoint_begins_anew(tmp_path, monkeypatch):
    def interrupt(*_args):
        raise KeyboardInterrupt

    whole = fit(SMOKE, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(plain_gan, "update", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fit(SMOKE, tmp_path / "ended")
    (path,) = (tmp_path / "ended").iterdir()
    assert equal(state(resume(path)), state(whole))


def test_its_run_is_evaluated_by_its_own_protocol(tmp_path, capsys):
    run = fit(SMOKE, tmp_path)
    out = tmp_path / "result.json"
    assert (
        ganeval(["evaluate", "--fake", str(run.path), "--metrics", "fid", "--json", str(out), "--device", "cpu"]) == 0
    )
    assert math.isfinite(json.loads(out.read_text())["scores"]["fid"]["value"])


def test_wrong_inputs_are_sentences(tmp_path, capsys):
    with pytest.raises(WrongInputError, match="batch must be above 0; got 0"):
        fit(replace(SMOKE, batch=0), tmp_path)
    assert not list(tmp_path.iterdir())
    assert plain_gan.main(["--train", "digitz:train", "--out", str(tmp_path)]) == 2
    assert "digits" in capsys.readouterr().err
    assert plain_gan.main(["--resume", str(tmp_path / "none")]) == 2
    assert "run.json" in capsys.readouterr().err


def test_a_training_that_diverges_says_so_and_is_marked(tmp_path):
    with pytest.raises(GanevalError, match="Training diverged at step"):
        fit(replace(SMOKE, lr=1e30), tmp_path)
    assert read_run(next(tmp_path.iterdir())).status == "failed"


def test_a_run_that_is_written_or_is_another_trainers_or_is_damaged_is_not_resumed(tmp_path):
    run = fit(SMOKE, tmp_path)
    with sole_writer(run.path), pytest.raises(BusyRunError):
        resume(run.path)
    checkpoint = run.checkpoint()
    assert checkpoint is not None
    checkpoint.write_bytes(b"no safetensors")
    with pytest.raises(BrokenRunError, match="must be a checkpoint of plain_gan"):
        resume(run.path)
    open_run(run.path).update(config={"nfe": 3})
    with pytest.raises(BrokenRunError, match="must be a run of plain_gan"):
        resume(run.path)
