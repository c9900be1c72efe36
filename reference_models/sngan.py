"""SNGAN: a discriminator whose every layer has slope at most about 1 (Miyato et al. 2018, arXiv:1802.05957).

Each weight is divided by its largest singular value, followed through training by one step of the power method per
update; the product over the layers bounds the slope of the whole, whatever the data. The value is that of the weight as
a matrix (out, in kh kw), as in the paper: of a convolution it is not the norm of the map, which can be somewhat larger.
The hinge loss (eq. 16) stops caring for images that are judged right by a margin of 1.

Being bounded everywhere, it needs no penalty and no further pass: a step costs what a plain GAN's step costs. The
output is any real number, so there is no "accuracy"; the gap between real and generated images is logged. What is
sampled is the average of the generator's weights.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from reference_models.plumbing import health
from reference_models.plumbing.averaging import update_average
from reference_models.plumbing.penalties import require_lipschitz
from reference_models.plumbing.session import Session
from reference_models.plumbing.session.place import Model, Place
from reference_models.plumbing.sizes import SMALL, halvings
from reference_models.plumbing.system import System


@dataclass(frozen=True)
class Config:
    steps: int = 2000  # generator updates
    d_steps: int = 1  # discriminator updates before each of them
    batch: int = 64  # images
    latent: int = 64  # dimensions of z ~ N(0, 1)
    g_width: int = 64  # channels of the generator at its smallest size; halves with every doubling
    d_width: int = 32  # channels of the discriminator after the first convolution; doubles once
    lr: float = 5e-4  # Adam, both networks
    beta1: float = 0.5  # Adam; setting C of the paper's table 1, for one step each
    beta2: float = 0.999
    halflife: float = 10_000.0  # of the weight average, in images the generator has learnt from


PROFILES = {
    "smoke": Config(steps=4, batch=16, g_width=16, d_width=8, latent=8),
    "demo": Config(steps=1000, g_width=32, d_width=16, latent=32),
    "cpu": Config(),
    "full": Config(steps=100_000, g_width=256, d_width=128, latent=128, lr=2e-4, halflife=100_000.0),
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
        self.conv_in = spectral_norm(nn.Conv2d(channels, widths[0], 3, padding=1)) if size < SMALL else None
        widths = [widths[0] if self.conv_in else channels, *widths]
        self.down = nn.ModuleList(spectral_norm(nn.Conv2d(a, b, 4, stride=2, padding=1)) for a, b in pairwise(widths))
        self.linear_out = spectral_norm(nn.Linear(widths[-1] * (size // 2**depth) ** 2, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.conv_in is not None:
            x = F.leaky_relu(self.conv_in(x), 0.1)
        for down in self.down:
            x = F.leaky_relu(down(x), 0.1)
        with torch.autocast(x.device.type, enabled=False):  # the gap in full precision
            return self.linear_out(x.flatten(1).float())[:, 0]


def discriminator_loss(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """Hinge: real images are wanted above 1, generated ones below -1, and nothing beyond that."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def generator_loss(fake: torch.Tensor) -> torch.Tensor:
    return -fake.mean()


def build(config: Config, place: Place) -> Model:
    generator = place.prepare(Generator(config, place.shape))
    discriminator = place.prepare(Discriminator(config, place.shape))
    require_lipschitz(discriminator)
    average = copy.deepcopy(generator).eval().requires_grad_(requires_grad=False)
    networks = {"generator": generator, "discriminator": discriminator, "average": average}
    return Model(networks, place.sampler(lambda z, _: average(z), latent=(config.latent,), conditional=False))


def train(config: Config, model: Model, session: Session) -> None:
    generator, discriminator, average = model.networks.values()
    betas = (config.beta1, config.beta2)
    g_adam = torch.optim.Adam(generator.parameters(), config.lr, betas=betas, fused=True)
    d_adam = torch.optim.Adam(discriminator.parameters(), config.lr, betas=betas, fused=True)
    session.hold(g_adam=g_adam, d_adam=d_adam)

    for step in session.steps(config.steps):
        real, labels = session.order.batch(config.d_steps * config.batch)
        for some in real.split(config.batch):
            with session.autocast(), torch.no_grad():
                fake = generator(session.order.normal(config.batch, config.latent)).float()
            with session.autocast():
                d_real, d_fake = discriminator(torch.cat([some, fake])).chunk(2)
            loss_d = discriminator_loss(d_real, d_fake)
            d_adam.zero_grad()
            loss_d.backward()
            d_adam.step()
            session.log(loss__d=loss_d, d__gap=d_real.mean() - d_fake.mean())

        discriminator.requires_grad_(requires_grad=False)
        with session.autocast():
            fake = generator(session.order.normal(config.batch, config.latent)).float()
            loss_g = generator_loss(discriminator(fake))
        g_adam.zero_grad()
        loss_g.backward()
        g_adam.step()
        discriminator.requires_grad_(requires_grad=True)
        update_average(average, generator, batch=config.batch, images=step * config.batch, halflife=config.halflife)

        session.log(loss__g=loss_g)
        session.watch(real[: config.batch], labels[: config.batch], fake)
        if session.logging:
            discriminator.eval()  # otherwise a look would move the power method on
            with torch.no_grad():
                d_real, d_held, d_fake = map(discriminator, (real, session.order.held_out(config.batch)[0], fake))
            discriminator.train()
            session.log(
                d__real=d_real,
                d__held_out=d_held,
                d__fake=d_fake,
                overfit_ratio=health.overfit_ratio(d_real, d_held, d_fake),
                gradient__d=health.gradient_norm(discriminator.parameters()),
                gradient__g=health.gradient_norm(generator.parameters()),
            )


SYSTEM = System("sngan", PROFILES, build, train)
