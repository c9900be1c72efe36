"""A GAN that shares nothing with other trainers: the run directory is the contract (Goodfellow et al. 2014,
arXiv:1406.2661).

    python -m reference_models.plain_gan --train digits:train --real digits:test --extractor digits --out runs/
    python -m reference_models.plain_gan --resume runs/0001-plain_gan

Two small perceptrons and the non-saturating loss, on a CPU. The lines below that begin with `run.` are all that a
trainer of your own needs (docs/run-directory.md); whatever trains, resumes and draws here is plain PyTorch.
"""

from __future__ import annotations

from ganeval.cli.early import heed_ctrl_c, leave_at_ctrl_c

if __name__ == "__main__":
    leave_at_ctrl_c("plain_gan")

import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import tyro
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from ganeval.errors import BrokenRunError, GanevalError, WrongInputError, sentence
from ganeval.images import image_set
from ganeval.runs.directory import RunDirectory, command_line, create_run, open_run
from ganeval.runs.lock import sole_writer

GRID = 64  # fixed latents, in eight rows
MOST = 10**9  # of any whole number


@dataclass(frozen=True)
class Config:
    train: str = "digits:train"  # a data set, a folder, a zip, an npz
    real: str = "digits:test"  # what the samples are to be compared with
    extractor: str = "digits"  # and by which network
    steps: int = 2000  # updates of the generator
    batch: int = 64  # images
    latent: int = 16  # dimensions of z ~ N(0, 1)
    width: int = 128  # units of every hidden layer
    lr: float = 1e-3  # Adam, both networks
    save_every: int = 500  # steps from one checkpoint to the next
    samples: int = 1000  # images written for evaluation at the end


class GAN:
    """Generator, discriminator, their optimisers and the only source of random numbers: all that a checkpoint holds."""

    def __init__(self, config: Config, shape: tuple[int, int, int], seed: int) -> None:
        self.shape, self.rng = shape, torch.Generator().manual_seed(seed)
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            pixels = math.prod(shape)
            self.generator = nn.Sequential(*perceptron(config.latent, config.width, pixels), nn.Tanh())
            self.discriminator = perceptron(pixels, config.width, 1)
        betas = (0.5, 0.99)
        self.g_adam = torch.optim.Adam(self.generator.parameters(), config.lr, betas)
        self.d_adam = torch.optim.Adam(self.discriminator.parameters(), config.lr, betas)

    def parts(self) -> dict[str, Any]:
        names = ("generator", "discriminator", "g_adam", "d_adam")
        return {name: getattr(self, name) for name in names}

    @torch.no_grad()
    def images(self, z: torch.Tensor) -> NDArray[np.uint8]:
        """Latents (n, latent) -> images uint8 (n, c, h, w)."""
        return ((self.generator(z) + 1) * 127.5).round().to(torch.uint8).view(-1, *self.shape).numpy()


def perceptron(inputs: int, width: int, outputs: int) -> nn.Sequential:
    hidden = [nn.Linear(inputs, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2)]
    return nn.Sequential(*hidden, nn.Linear(width, outputs))


def fit(config: Config, out: str | Path = "runs", seed: int = 0, command: Sequence[str] = ()) -> RunDirectory:
    """Train from the start; returns the run directory, `out/<counter>-plain_gan`."""
    _require_positive(config)
    real = image_set(config.train).array()
    protocol = {"real": config.real, "train": config.train, "extractor": config.extractor}
    run = create_run(out, "plain_gan", config=asdict(config), seeds={"seed": seed}, protocol=protocol, command=command)
    with sole_writer(run.path):
        _train(run, config, seed, real, None)
    return run


def resume(path: str | Path) -> RunDirectory:
    """Go on with a run from its last checkpoint, to the bit what it would have been without the pause."""
    run = open_run(path)
    info, last = run.info, run.checkpoint()
    try:
        config, seed = Config(**info["config"]), int(info["seeds"]["seed"])
    except (KeyError, TypeError, ValueError) as error:
        raise BrokenRunError(f"{run.path} must be a run of plain_gan; its run.json says otherwise: {error}.") from error
    with sole_writer(run.path):
        _train(run, config, seed, image_set(config.train).array(), last)
    return run


def _train(run: RunDirectory, config: Config, seed: int, real: NDArray[np.uint8], checkpoint: Path | None) -> None:
    gan = GAN(config, (real.shape[1], real.shape[2], real.shape[3]), seed)
    pixels = torch.from_numpy(real).flatten(1).float() / 127.5 - 1
    fixed = torch.randn(GRID, config.latent, generator=torch.Generator().manual_seed(seed))
    start = 0 if checkpoint is None else restore(gan, checkpoint)
    if start or run.path.joinpath("events.jsonl").exists():
        run.resume(start)
    for step in range(start + 1, config.steps + 1):
        losses = update(gan, config, pixels)
        run.log(step, losses)
        if not all(map(math.isfinite, losses.values())):
            run.update(status="failed")
            raise GanevalError(f"Training diverged at step {step}: {losses}. Lower the learning rate (lr).")
        if step % config.save_every == 0 or step == config.steps:
            run.write_grid(step, gan.images(fixed), rows=8)
            run.write_checkpoint(step, encode(gan, step), info={"step": step})
    z = torch.randn(config.samples, config.latent, generator=torch.Generator().manual_seed(seed + 1))
    run.write_samples(config.steps, gan.images(z), latents=f"plain_gan N(0, 1)^{config.latent}, seed {seed}")
    run.update(status="done")


def update(gan: GAN, config: Config, pixels: torch.Tensor) -> dict[str, float]:
    """One step of each network; the losses."""
    real = pixels[torch.randint(len(pixels), (config.batch,), generator=gan.rng)]
    fake = gan.generator(torch.randn(config.batch, config.latent, generator=gan.rng))

    # Discriminator
    loss_d = F.softplus(-gan.discriminator(real)).mean() + F.softplus(gan.discriminator(fake.detach())).mean()
    gan.d_adam.zero_grad()
    loss_d.backward()
    gan.d_adam.step()

    # Generator
    loss_g = F.softplus(-gan.discriminator(fake)).mean()
    gan.g_adam.zero_grad()
    loss_g.backward()
    gan.g_adam.step()
    return {"loss/d": loss_d.item(), "loss/g": loss_g.item()}


def encode(gan: GAN, step: int) -> bytes:
    """A checkpoint as safetensors, no pickle: `g_adam.0.exp_avg` is a moment of the generator's first tensor."""
    tensors = {"step": torch.tensor(step), "rng": gan.rng.get_state()}
    for name, part in gan.parts().items():
        state = part.state_dict()
        for key, value in _flat(state["state"] if "param_groups" in state else state):
            tensors[f"{name}.{key}"] = value.contiguous()
    return save(tensors)


def restore(gan: GAN, checkpoint: Path) -> int:
    """Put everything back as it was; returns the step."""
    try:
        tensors = load(checkpoint.read_bytes())
        for name, part in gan.parts().items():
            own = {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
            if isinstance(part, torch.optim.Optimizer):
                part.load_state_dict({**part.state_dict(), "state": _nested(own)})
            else:
                part.load_state_dict(own)
        gan.rng.set_state(tensors["rng"])
        return int(tensors["step"])
    except (SafetensorError, KeyError, RuntimeError, ValueError) as error:
        raise BrokenRunError(f"{checkpoint} must be a checkpoint of plain_gan; {error}. Start a new run.") from error


def _flat(state: dict[Any, Any]) -> list[tuple[str, torch.Tensor]]:
    """The tensors of a network's state, or of an optimiser's: {0: {"exp_avg": ...}} gives "0.exp_avg"."""
    pairs = [(str(key), value) for key, value in state.items() if isinstance(value, torch.Tensor)]
    inner = [(f"{key}.{k}", v) for key, value in state.items() if isinstance(value, dict) for k, v in value.items()]
    return pairs + inner


def _nested(flat: dict[str, torch.Tensor]) -> dict[int, dict[str, torch.Tensor]]:
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in flat.items():
        number, _, moment = key.partition(".")
        state.setdefault(int(number), {})[moment] = value
    return state


def _require_positive(config: Config) -> None:
    for name, value in asdict(config).items():
        if isinstance(value, int) and value > MOST:
            raise WrongInputError(f"{name} must be at most {MOST:,}; got {value}.")
        if not isinstance(value, str) and not (value > 0 and math.isfinite(value)):
            raise WrongInputError(f"{name} must be above 0; got {value}.")


@dataclass(frozen=True)
class Command:
    """What is typed: a recipe, or a run to go on with."""

    config: tyro.conf.OmitArgPrefixes[Config]
    out: Path = Path("runs")  # the run becomes a numbered folder in it
    seed: int = 0
    resume: Path | None = None  # this run, with the recipe that it began with


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 done, 2 wrong input or a training that diverged, 130 interrupted."""
    asked = tyro.cli(Command, args=arguments, prog="python -m reference_models.plain_gan")
    try:
        if asked.resume is not None:
            run = resume(asked.resume)
        else:
            run = fit(asked.config, asked.out, asked.seed, command_line("reference_models.plain_gan"))
    except GanevalError as error:
        print(f"plain_gan: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(
            f"plain_gan: {sentence(error)}. Make room; a run that had begun goes on with --resume RUN.", file=sys.stderr
        )
        return 2
    except KeyboardInterrupt:
        print("plain_gan: interrupted; a run that had begun goes on with --resume RUN.", file=sys.stderr)
        return 130
    except (RuntimeError, MemoryError) as error:
        print(f"plain_gan: {sentence(error)}. Mind the width, the latents and the batch.", file=sys.stderr)
        return 2
    print(f"done: {run.path}")
    return 0


if __name__ == "__main__":
    heed_ctrl_c()
    sys.exit(main())
