"""The callback in a real Lightning training: it measures, logs numbers with errors, and keeps the best checkpoint."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganeval import Compute, Protocol, measure
from ganeval.errors import MissingFileError, WrongInputError
from ganeval.features.ranks import Ranks
from ganeval.images import image_set

pytest.importorskip("lightning", reason="the callback needs Lightning")
pytestmark = pytest.mark.filterwarnings("ignore")
import lightning.pytorch as pl  # noqa: E402

from ganeval.integrations.lightning import GenerativeEvaluation  # noqa: E402
from ganeval.integrations.loggers.csv import CSVLogger  # noqa: E402

POOL = torch.from_numpy(image_set("digits:train", n=400).array())
PROTOCOL = Protocol(real="digits:test", classifier="digits", labels="none", n=150, metrics=("fid", "kid"), floor=False)


class Noisy(pl.LightningModule):
    """Draws digits with noise that training takes away for four steps and brings back after."""

    def __init__(self) -> None:
        super().__init__()
        self.noise = torch.nn.Parameter(torch.tensor(80.0))
        self.modes: list[bool] = []

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        with torch.no_grad():
            self.noise.copy_(torch.tensor(20.0 * (3 - index) if index < 4 else 90.0))
        return 0 * self.noise

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.0)

    def sample(self, n: int, labels: Any, rng: torch.Generator) -> np.ndarray:
        self.modes.append(self.training)
        rows = torch.randint(0, len(POOL), (n,), generator=rng)
        return (POOL[rows] + self.noise * torch.randn(n, 1, 8, 8, generator=rng)).clamp(0, 255).byte().numpy()


def trained(
    callback: GenerativeEvaluation, folder: Path, steps: int = 6, module: Any = None, resumed: Path | None = None
) -> pl.Trainer:
    trainer = pl.Trainer(
        max_epochs=1 if resumed is None else 2,
        callbacks=[callback],
        logger=pl.loggers.CSVLogger(folder),
        default_root_dir=folder,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        accelerator="cpu",
        log_every_n_steps=1,
    )
    trainer.fit(module or Noisy(), torch.utils.data.DataLoader(torch.zeros(steps, 1)), ckpt_path=resumed)
    return trainer


def test_it_logs_numbers_with_errors_and_keeps_the_checkpoint_that_is_better_beyond_noise(tmp_path: Path) -> None:
    module, best = Noisy(), tmp_path / "best.ckpt"
    callback = GenerativeEvaluation(PROTOCOL, every=2, checkpoint=best, loggers=[CSVLogger(tmp_path / "ours.csv")])
    trainer = trained(callback, tmp_path, module=module)
    assert callback.watch.best is not None
    assert callback.watch.best.step == 4
    assert callback.last is not None
    assert callback.last.step == 6
    assert torch.load(best, weights_only=False)["state_dict"]["noise"] == 0.0
    assert trainer.logger is not None
    logged = (Path(trainer.logger.log_dir or "") / "metrics.csv").read_text().splitlines()
    assert {"ganeval/fid", "ganeval/fid_se"} <= set(logged[0].split(","))
    assert len((tmp_path / "ours.csv").read_text().splitlines()) == 1 + 3 * 2
    assert set(module.modes) == {False}
    assert module.training


def test_a_module_that_cannot_be_sampled_is_refused_with_the_remedy(tmp_path: Path) -> None:
    class Mute(Noisy):
        sample = None  # type: ignore[assignment]

    with pytest.raises(WrongInputError, match=r"Mute has no method sample\(n, labels, rng\)"):
        trained(GenerativeEvaluation(PROTOCOL, every=1), tmp_path, steps=1, module=Mute())
    callback = GenerativeEvaluation(PROTOCOL, Noisy.sample, every=1)
    trained(callback, tmp_path, steps=1, module=Mute())
    assert callback.last is not None


def test_a_resumed_training_counts_its_steps_on_and_leaves_a_better_checkpoint_alone(tmp_path: Path) -> None:
    best, last = tmp_path / "best.ckpt", tmp_path / "last.ckpt"
    trained(GenerativeEvaluation(PROTOCOL, every=2, checkpoint=best), tmp_path, steps=4).save_checkpoint(last)
    kept = best.read_bytes()
    callback = GenerativeEvaluation(PROTOCOL, every=2, checkpoint=best)
    trained(callback, tmp_path, steps=2, module=Worse(), resumed=last)
    assert callback.last is not None
    assert callback.last.step == 6
    assert callback.watch.best is not None
    assert callback.watch.best.step == 4
    assert best.read_bytes() == kept


class Worse(Noisy):
    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        with torch.no_grad():
            self.noise.fill_(90.0)
        return 0 * self.noise


def quick(callbacks: Any, folder: Path, steps: int = 4, module: Any = None, **options: Any) -> pl.Trainer:
    given = {"max_epochs": 1, "logger": pl.loggers.CSVLogger(folder), "enable_checkpointing": False, **options}
    trainer = pl.Trainer(
        callbacks=callbacks,
        default_root_dir=folder,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
        **given,
    )
    trainer.fit(module or Noisy(), torch.utils.data.DataLoader(torch.zeros(steps, 1)))
    return trainer


def test_two_callbacks_of_two_prefixes_stand_side_by_side(tmp_path: Path) -> None:
    often = GenerativeEvaluation(PROTOCOL.with_(metrics=("fid",)), every=2)
    seldom = GenerativeEvaluation(PROTOCOL.with_(metrics=("kid",)), every=4, prefix="large/")
    trainer = quick([often, seldom], tmp_path, log_every_n_steps=1)
    assert {"ganeval/fid", "large/kid"} <= set(trainer.callback_metrics)
    assert trainer.logger is not None
    logged = (Path(trainer.logger.log_dir or "") / "metrics.csv").read_text().splitlines()[0].split(",")
    assert {"ganeval/fid", "large/kid"} <= set(logged)
    trainer.save_checkpoint(tmp_path / "both.ckpt")
    stored = torch.load(tmp_path / "both.ckpt", weights_only=True)["callbacks"]
    assert {"GenerativeEvaluation", "GenerativeEvaluation[large/]"} <= set(stored)


def test_checkpoints_of_lightning_can_watch_the_number(tmp_path: Path) -> None:
    kept = pl.callbacks.ModelCheckpoint(tmp_path / "kept", monitor="ganeval/fid", every_n_train_steps=2)
    callback = GenerativeEvaluation(PROTOCOL, every=2)
    quick([callback, kept], tmp_path, steps=6, enable_checkpointing=True)
    assert callback.watch.best is not None
    assert "step=4" in kept.best_model_path
    assert float(kept.best_model_score or 0) == pytest.approx(callback.watch.best["fid"].value)


def test_a_new_training_begins_anew_and_a_longer_one_goes_on(tmp_path: Path) -> None:
    callback = GenerativeEvaluation(PROTOCOL, every=2)
    module = Noisy()
    trainer = quick(callback, tmp_path, module=module)
    trainer.fit_loop.max_epochs = 2
    trainer.fit(module, torch.utils.data.DataLoader(torch.zeros(4, 1)))
    assert callback.steps == 8
    quick(callback, tmp_path, steps=2, module=Worse())
    assert callback.watch.best is not None
    assert (callback.steps, callback.watch.best.step) == (2, 2)


def test_a_callback_that_joins_at_a_resumed_step_counts_as_the_trainer_does(tmp_path: Path) -> None:
    quick([], tmp_path, steps=4).save_checkpoint(tmp_path / "last.ckpt")
    callback = GenerativeEvaluation(PROTOCOL, every=6)
    trained(callback, tmp_path, steps=4, resumed=tmp_path / "last.ckpt")
    assert callback.last is not None
    assert callback.last.step == 6


def test_a_trial_run_of_lightning_writes_nothing(tmp_path: Path) -> None:
    callback = GenerativeEvaluation(
        PROTOCOL, every=1, checkpoint=tmp_path / "best.ckpt", loggers=[CSVLogger(tmp_path / "s.csv")]
    )
    quick(callback, tmp_path, fast_dev_run=True)
    assert callback.last is not None
    assert not (tmp_path / "best.ckpt").exists()
    assert not (tmp_path / "s.csv").exists()


def test_where_lightning_averages_weights_the_averages_are_measured_which_the_checkpoint_holds(tmp_path: Path) -> None:
    module, best = Noisy(), tmp_path / "best.ckpt"
    callback = GenerativeEvaluation(PROTOCOL, every=2, checkpoint=best)
    quick([callback, pl.callbacks.EMAWeightAveraging(decay=0.5)], tmp_path, module=module)
    assert callback.watch.best is not None
    kept = torch.load(best, weights_only=False)
    assert kept["state_dict"]["noise"] != kept["current_model_state"]["noise"]
    module.load_state_dict(kept["state_dict"])
    assert measure(module.sample, PROTOCOL)["fid"].value == callback.watch.best["fid"].value


def test_averages_of_ones_own_are_measured_where_sample_draws_from_them(tmp_path: Path) -> None:
    class Averaging(Noisy):
        def __init__(self) -> None:
            super().__init__()
            self.ema = Noisy()

        def training_step(self, batch: Any, index: int) -> torch.Tensor:
            loss = super().training_step(batch, index)
            with torch.no_grad():
                self.ema.noise.lerp_(self.noise, 0.5)
            return loss + 0 * self.ema.noise

    module = Averaging()
    callback = GenerativeEvaluation(PROTOCOL, lambda module, n, labels, rng: module.ema.sample(n, labels, rng), every=4)
    quick(callback, tmp_path, module=module)
    assert callback.last is not None
    assert float(module.ema.noise) != float(module.noise) == 0
    assert measure(module.ema.sample, PROTOCOL)["fid"].value == callback.last["fid"].value


def test_what_is_missing_is_said_before_a_step_is_trained(tmp_path: Path) -> None:
    class Counted(Noisy):
        trained = 0

        def training_step(self, batch: Any, index: int) -> torch.Tensor:
            Counted.trained += 1
            return super().training_step(batch, index)

    with pytest.raises(MissingFileError, match="There is no file or folder"):
        quick(GenerativeEvaluation(PROTOCOL.with_(real=str(tmp_path / "gone"))), tmp_path, module=Counted())
    with pytest.raises(WrongInputError, match=r"generator\(n, labels, rng\).*sample= cannot be"):
        quick(GenerativeEvaluation(PROTOCOL, lambda module, n: None), tmp_path, module=Counted())
    assert Counted.trained == 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"checkpoint": "."}, "checkpoint must name the file"),
        ({"checkpoint": ""}, "checkpoint must name the file"),
        ({"checkpoint": 3}, "checkpoint must name the file"),
        ({"loggers": 3}, "loggers must be a list of objects with log"),
        ({"loggers": [pl.loggers.CSVLogger("x")]}, "Lightning's own belong to the trainer"),
        ({"sample": 5}, "sample must be a function"),
        ({"prefix": None}, "prefix must be text"),
        ({"compute": Compute(ranks=Ranks(0, 2))}, "Leave ranks out"),
    ],
)
def test_what_the_callback_cannot_take_is_refused_when_it_is_made(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(WrongInputError, match=said):
        GenerativeEvaluation(PROTOCOL, **asked)


def test_an_address_for_the_checkpoint_stays_an_address() -> None:
    assert GenerativeEvaluation(PROTOCOL, checkpoint="s3://bucket/best.ckpt").checkpoint == "s3://bucket/best.ckpt"


SCRIPT = """
import sys, torch, lightning.pytorch as pl
from lightning.pytorch.strategies import DDPStrategy
from ganeval import measure
from test_lightning_bridge import PROTOCOL, GenerativeEvaluation, Noisy

class Sad(Noisy):
    def sample(self, n, labels, rng):
        raise RuntimeError("no such luck")

class Whole(Noisy):
    def training_step(self, batch, index):
        return super().training_step(batch, index) + 0 * self.noise

module = Sad() if sys.argv[1] == "sad" else Whole()
callback = GenerativeEvaluation(PROTOCOL, every=2, checkpoint=sys.argv[2])
trainer = pl.Trainer(max_epochs=1, callbacks=[callback], logger=False, enable_progress_bar=False, devices=2,
    enable_model_summary=False, enable_checkpointing=False, accelerator="cpu",
    strategy=DDPStrategy(process_group_backend="gloo"))
try:
    trainer.fit(module, torch.utils.data.DataLoader(torch.zeros(8, 1)))
    near = abs(float(measure(module.sample, PROTOCOL)["fid"]) - float(trainer.callback_metrics["ganeval/fid"])) < 1e-4
    print(f"rank {trainer.global_rank}: {callback.steps} {near}", flush=True)
except Exception as error:
    print(f"rank {trainer.global_rank}: {error}", flush=True)
"""


@pytest.mark.study
@pytest.mark.parametrize("kind", ["fine", "sad"])
def test_every_process_has_the_number_and_hears_why_there_is_none(kind: str, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "train.py", kind, str(tmp_path / "best.ckpt")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{Path(__file__).parents[2]}{os.pathsep}{Path(__file__).parent}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    for rank in (0, 1):
        (said,) = [line for line in done.stdout.splitlines() if f"rank {rank}: " in line]
        assert said.endswith("4 True") if kind == "fine" else "no such luck" in said, done.stderr[-2000:]
