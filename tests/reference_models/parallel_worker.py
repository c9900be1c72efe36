"""One rank of test_parallel.py: python parallel_worker.py OUT, with the environment that torchrun gives."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from ganeval.distributed import Ranks, current
from reference_models.plumbing.parallel import Team

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


TASKS: tuple[Callable[[Team, Path], None], ...] = (networks,)


def main(out: Path) -> None:
    torch.set_num_threads(1)
    ranks: Ranks = current()
    for task in TASKS:
        task(Team(ranks), out)
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
