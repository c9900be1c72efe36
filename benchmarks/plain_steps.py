"""What the plain transcriptions of `benchmarks.transcriptions` share: two players, their steps, a rate, an average."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn


class Players:
    """Two networks, an optimiser each, and the average of the generator's weights."""

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        config: Any,
        betas: tuple[float, float],
        *,
        scheduled: bool = False,
    ) -> None:
        self.generator, self.discriminator, self.average = generator, discriminator, copy.deepcopy(generator)
        self.g_adam = torch.optim.Adam(generator.parameters(), config.lr, betas=betas)
        self.d_adam = torch.optim.Adam(discriminator.parameters(), config.lr, betas=betas)
        self.rates = [cosine(adam, config) for adam in (self.g_adam, self.d_adam)] if scheduled else []

    def after_step(self, config: Any, images: int) -> None:
        for rate in self.rates:
            rate.step()
        move_average(self.average, self.generator, config, images)


def standard_step(
    players: Players,
    config: Any,
    real: torch.Tensor,
    labels: tuple[torch.Tensor, ...],
    wanted: tuple[torch.Tensor, ...],
    step: int,
    *,
    gamma: float = 0.0,
    share: float = 1.0,
    target: float = 1.0,
) -> dict[str, float]:
    """The non-saturating loss; D's two halves weigh `share` each, and real images have the target `target`."""
    discriminator, bce = players.discriminator, nn.BCEWithLogitsLoss()
    fake = players.generator(torch.randn(len(real), config.latent), *wanted)

    players.d_adam.zero_grad()
    d_real = discriminator(real.requires_grad_(gamma > 0), *labels)
    loss_real = share * bce(d_real, torch.full_like(d_real, target))
    (loss_real + gamma * squared_slope(d_real, real) if gamma else loss_real).backward()
    d_fake = discriminator(fake.detach(), *wanted)
    loss_fake = share * bce(d_fake, torch.zeros_like(d_fake))
    loss_fake.backward()
    players.d_adam.step()

    players.g_adam.zero_grad()
    d_fake = discriminator(fake, *wanted)
    loss_g = bce(d_fake, torch.ones_like(d_fake))
    loss_g.backward()
    players.g_adam.step()
    players.after_step(config, step * len(real))
    return {"loss__d": (loss_real + loss_fake).item(), "loss__g": loss_g.item()}


def relativistic_step(
    players: Players, config: Any, real: torch.Tensor, step: int, gamma: float
) -> tuple[float, float, float]:
    """Pairs of a real and a generated image, with R1 and R2 where `gamma` is above 0: loss of D, penalty, loss of G."""
    discriminator = players.discriminator
    fake = players.generator(torch.randn(len(real), config.latent))

    players.d_adam.zero_grad()
    shown = fake.detach().requires_grad_(gamma > 0)
    d_real, d_fake = discriminator(real.requires_grad_(gamma > 0)), discriminator(shown)
    loss_d = F.softplus(d_fake - d_real).mean()
    penalty = gamma * (squared_slope(d_real, real) + squared_slope(d_fake, shown)) if gamma else torch.zeros(())
    (loss_d + penalty).backward()
    players.d_adam.step()

    players.g_adam.zero_grad()
    loss_g = F.softplus(discriminator(real.detach()) - discriminator(fake)).mean()
    loss_g.backward()
    players.g_adam.step()
    players.after_step(config, step * len(real))
    return loss_d.item(), penalty.item(), loss_g.item()


def critic_pleased(
    generator: nn.Module,
    critic: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: nn.Module,
    config: Any,
    step: int,
) -> dict[str, float]:
    """The generator's step of the systems with a critic."""
    optimiser.zero_grad()
    loss_g = -critic(generator(torch.randn(config.batch, config.latent))).mean()
    loss_g.backward()
    optimiser.step()
    move_average(average, generator, config, step * config.batch)
    return {"loss__g": loss_g.item()}


def squared_slope(logits: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """R1 or R2: half the mean squared gradient norm, on a forward pass that was made already."""
    (slope,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return slope.pow(2).flatten(1).sum(dim=1).mean() / 2


def cosine(optimiser: torch.optim.Optimizer, config: Any) -> torch.optim.lr_scheduler.LambdaLR:
    def share(step: int) -> float:
        return config.final_lr + (1 - config.final_lr) * (1 + math.cos(math.pi * step / config.steps)) / 2

    return torch.optim.lr_scheduler.LambdaLR(optimiser, share)


@torch.no_grad()
def move_average(average: nn.Module, net: nn.Module, config: Any, images: int) -> None:
    decay = 0.5 ** (config.batch / min(config.halflife, 0.05 * images))
    mine = average.state_dict()
    for name, value in net.state_dict().items():
        if value.is_floating_point():
            mine[name].mul_(decay).add_(value, alpha=1 - decay)
        else:
            mine[name].copy_(value)
