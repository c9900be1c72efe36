"""One rank of test_parallel.py: python parallel_worker.py OUT, with the environment that torchrun gives."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from ganeval.errors import GanevalError
from ganeval.features.ranks import current
from ganeval.runs.directory import RunDirectory
from reference_models.plumbing.checkpoint import encode_state
from reference_models.plumbing.options import Options
from reference_models.plumbing.session import Session
from reference_models.plumbing.session.team import Team
from reference_models.plumbing.system import SYSTEMS, fit, resume

BATCH, STEPS = 13, 3  # 13 rows: the parts of two ranks are unequal


def two_networks() -> tuple[nn.Module, nn.Module]:
    """A generator with batch normalisation, and a discriminator with spectral normalisation."""
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(5, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 9), nn.Tanh())
    discriminator = nn.Sequential(
        nn.utils.parametrizations.spectral_norm(nn.Linear(9, 16)), nn.Tanh(), nn.Linear(16, 1)
    )
    return generator, discriminator


def train(team: Team) -> dict[str, torch.Tensor]:
    """A few steps with everything that is hard to share out: joined batches, penalties, gradients through networks."""
    generator, discriminator = two_networks()
    for net in (generator, discriminator):
        team.share(net)
    g_step, d_step = (torch.optim.SGD(net.parameters(), 0.1) for net in (generator, discriminator))
    for optimiser in (g_step, d_step):
        team.average_gradients(optimiser)
    random, losses = torch.Generator().manual_seed(1), []
    for step in range(STEPS):
        team.begin(0, step)
        real, z = (torch.randn(BATCH, width, generator=random) for width in (9, 5))
        fake = generator(z)
        judged = discriminator(torch.cat([real, fake]))  # not detached: gradients cross from part to part
        seen = real.clone().requires_grad_()
        (slope,) = torch.autograd.grad(discriminator(seen).sum(), seen, create_graph=True)
        loss_d = F.softplus(judged[BATCH:]).mean() + F.softplus(-judged[:BATCH]).mean() + slope.square().sum(1).mean()
        for optimiser in (g_step, d_step):
            optimiser.zero_grad()
        loss_d.backward(retain_graph=True)
        d_step.step()
        loss_g = F.softplus(-discriminator(fake)).mean() + generator[0].weight.square().sum()  # and one not shared out
        g_step.zero_grad()
        loss_g.backward()
        g_step.step()
        team.rest()
        losses += [loss_d.detach(), loss_g.detach()]
    names = {"g": generator, "d": discriminator}
    weights = {f"{n}.{key}": value for n, net in names.items() for key, value in net.state_dict().items()}
    return {"losses": torch.stack(losses), **weights}


def networks(team: Team, out: Path) -> None:
    save_file(train(team), out / f"networks-{team.ranks.rank}.safetensors")


OPTIONS = Options(device="cpu", log_every=1, checkpoints=2, sample_per_class=3, grids=1)


def smoke(name: str, out: Path, steps: int = 4) -> RunDirectory:
    config = replace(SYSTEMS[name].profile("smoke"), steps=steps)
    return fit(name, config, dataset="synthetic", out=out, options=OPTIONS, run_name=name)


@contextmanager
def plain_steps() -> Iterator[None]:
    """Gradient descent in the place of optimisers that divide by the gradient: those make 1e-3 of a rounding error."""

    def descent(parameters: Any, lr: float, **_: Any) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, lr)

    with patch.multiple(torch.optim, Adam=descent, AdamW=descent, RMSprop=descent):
        yield


def systems(team: Team, out: Path) -> None:
    """Every system, and what each rank holds in the end."""
    finish, drop, dropped = Session._finish, F.dropout, []

    def dropout(x: torch.Tensor, p: float, training: Any, inplace: Any = None) -> torch.Tensor:
        dropped.append(training and p > 0)
        return drop(x, p, training, bool(inplace))

    def keep(session: Session) -> None:
        nets = session.checkpoints.networks
        weights = {str(i): dict(net.named_parameters()) for i, net in enumerate(nets)}
        buffers = {str(i): dict(net.named_buffers()) for i, net in enumerate(nets)}
        name = f"{session.diary.run.info['system']}-{team.ranks.rank}"
        (out / name).write_bytes(encode_state({"weights": weights, "buffers": buffers, "drops": any(dropped)}))
        finish(session)

    with patch.object(Session, "_finish", keep), patch.object(F, "dropout", dropout), plain_steps():
        for name in SYSTEMS.names():
            dropped.clear()
            smoke(name, out / "runs", steps=2)


@contextmanager
def at_step(step: int, act: Callable[[Session], None], team: Team) -> Iterator[None]:
    """On the last rank `act` after this step."""
    log = Session.watch

    def watch(session: Session, *batch: torch.Tensor) -> None:
        log(session, *batch)
        if session.step == step and team.ranks.rank == team.ranks.size - 1:
            act(session)

    with patch.object(Session, "watch", watch):
        yield


def stopped(team: Team, out: Path) -> None:
    """One rank is asked to stop; all do, and go on later as if nothing had been."""
    smoke("projection_cgan", out / "whole")
    with at_step(1, lambda _: os.kill(os.getpid(), signal.SIGINT), team):
        run = smoke("projection_cgan", out / "stopped")
    (out / f"stopped-{team.ranks.rank}").write_text(f"{run.info['status']} {run.info['step']}")
    team.wait()
    resume(run.path)


def drifted(team: Team, out: Path) -> None:
    def nudge(session: Session) -> None:
        next(iter(session.checkpoints.networks[0].parameters())).data[0] += 1e-6

    try:
        with at_step(2, nudge, team):
            smoke("projection_cgan", out / "drifted")
    except GanevalError as error:
        (out / f"drifted-{team.ranks.rank}").write_text(str(error))


def deserted(team: Team, out: Path) -> None:
    """The last rank dies; this task comes last, because the group is broken after it."""
    started = time.monotonic()
    try:
        with at_step(2, lambda _: os._exit(0), team):
            smoke("projection_cgan", out / "deserted")
    except GanevalError as error:
        (out / f"deserted-{team.ranks.rank}").write_text(f"{time.monotonic() - started:.0f} {error}")


TASKS: tuple[Callable[[Team, Path], None], ...] = (networks, systems, stopped, drifted, deserted)


def main(out: Path) -> None:
    torch.set_num_threads(1)
    team = Team(current())
    for task in TASKS:
        task(team, out)
    os._exit(0)  # what is left of the group would wait for the dead rank


if __name__ == "__main__":
    main(Path(sys.argv[1]))
