"""The contract of every trainer: smoke runs, repeats, resumes bit for bit, stops well."""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from dataclasses import asdict, replace
from functools import cache

import numpy as np
import pytest
import torch
from PIL import Image

from ganeval.errors import BrokenRunError, IncomparableError, UnknownNameError
from ganeval.images import image_set
from ganeval.runs.readers.native import read_run
from reference_models.__main__ import main
from reference_models.plumbing.checkpoint import decode_state, encode_state
from reference_models.plumbing.options import Options
from reference_models.plumbing.session import Session, checkpoints
from reference_models.plumbing.session.diary import TrainingDivergedError
from reference_models.plumbing.system import SYSTEMS, fit, open_sampler, resume

NAMES = SYSTEMS.names()
QUICK = Options(device="cpu", log_every=2, checkpoints=4, sample_per_class=3, grids=2)


def smoke(name: str, **changes):
    return replace(SYSTEMS[name].profile("smoke"), **changes)


def final_state(run) -> dict:
    state = decode_state(run.checkpoint().read_bytes())
    return {key: value for key, value in state.items() if key not in ("cpu_seconds", "lines")}  # clock and log length


def equal(a, b) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(equal(a[key], b[key]) for key in a)
    return len(a) == len(b) and all(map(equal, a, b)) if isinstance(a, (list, tuple)) else a == b


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The finished run of a system, trained once for all tests that compare another with it."""
    return cache(
        lambda name: fit(
            name, smoke(name), dataset="synthetic", out=tmp_path_factory.mktemp("plain"), seed=0, options=QUICK
        )
    )


@pytest.mark.parametrize("dataset", ["synthetic", "synthetic3"])
@pytest.mark.parametrize("name", NAMES)
def test_smoke_trains_on_one_and_three_channels_within_two_seconds(name, dataset, tmp_path):
    torch.optim.Adam([torch.zeros(1)])  # the first optimiser of a process imports torch._dynamo: 1.4 s, not ours
    start = time.process_time()
    record = read_run(fit(name, smoke(name), dataset=dataset, out=tmp_path, options=QUICK).path)
    assert time.process_time() - start < 2
    assert record.status == "done"
    conditional = open_sampler(record.path).conditional
    assert record.grids[-1].rows == (4 if conditional else 8)
    assert len(record.grids[-1].labels) == (32 if conditional else 0)
    with np.load(record.samples[-1].path) as samples:
        assert samples["arr_0"].shape == (12, 8, 8, 1 if dataset == "synthetic" else 3)
        labels = samples["arr_1"].tolist() if "arr_1" in samples else None
    assert labels == ([0] * 3 + [1] * 3 + [2] * 3 + [3] * 3 if conditional else None)
    assert all(math.isfinite(value) for curve in record.curves.values() for value in curve.values)


@pytest.mark.parametrize("name", NAMES)
def test_one_seed_repeats_and_another_differs(name, tmp_path, plain):
    same, other = (fit(name, smoke(name), dataset="synthetic", out=tmp_path, seed=s, options=QUICK) for s in (0, 1))
    assert equal(final_state(plain(name)), final_state(same))
    assert not equal(final_state(plain(name)), final_state(other))


@pytest.mark.parametrize("name", NAMES)
def test_looking_at_a_training_does_not_change_it(name, tmp_path, plain):
    often = replace(QUICK, grids=4, sample_times=4, log_every=1)
    looked_at = fit(name, smoke(name), dataset="synthetic", out=tmp_path, options=often)
    mine, theirs = (final_state(run)["held"] for run in (plain(name), looked_at))
    assert equal(mine, theirs)


def test_training_leaves_the_callers_generator_alone(tmp_path):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    fit(NAMES[0], smoke(NAMES[0]), dataset="synthetic", out=tmp_path, options=QUICK)
    assert torch.equal(torch.get_rng_state(), before)


KILLED = """
import os, signal, sys
from dataclasses import replace
from reference_models.plumbing.options import Options
from reference_models.plumbing.session import Session
from reference_models.plumbing.system import SYSTEMS, fit
name, out = sys.argv[1:]
log = Session.log
def die(self, **values):
    if self.step == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    log(self, **values)
Session.log = die
options = Options(device="cpu", log_every=2, checkpoints=3, sample_per_class=3, grids=2)
fit(name, replace(SYSTEMS[name].profile("smoke"), steps=12), dataset="synthetic", out=out, options=options)
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_run_resumes_bit_for_bit(name, tmp_path, forks):
    options = replace(QUICK, checkpoints=3)
    whole = fit(name, smoke(name, steps=12), dataset="synthetic", out=tmp_path / "whole", options=options)
    command = [sys.executable, "-c", KILLED, name, str(tmp_path / "killed")]
    assert forks.start(command).wait() == -signal.SIGKILL
    (path,) = (tmp_path / "killed").iterdir()
    assert read_run(path).status == "running"
    resumed = resume(path, config=smoke(name, steps=12))
    assert equal(final_state(whole), final_state(resumed))
    ours, theirs = read_run(whole.path), read_run(resumed.path)
    assert "resume at step 4" in theirs.notes
    for tag in ours.curves.keys() - {"cpu_seconds"}:
        assert ours.curves[tag] == theirs.curves[tag]
    for mine, other in zip(ours.grids, theirs.grids, strict=True):
        assert mine.path.read_bytes() == other.path.read_bytes()


def test_what_fails_while_the_last_samples_are_drawn_costs_no_training(tmp_path, monkeypatch):
    whole = fit(NAMES[0], smoke(NAMES[0]), dataset="synthetic", out=tmp_path / "whole", options=QUICK)
    write = Session._write_samples
    monkeypatch.setattr(Session, "_write_samples", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        fit(NAMES[0], smoke(NAMES[0]), dataset="synthetic", out=tmp_path / "cut", options=QUICK)
    monkeypatch.setattr(Session, "_write_samples", write)
    (path,) = (tmp_path / "cut").iterdir()
    assert read_run(path).samples == ()
    resumed = resume(path)
    assert resumed.info["status"] == "done"
    assert f"resume at step {smoke(NAMES[0]).steps}" in read_run(path).notes
    assert equal(final_state(whole), final_state(resumed))
    mine, other = (image_set(run.path) for run in (whole, resumed))
    assert mine.fingerprint == other.fingerprint


def test_the_best_checkpoint_is_the_one_the_judge_prefers_and_it_stays(tmp_path, monkeypatch):
    values = iter([3.0, 1.0, 2.0, 2.5])
    monkeypatch.setattr(checkpoints, "selection_score", lambda *_: next(values))
    options = replace(QUICK, judge="digits", keep_last=1)
    run = fit(NAMES[0], smoke(NAMES[0]), dataset="synthetic", out=tmp_path, options=options)
    best = run.checkpoint("best")
    assert best is not None
    assert best.name == "step-000002.safetensors"
    assert run.info["best"] == {"metric": "kid", "judge": "digits", "value": 1.0, "step": 2}
    assert read_run(run.path).curves["select/kid"].values == (3.0, 1.0, 2.0, 2.5)
    labels = np.arange(4)
    last, chosen = (open_sampler(run.path, which=which)(labels, seed=0) for which in ("last", "best"))
    assert not np.array_equal(last, chosen)


def test_the_judge_prefers_real_digits_to_noise():
    from reference_models.plumbing.loading import load_data
    from reference_models.plumbing.sampling import Sampler
    from reference_models.plumbing.selection import selection_score

    data = load_data("digits")
    real = [data.batch(0, len(data.images))[0][data.labels[data._permutation(0)] == c] for c in range(10)]
    device = torch.device("cpu")
    digits = Sampler(lambda z, y: torch.stack([real[c][i] for i, c in enumerate(y.tolist())]), (1,), 10, device)
    noise = Sampler(lambda z, y: z.view(-1, 1, 8, 8), (64,), 10, device)
    good, bad = (selection_score(draw, data, "digits", 10, seed=0) for draw in (digits, noise))
    assert good < bad / 100


def test_badly_shuffled_data_sound_an_alarm(tmp_path, monkeypatch):
    from reference_models.plumbing.data import Data

    def in_order(self, seen, size):
        rows = torch.arange(seen, seen + size) % len(self.images)
        labels = self.labels.sort().values
        return self.images[rows].float() / 127.5 - 1, labels[rows]

    monkeypatch.setattr(Data, "batch", in_order)
    run = fit(NAMES[0], smoke(NAMES[0]), dataset="synthetic", out=tmp_path, options=QUICK)
    assert any(note.startswith("alarm at step 1: batch_entropy") for note in read_run(run.path).notes)


@pytest.mark.parametrize("option", ["amp", "channels_last"])
def test_faster_arithmetic_trains_too(option, tmp_path):
    run = fit(NAMES[0], smoke(NAMES[0]), dataset="synthetic", out=tmp_path, options=replace(QUICK, **{option: True}))
    assert run.info["options"][option] is True
    assert open_sampler(run.path)(np.arange(4), seed=0).shape == (4, 1, 8, 8)


def test_another_recipe_is_refused_by_its_fields(tmp_path):
    name = NAMES[0]
    run = fit(name, smoke(name), dataset="synthetic", out=tmp_path, options=QUICK)
    with pytest.raises(IncomparableError, match=r"would change: steps 4 -> 6, batch 16 -> 8"):
        resume(run.path, config=smoke(name, steps=6, batch=8))


def test_other_arithmetic_is_refused_but_other_book_keeping_is_not(tmp_path):
    run = fit(NAMES[0], smoke(NAMES[0]), dataset="synthetic", out=tmp_path, options=QUICK)
    with pytest.raises(IncomparableError, match="would change: amp False -> True"):
        resume(run.path, options=replace(QUICK, amp=True))
    assert resume(run.path, options=replace(QUICK, log_every=1)).info["status"] == "done"


def test_nan_stops_and_the_last_good_checkpoint_stays(tmp_path, monkeypatch):
    log = Session.log
    monkeypatch.setattr(
        Session, "log", lambda self, **values: log(self, **values, bad=math.nan if self.step > 5 else 0.0)
    )
    with pytest.raises(TrainingDivergedError, match=r"diverged at step 6: bad is not finite.*step-000004"):
        fit(NAMES[0], smoke(NAMES[0], steps=8), dataset="synthetic", out=tmp_path, options=QUICK)
    record = read_run(next(tmp_path.iterdir()))
    assert record.status == "failed"
    assert "nan at step 6: bad is not finite" in record.notes
    assert (record.path / "checkpoints" / "last.json").read_text().count("step-000004")


def test_a_broken_weight_is_never_saved(tmp_path, monkeypatch):
    def poison(self, **values):
        if self.step == 3:
            next(self.model["generator"].parameters()).data.fill_(math.inf)

    monkeypatch.setattr(Session, "log", poison)
    with pytest.raises(TrainingDivergedError, match="a weight of generator"):
        fit("projection_cgan", smoke("projection_cgan"), dataset="synthetic", out=tmp_path, options=QUICK)


def test_ctrl_c_saves_and_the_run_can_go_on(tmp_path, monkeypatch):
    name, log = NAMES[0], Session.log

    def interrupt(self, **values):
        log(self, **values)
        if self.step == 2 and "batch_entropy" in values:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Session, "log", interrupt)
    run = fit(
        name, smoke(name, steps=6), dataset="synthetic", out=tmp_path / "a", options=replace(QUICK, checkpoints=1)
    )
    monkeypatch.setattr(Session, "log", log)
    assert (run.info["status"], run.info["step"]) == ("stopped", 2)
    whole = fit(name, smoke(name, steps=6), dataset="synthetic", out=tmp_path / "b", options=QUICK)
    assert equal(final_state(resume(run.path)), final_state(whole))


def test_a_saved_generator_draws_the_images_of_its_training(tmp_path):
    run = fit(NAMES[0], smoke(NAMES[0]), dataset="synthetic", out=tmp_path, options=QUICK)
    images, _ = open_sampler(run.path, device="cpu").per_class(3, seed=0)
    with np.load(read_run(run.path).samples[-1].path) as samples:
        np.testing.assert_array_equal(images, samples["arr_0"].transpose(0, 3, 1, 2))


def test_a_run_without_a_checkpoint_has_no_sampler(tmp_path):
    run = fit(NAMES[0], smoke(NAMES[0]), dataset="synthetic", out=tmp_path, options=QUICK)
    (run.path / "checkpoints" / "last.json").unlink()
    with pytest.raises(BrokenRunError, match="must hold a checkpoint"):
        open_sampler(run.path)


def test_a_checkpoint_of_networks_with_other_names_is_refused_in_a_sentence(tmp_path):
    run = fit("ddpm", smoke("ddpm"), dataset="synthetic", out=tmp_path, options=QUICK)
    checkpoint = run.checkpoint()
    assert checkpoint is not None
    state = decode_state(checkpoint.read_bytes())
    state["held"]["net"] = {f"old.{key}": value for key, value in state["held"]["net"].items()}
    checkpoint.write_bytes(encode_state(state))
    with pytest.raises(BrokenRunError, match="net is of another version of this trainer"):
        open_sampler(run.path)


def test_the_stored_config_is_the_config(tmp_path):
    config = smoke(NAMES[0])
    run = fit(NAMES[0], config, dataset="synthetic", out=tmp_path, options=QUICK)
    assert type(config)(**{k: tuple(v) if isinstance(v, list) else v for k, v in run.info["config"].items()}) == config
    assert f"batch = {config.batch}\n" in (run.path / "config.toml").read_text()
    assert set(asdict(config)) == set(run.info["config"])


def test_an_animation_has_one_frame_per_grid(tmp_path):
    run = fit(NAMES[0], smoke(NAMES[0]), dataset="synthetic", out=tmp_path, options=replace(QUICK, gif=True))
    with Image.open(run.path / "samples" / "fixed" / "animation.gif") as picture:
        assert getattr(picture, "n_frames", 1) == 2


def test_the_command_line_trains_and_names_near_misses(tmp_path, capsys):
    flags = ["--profile", "smoke", "--steps", "2", "--device", "cpu", "--out", str(tmp_path)]
    assert main([NAMES[0], *flags]) == 0
    (path,) = tmp_path.iterdir()
    assert path.name == f"0001-{NAMES[0]}-synthetic"
    assert str(tmp_path) not in (path / "run.json").read_text()
    assert main(["projektion_cgan", *flags]) == 2
    assert "Did you mean 'projection_cgan'?" in capsys.readouterr().err
    assert main([NAMES[0], *flags, "--resume"]) == 2
    assert "no unfinished run" in capsys.readouterr().err


def test_an_unknown_profile_names_the_known_ones():
    with pytest.raises(UnknownNameError, match="Did you mean 'demo'"):
        SYSTEMS[NAMES[0]].profile("demos")


@pytest.mark.parametrize("name", NAMES)
def test_every_system_has_all_profiles(name):
    assert set(SYSTEMS[name].profiles) == {"smoke", "demo", "cpu", "full"}


def test_a_restricted_model_answers_with_the_classes_it_knows(tmp_path):
    config = smoke("projection_cgan", classes=(1, 2))
    sampler = open_sampler(fit("projection_cgan", config, dataset="synthetic", out=tmp_path, options=QUICK).path)
    images = sampler(np.array([0, 1]), seed=0)
    np.testing.assert_array_equal(images, sampler(np.array([2, 3]), seed=0))


@pytest.mark.parametrize("size", [8, 28, 32, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_networks_fit_every_size(size, channels):
    from reference_models.projection_cgan import Discriminator, Generator

    config, shape = smoke("projection_cgan"), (channels, size, size)
    labels = torch.arange(3)
    images = Generator(config, shape, 4)(torch.randn(3, config.latent), labels)
    assert images.shape == (3, *shape)
    assert Discriminator(config, shape, 4)(images, labels).shape == (3,)
