"""The callback in a real Lightning training: it measures, logs numbers with errors, and keeps the best checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganeval import Protocol
from ganeval.errors import WrongInputError
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
