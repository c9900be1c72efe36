"""The GAN of 2014 on points and small images, and what ten years taught it (Goodfellow et al. 2014, arXiv:1406.2661).

Two fully connected networks. The `plain` loss is the non-saturating one of the first paper, on logits: D tells real
from generated, G raises D of its own. On mixtures of narrow modes it forgets some of them. The `modern` loss is
relativistic (RpGAN: Jolicoeur-Martineau 2018, arXiv:1807.00734), f(D(real) - D(fake)) with f = softplus, with zero-
centred gradient penalties at real and generated points (R1, R2: Mescheder et al. 2018, arXiv:1801.04406), which
together have a stable point (Huang et al. 2024, R3GAN, arXiv:2501.05441). `pack` lets D judge several samples together
(PacGAN: Lin et al. 2018, arXiv:1712.04086): a batch without variety is then visible in one look.

Learns the toys `parabola`, `ring` and `grid`, whose protocol judges it while it trains, and images of any size. The
recipe
`plane` is for points: the others reach fewer modes of the grid (docs/results/toys.md).
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from ganeval.errors import WrongInputError
from reference_models.plumbing import health
from reference_models.plumbing.averaging import update_average
from reference_models.plumbing.penalties import r1, r2
from reference_models.plumbing.session import Session
from reference_models.plumbing.session.place import Model, Place
from reference_models.plumbing.system import System


@dataclass(frozen=True)
class Config:
    steps: int = 4000  # generator updates
    batch: int = 256  # points or images
    latent: int = 16  # dimensions of z ~ N(0, 1)
    width: int = 128  # units of every hidden layer
    depth: int = 3  # hidden layers of either network
    loss: Literal["modern", "plain"] = "modern"
    d_scale: float = 1.0  # factor on what D is shown: beside the reach of a toy its modes are narrow
    pack: int = 1  # samples that D judges together; divides the batch
    gamma: float = 0.05  # of the penalties R1 and R2, modern loss only
    final_gamma: float = 0.001  # gamma falls to this share of itself, geometrically: first every mode, then its shape
    lr: float = 3e-3  # Adam, both networks
    beta1: float = 0.0
    beta2: float = 0.99
    final_lr: float = 0.02  # the rate falls to this share of itself, along a cosine
    halflife: float = 20_000.0  # of the weight average, in samples


PROFILES = {
    "smoke": Config(steps=4, batch=16, latent=4, width=16, depth=1),
    "demo": Config(steps=2000),
    "cpu": Config(),
    "full": Config(steps=50_000, width=512, lr=1e-3),
}
# For points: two latent dimensions for two coordinates, a discriminator that sees the modes four times as wide apart,
# and a penalty that is strong while the modes are shared out and weak when they are drawn.
PLANE = {"latent": 2, "d_scale": 4.0, "gamma": 0.03, "final_gamma": 0.01, "lr": 2e-3}
VARIANTS = {"plane": replace(PROFILES["cpu"], **PLANE, steps=8000)}


class Generator(nn.Module):
    """z (n, latent) -> points or images (n, c, h, w); images in [-1, 1], points anywhere."""

    def __init__(self, config: Config, shape: tuple[int, int, int], *, bounded: bool) -> None:
        super().__init__()
        self.shape, self.bounded = shape, bounded
        self.net = perceptron(config.latent, math.prod(shape), config)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        x = self.net(z).view(-1, *self.shape)
        return x.tanh() if self.bounded else x


class Discriminator(nn.Module):
    """Samples (n, c, h, w) -> logits (n / pack,), high where the pack looks real."""

    def __init__(self, config: Config, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.pack, self.scale = config.pack, config.d_scale
        self.net = perceptron(config.pack * math.prod(shape), 1, config)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(self.scale * x.reshape(len(x) // self.pack, -1))[:, 0].float()


def perceptron(inputs: int, outputs: int, config: Config) -> nn.Sequential:
    layers: list[nn.Module] = []
    sizes = [inputs, *[config.width] * config.depth]
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(config.width, outputs))


def discriminator_loss(loss: str, d_real: torch.Tensor, d_fake: torch.Tensor) -> torch.Tensor:
    if loss == "plain":
        return (F.softplus(-d_real) + F.softplus(d_fake)).mean()
    return F.softplus(d_fake - d_real).mean()


def generator_loss(loss: str, d_real: torch.Tensor, d_fake: torch.Tensor) -> torch.Tensor:
    return F.softplus(-d_fake if loss == "plain" else d_real - d_fake).mean()


def build(config: Config, place: Place) -> Model:
    if config.batch % config.pack:
        raise WrongInputError(f"The batch must be a multiple of pack; got {config.batch} and {config.pack}.")
    generator = place.prepare(Generator(config, place.shape, bounded=not place.points))
    discriminator = place.prepare(Discriminator(config, place.shape))
    average = copy.deepcopy(generator).eval().requires_grad_(requires_grad=False)
    networks = {"generator": generator, "discriminator": discriminator, "average": average}
    return Model(networks, place.sampler(lambda z, _labels: average(z), latent=(config.latent,), conditional=False))


def train(config: Config, model: Model, session: Session) -> None:
    generator, discriminator, average = model.networks.values()
    betas = (config.beta1, config.beta2)
    g_adam = torch.optim.Adam(generator.parameters(), config.lr, betas=betas, fused=True)
    d_adam = torch.optim.Adam(discriminator.parameters(), config.lr, betas=betas, fused=True)
    session.hold(g_adam=g_adam, d_adam=d_adam)

    for step in session.steps(config.steps):
        rate = config.final_lr + (1 - config.final_lr) * (1 + math.cos(math.pi * (step - 1) / config.steps)) / 2
        for group in (*g_adam.param_groups, *d_adam.param_groups):
            group["lr"] = config.lr * rate

        real, labels = session.order.batch(config.batch)
        with session.autocast():
            fake = generator(session.order.normal(config.batch, config.latent)).float()

        # Discriminator
        with session.autocast():
            d_real, d_fake = discriminator(torch.cat([real, fake.detach()])).chunk(2)
        if session.logging:  # now: pairs have no common zero, and the next update moves all logits together
            with session.autocast(), torch.no_grad():
                d_held = discriminator(session.order.held_out(config.batch)[0])
            session.log(d__held_out=d_held, overfit_ratio=health.overfit_ratio(d_real, d_held, d_fake))
        loss_d = discriminator_loss(config.loss, d_real, d_fake)
        if config.loss == "modern":
            penalties = r1(discriminator, real), r2(discriminator, fake)
            session.log(r1=penalties[0], r2=penalties[1])
            gamma = config.gamma * config.final_gamma ** (step / config.steps)
            loss_d = loss_d + gamma * (penalties[0] + penalties[1])
        d_adam.zero_grad()
        loss_d.backward()
        d_adam.step()

        # Generator: the same fakes, judged by the discriminator that has just learnt from them.
        discriminator.requires_grad_(requires_grad=False)
        with session.autocast():
            judged = discriminator(torch.cat([real, fake]))
        loss_g = generator_loss(config.loss, *judged.chunk(2))
        g_adam.zero_grad()
        loss_g.backward()
        g_adam.step()
        discriminator.requires_grad_(requires_grad=True)
        update_average(average, generator, batch=config.batch, images=session.order.images, halflife=config.halflife)

        session.log(loss__d=loss_d, loss__g=loss_g, d__real=d_real, d__fake=d_fake)
        session.watch(real, labels, fake)
        if session.logging:
            session.log(
                gradient__d=health.gradient_norm(discriminator.parameters()),
                gradient__g=health.gradient_norm(generator.parameters()),
            )


SYSTEM = System("gan_mlp", PROFILES, build, train, VARIANTS, points=True)
