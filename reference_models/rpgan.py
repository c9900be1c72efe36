"""RpGAN with R1 and R2: pairs instead of verdicts, the loss of R3GAN (Huang et al. 2024, arXiv:2501.05441).

The discriminator is not asked whether an image is real, but whether a real image looks more real than a generated one:
softplus(-(D(real) - D(fake))), and the generator the other way round (relativistic pairing: Jolicoeur-Martineau 2018,
arXiv:1807.00734, the paper's choice). Where the plain loss lets a generator hide all of its images on the real side
of one boundary, here each real image is a boundary of its own, so that no mode can be left out at no cost. What makes
it converge is a zero-centred penalty on the gradient at real (R1) and at generated images (R2); with R1 alone it need
not.

On stacked digits the paper counts 1,000 of 1,000 modes with it, 693 without the pairing, and training fails without R2.
Differs from R3GAN: small plain networks in the place of its ResNets (and batch normalisation in the generator,
as in the other critics here), penalties every few steps with as much more weight, and no schedule of gamma and beta2.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from reference_models.plumbing import health
from reference_models.plumbing.averaging import update_average
from reference_models.plumbing.penalties import r1, r2
from reference_models.plumbing.session import Session
from reference_models.plumbing.session.place import Model, Place
from reference_models.plumbing.sizes import SMALL, halvings
from reference_models.plumbing.system import System


@dataclass(frozen=True)
class Config:
    steps: int = 4000  # generator updates
    batch: int = 64  # images
    latent: int = 64  # dimensions of z ~ N(0, 1)
    g_width: int = 64  # channels of the generator at its smallest size; halves with every doubling
    d_width: int = 32  # channels of the discriminator after the first convolution; doubles once
    lr: float = 1e-3  # Adam, both networks
    beta2: float = 0.99  # Adam; beta1 is 0
    gamma: float = 0.5  # of both gradient penalties, per image
    every: int = 4  # steps between penalties; each weighs as much more
    halflife: float = 10_000.0  # of the weight average, in images
    final_lr: float = 0.05  # the rate falls to this share of itself, along a cosine


PROFILES = {
    "smoke": Config(steps=4, batch=16, g_width=16, d_width=8, latent=8, every=2),
    "demo": Config(steps=1000, g_width=32, d_width=16, latent=32),
    "cpu": Config(),
    "full": Config(steps=100_000, g_width=256, d_width=128, latent=128, lr=2e-4, every=1, halflife=100_000.0),
}


class Generator(nn.Module):
    """z (n, latent) -> images (n, c, h, w) in [-1, 1]."""

    def __init__(self, config: Config, shape: tuple[int, int, int]) -> None:
        super().__init__()
        channels, size, _ = shape
        doublings = halvings(size)
        self.start = size // 2**doublings  # pixels
        widths = [config.g_width // 2**i for i in range(doublings + 1)]
        self.linear_in = nn.Linear(config.latent, widths[0] * self.start**2)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths))
        self.conv_out = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.norms[0](self.linear_in(z).view(len(z), -1, self.start, self.start)))
        for up, norm in zip(self.up, self.norms[1:], strict=True):
            x = F.relu(norm(up(x)))
        return torch.tanh(self.conv_out(x))


class Discriminator(nn.Module):
    """Images (n, c, h, w) -> (n,), any real numbers, higher for more real."""

    def __init__(self, config: Config, shape: tuple[int, int, int]) -> None:
        super().__init__()
        channels, size, _ = shape
        depth = halvings(size) + 1  # one more than the generator
        widths = [config.d_width, *[2 * config.d_width] * (depth - 1)]
        self.conv_in = nn.Conv2d(channels, widths[0], 3, padding=1) if size < SMALL else None
        widths = [widths[0] if self.conv_in else channels, *widths]
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths))
        self.linear_out = nn.Linear(widths[-1] * (size // 2**depth) ** 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.conv_in is not None:
            x = F.leaky_relu(self.conv_in(x), 0.2)
        for down in self.down:
            x = F.leaky_relu(down(x), 0.2)
        with torch.autocast(x.device.type, enabled=False):  # logits in full precision
            return self.linear_out(x.flatten(1).float())[:, 0]


def discriminator_loss(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """Each real image paired with one generated: small where the real one has the higher logit by far."""
    return F.softplus(fake - real).mean()


def generator_loss(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    return F.softplus(real - fake).mean()


def build(config: Config, place: Place) -> Model:
    generator = place.prepare(Generator(config, place.shape))
    discriminator = place.prepare(Discriminator(config, place.shape))
    average = copy.deepcopy(generator).eval().requires_grad_(requires_grad=False)
    networks = {"generator": generator, "discriminator": discriminator, "average": average}
    return Model(networks, place.sampler(lambda z, _: average(z), latent=(config.latent,), conditional=False))


def train(config: Config, model: Model, session: Session) -> None:
    generator, discriminator, average = model.networks.values()
    g_adam = torch.optim.Adam(generator.parameters(), config.lr, betas=(0.0, config.beta2), fused=True)
    d_adam = torch.optim.Adam(discriminator.parameters(), config.lr, betas=(0.0, config.beta2), fused=True)
    session.hold(g_adam=g_adam, d_adam=d_adam)

    for step in session.steps(config.steps):
        rate = config.final_lr + (1 - config.final_lr) * (1 + math.cos(math.pi * (step - 1) / config.steps)) / 2
        for group in (*g_adam.param_groups, *d_adam.param_groups):
            group["lr"] = config.lr * rate

        real, labels = session.order.batch(config.batch)
        with session.autocast():
            fake = generator(session.order.normal(config.batch, config.latent)).float()
            d_real, d_fake = discriminator(torch.cat([real, fake.detach()])).chunk(2)
        if session.logging:  # now: pairs have no common zero, and the next update moves all logits together
            with session.autocast(), torch.no_grad():
                d_held = discriminator(session.order.held_out(config.batch)[0])
            session.log(d__held_out=d_held, overfit_ratio=health.overfit_ratio(d_real, d_held, d_fake))
        loss_d = discriminator_loss(d_real, d_fake)
        d_adam.zero_grad()
        loss_d.backward()
        if step % config.every == 0:
            at_real, at_fake = r1(discriminator, real), r2(discriminator, fake)
            (config.gamma * config.every * (at_real + at_fake)).backward()
            session.log(r1=at_real, r2=at_fake)
        d_adam.step()

        # Generator: the same pairs, judged by the discriminator that has just learnt from them.
        discriminator.requires_grad_(requires_grad=False)
        with session.autocast():
            g_real, g_fake = discriminator(torch.cat([real, fake])).chunk(2)
        loss_g = generator_loss(g_real, g_fake)
        g_adam.zero_grad()
        loss_g.backward()
        g_adam.step()
        discriminator.requires_grad_(requires_grad=True)
        update_average(average, generator, batch=config.batch, images=session.order.images, halflife=config.halflife)

        session.log(loss__d=loss_d, loss__g=loss_g, d__gap=(d_real - d_fake).mean())
        session.watch(real, labels, fake)
        if session.logging:
            session.log(
                d__real=d_real,
                d__fake=d_fake,
                gradient__d=health.gradient_norm(discriminator.parameters()),
                gradient__g=health.gradient_norm(generator.parameters()),
            )


SYSTEM = System("rpgan", PROFILES, build, train)
