"""Conditional GAN with label planes: the discriminator sees the class as pictures (Mirza and Osindero 2014,
arXiv:1411.1784).

Each class is a plane beside the image's channels, all ones for the class asked and zeros for the others; the generator
gets the one-hot label beside z. The loss is the non-saturating one on logits, with the gradient penalty R1 (Mescheder
et al. 2018, arXiv:1801.04406) every few steps; `r1=0` leaves it out.

`study004` is the network of the founding study on Persian digits, to the parameter (G 1,092,755, D 80,385 at 28 x 28
and ten classes), with its rates, dropout and no penalty. Its mistakes are not repeated: the test split is not trained
on, the order is a full permutation, a checkpoint holds the optimisers, and its sigmoid output on [0, 1] is the same
function on [-1, 1], tanh(x / 2).

A plane is constant, so what the first convolution makes of it depends on the class alone. It is computed once for every
class and looked up, which is the same sum in another order; and both networks learn from one batch of fakes.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from reference_models.plumbing import health
from reference_models.plumbing.averaging import update_average
from reference_models.plumbing.penalties import r1
from reference_models.plumbing.session import Session
from reference_models.plumbing.session.place import Model, Place
from reference_models.plumbing.sizes import halvings
from reference_models.plumbing.stabilise import cross_entropy
from reference_models.plumbing.system import System


@dataclass(frozen=True)
class Config:
    steps: int = 4000  # generator updates
    batch: int = 64  # images
    study: bool = False  # the networks of founding study 004; widths are then its own
    latent: int = 64  # dimensions of z ~ N(0, 1)
    g_width: int = 128  # channels of the generator at its smallest size; halves with every doubling
    d_width: int = 64  # channels of the discriminator after the first convolution; doubles with every halving
    dropout: float = 0.0  # after every convolution of the discriminator
    lr: float = 1e-3  # Adam, both networks
    beta1: float = 0.0
    beta2: float = 0.99
    final_lr: float = 0.02  # the rate falls to this share of itself, along a cosine; 1 leaves it
    r1: float = 0.5  # gamma of the gradient penalty, per image
    r1_every: int = 8  # steps between penalties; each weighs as much more
    halflife: float = 10_000.0  # of the weight average, in images


STUDY = {"study": True, "latent": 100, "dropout": 0.4, "lr": 3e-4, "beta1": 0.9, "beta2": 0.999, "final_lr": 1.0}
PROFILES = {
    "smoke": Config(steps=4, batch=16, latent=8, g_width=16, d_width=8),
    "demo": Config(steps=1000, g_width=64, d_width=32, latent=32),
    "cpu": Config(),
    "full": Config(steps=50_000, batch=128, g_width=256, d_width=128, lr=8e-4, halflife=100_000.0),
}
VARIANTS = {
    "study004": replace(PROFILES["cpu"], **STUDY, r1=0.0),
    "study004_r1": replace(PROFILES["cpu"], **STUDY),
}


class Generator(nn.Module):
    """z (n, latent), labels (n,) -> images (n, c, h, w) in [-1, 1]."""

    def __init__(self, config: Config, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, size, _ = shape
        doublings, self.classes = halvings(size), classes
        self.start = size // 2**doublings  # pixels
        widths = [config.g_width // 2**i for i in range(doublings + 1)]
        self.linear_in = nn.Linear(config.latent + classes, widths[0] * self.start**2)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in pairwise(widths))
        self.conv_out = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        x = self.linear_in(torch.cat([z, F.one_hot(labels, self.classes).to(z)], dim=1))
        x = F.relu(self.norms[0](x.view(len(z), -1, self.start, self.start)))
        for up, norm in zip(self.up, self.norms[1:], strict=True):
            x = F.relu(norm(up(x)))
        return torch.tanh(self.conv_out(x))


class StudyGenerator(nn.Module):
    """The same of study 004: as many maps as inputs at first, 128 later, and activations before their normalisation."""

    def __init__(self, config: Config, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, size, _ = shape
        doublings, self.classes = halvings(size), classes
        self.start, inputs = size // 2**doublings, config.latent + classes
        self.linear_in = nn.Linear(inputs, inputs * self.start**2)
        widths = [inputs, *[128] * doublings]
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(nn.BatchNorm2d(128) for _ in range(doublings))
        self.conv_out = nn.Conv2d(128, channels, 7, padding=3)

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        x = F.leaky_relu(self.linear_in(torch.cat([z, F.one_hot(labels, self.classes).to(z)], dim=1)), 0.2)
        x = x.view(len(z), -1, self.start, self.start)
        for up, norm in zip(self.up, self.norms, strict=True):
            x = norm(F.leaky_relu(up(x), 0.2))
        return torch.tanh(self.conv_out(x) / 2)


class PlaneConv(nn.Conv2d):
    """A convolution of an image's channels and, beside them, one plane per class, all ones for the image's own."""

    def __init__(self, channels: int, classes: int, out: int, kernel: int) -> None:
        super().__init__(channels + classes, out, kernel, stride=2, padding=1)
        self.channels, self.classes = channels, classes

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride] - the planes come as labels
        self, x: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        own = F.conv2d(x, self.weight[:, : self.channels], None, self.stride, self.padding)
        planes = torch.eye(self.classes, dtype=x.dtype, device=x.device)[:, :, None, None]
        planes = planes.expand(-1, -1, *x.shape[2:])  # (classes, classes, h, w)
        every = F.conv2d(planes, self.weight[:, self.channels :], self.bias, self.stride, self.padding)
        return own + every[labels]


class Discriminator(nn.Module):
    """Images (n, c, h, w), labels (n,) -> logits (n,), high where the image looks real and of that class."""

    def __init__(self, config: Config, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, size, _ = shape
        depth = 2 if config.study else halvings(size)
        kernel, width = (3, 64) if config.study else (4, config.d_width)
        widths = [width * 2**i for i in range(depth)]
        self.conv_in = PlaneConv(channels, classes, widths[0], kernel)
        self.down = nn.ModuleList(nn.Conv2d(a, b, kernel, 2, 1) for a, b in pairwise(widths))
        self.dropout, self.study = config.dropout, config.study
        self.linear_out = nn.Linear(widths[-1] * (1 if config.study else (size // 2**depth) ** 2), 1)

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        x = F.dropout(F.leaky_relu(self.conv_in(x, labels), 0.2), self.dropout, self.training)
        for down in self.down:
            x = F.dropout(F.leaky_relu(down(x), 0.2), self.dropout, self.training)
        x = x.amax(dim=(2, 3)) if self.study else x.flatten(1)
        return self.linear_out(x)[:, 0].float()


def build(config: Config, place: Place) -> Model:
    kind = StudyGenerator if config.study else Generator
    generator = place.prepare(kind(config, place.shape, place.classes))
    discriminator = place.prepare(Discriminator(config, place.shape, place.classes))
    average = copy.deepcopy(generator).eval().requires_grad_(requires_grad=False)
    networks = {"generator": generator, "discriminator": discriminator, "average": average}
    return Model(networks, place.sampler(average, latent=(config.latent,)))


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
        wanted = session.order.labels(config.batch)
        with session.autocast():
            fake = generator(session.order.normal(config.batch, config.latent), wanted).float()

        # Discriminator
        with session.autocast():
            both = discriminator(torch.cat([real, fake.detach()]), torch.cat([labels, wanted]))
        d_real, d_fake = both.chunk(2)
        loss_d = cross_entropy(d_real, 1.0) + cross_entropy(d_fake, 0.0)
        d_adam.zero_grad()
        loss_d.backward()
        if config.r1 and step % config.r1_every == 0:
            penalty = r1(discriminator, real, labels)
            (config.r1 * config.r1_every * penalty).backward()
            session.log(r1=penalty)
        d_adam.step()

        # Generator: the same fakes, judged by the discriminator that has just learnt from them.
        discriminator.requires_grad_(requires_grad=False)
        with session.autocast():
            loss_g = cross_entropy(discriminator(fake, wanted), 1.0)
        g_adam.zero_grad()
        loss_g.backward()
        g_adam.step()
        discriminator.requires_grad_(requires_grad=True)
        update_average(average, generator, batch=config.batch, images=session.order.images, halflife=config.halflife)

        session.log(loss__d=loss_d, loss__g=loss_g, d__real=d_real, d__fake=d_fake)
        session.watch(real, labels, fake)
        if session.logging:
            with session.evaluating(), torch.no_grad():
                d_held = discriminator(*session.order.held_out(config.batch))
            session.log(
                d__held_out=d_held,
                overfit_ratio=health.overfit_ratio(d_real, d_held, d_fake),
                gradient__d=health.gradient_norm(discriminator.parameters()),
                gradient__g=health.gradient_norm(generator.parameters()),
            )


SYSTEM = System("cgan", PROFILES, build, train, VARIANTS)
