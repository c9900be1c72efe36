"""Projection cGAN: a class-conditional GAN that learns on a CPU (Miyato and Koyama 2018, arXiv:1802.05637).

The generator hears the class through conditional batch normalisation (scale and shift per class); the discriminator
through a projection, D(x, y) = psi(f(x)) + <e(y), f(x)>. The loss is the non-saturating one of Goodfellow et al. 2014
on logits, made stable by a penalty on the gradient at real images (R1: Mescheder et al. 2018, arXiv:1801.04406) every
few steps ("lazy": Karras et al. 2020, arXiv:1912.04958, appendix B). What is sampled is the average of the
generator's weights over training.

With `styles` above 1 a class may be several conditions, the styles that clustering finds in it (see
`plumbing.styles`): both networks hear the style, and the last coordinate of z chooses it. With `reject` a small
classifier learns beside them, and what it does not read as asked is drawn again (see `ganeval.generators.reading`).

Images of any size that halves to between 4 and 8 pixels (8, 28, 32, 64), with 1 or 3 channels.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from ganeval.generators.reading import Reader, readable
from reference_models.plumbing import health, reading
from reference_models.plumbing.augment import POLICY, Augmenter, Mode
from reference_models.plumbing.averaging import update_average
from reference_models.plumbing.penalties import r1
from reference_models.plumbing.reading import Learning
from reference_models.plumbing.session import Session
from reference_models.plumbing.session.place import Model, Place
from reference_models.plumbing.sizes import SMALL, halvings
from reference_models.plumbing.styles import Styles, embedding
from reference_models.plumbing.system import System


@dataclass(frozen=True)
class Config:
    steps: int = 5000  # generator updates
    batch: int = 64  # images
    latent: int = 64  # dimensions of z ~ N(0, 1)
    g_width: int = 128  # channels of the generator at its smallest size; halves with every doubling
    d_width: int = 64  # channels of the discriminator after the first convolution; doubles once
    features: int = 128  # units of the discriminator's last layer, f(x)
    lr: float = 1.2e-3  # Adam, both networks
    beta2: float = 0.99  # Adam; beta1 is 0
    r1: float = 0.5  # gamma of the gradient penalty, per image
    r1_every: int = 8  # steps between penalties; each weighs as much more
    halflife: float = 10_000.0  # of the weight average, in images
    final_lr: float = 0.02  # the rate falls to this share of itself, along a cosine
    augment: Mode = "none"  # what the discriminator sees: diff and ada are for few images
    flips: bool = False  # left-right mirroring belongs to the augmentation
    ada_ramp: int = 50_000  # images in which the strength of ada can rise from 0 to 1
    styles: int = 1  # parts that each class is cut into to look for styles; 1 leaves classes whole
    apart: float = 0.65  # a part is a style where images between it and its class thin out to this share; 1: all are
    reject: float = 0.0  # samples that a reader gives their label with less probability are drawn again; 0 keeps all
    classes: tuple[int, ...] = ()  # classes trained on; () is all. The others are answered with one of these


PROFILES = {
    "smoke": Config(steps=4, batch=16, g_width=16, d_width=8, features=16, latent=8),
    "demo": Config(steps=1000, g_width=64, d_width=32, features=64, latent=32, lr=1.5e-3, r1=0.1),
    "cpu": Config(),
    "full": Config(steps=60_000, batch=128, g_width=256, d_width=128, lr=8e-4, halflife=100_000.0),
}


class ConditionalNorm(nn.Module):
    """Batch normalisation whose scale and shift belong to the class."""

    def __init__(self, channels: int, classes: int, styles: int = 1) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.embed = embedding(classes, styles, 2 * channels, std=0)  # every class begins as the same network

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        scale, shift = self.embed(labels)[:, :, None, None].to(x.dtype).chunk(2, dim=1)
        return self.norm(x) * (1 + scale) + shift


class Generator(nn.Module):
    """z (n, latent), labels (n,) -> images (n, c, h, w) in [-1, 1]."""

    def __init__(self, config: Config, shape: tuple[int, int, int], classes: int, styles: Styles | None = None) -> None:
        super().__init__()
        channels, size, _ = shape
        self.styles = styles
        doublings = halvings(size)
        self.start = size // 2**doublings  # pixels
        widths = [config.g_width // 2**i for i in range(doublings + 1)]
        self.linear_in = nn.Linear(config.latent, widths[0] * self.start**2)
        self.norms = nn.ModuleList(ConditionalNorm(width, classes, config.styles) for width in widths)
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths))
        self.conv_out = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def asked(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """What is asked for (n,): the label, or the style of it that the last coordinate of z chooses."""
        return self.styles.drawn(z[:, -1], labels) if self.styles else labels

    def shown(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The same of real images (n, c, h, w): the label, or the style of it that they have."""
        return self.styles.of(images, labels) if self.styles else labels

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        labels = self.asked(z, labels)
        x = self.linear_in(z).view(len(z), -1, self.start, self.start)
        x = F.relu(self.norms[0](x, labels))
        for up, norm in zip(self.up, self.norms[1:], strict=True):
            x = F.relu(norm(up(x), labels))
        return torch.tanh(self.conv_out(x))


class Discriminator(nn.Module):
    """Images (n, c, h, w), labels (n,) -> logits (n,), high where the image looks real and of that class."""

    def __init__(self, config: Config, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, size, _ = shape
        depth = halvings(size) + 1  # one more than the generator
        widths = [config.d_width, *[2 * config.d_width] * (depth - 1)]
        self.conv_in = nn.Conv2d(channels, widths[0], 3, padding=1) if size < SMALL else None
        widths = [widths[0] if self.conv_in else channels, *widths]
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths))
        self.fc = nn.Linear(widths[-1] * (size // 2**depth) ** 2, config.features)
        self.linear_out = nn.Linear(config.features, 1)  # psi
        self.embed = embedding(classes, config.styles, config.features, std=config.features**-0.5)  # e

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        if self.conv_in is not None:
            x = F.leaky_relu(self.conv_in(x), 0.2)
        for down in self.down:
            x = F.leaky_relu(down(x), 0.2)
        f = F.leaky_relu(self.fc(x.flatten(1)), 0.2).float()
        with torch.autocast(f.device.type, enabled=False):  # logits and losses in full precision
            return self.linear_out(f)[:, 0] + (self.embed(labels) * f).sum(dim=1)


def build(config: Config, place: Place) -> Model:
    if config.classes:
        place.restrict(config.classes)
    styles = Styles.found(place.data, config.styles, config.apart)
    generator = place.prepare(Generator(config, place.shape, place.classes, styles))
    discriminator = place.prepare(Discriminator(config, place.shape, place.classes))
    average = copy.deepcopy(generator).eval().requires_grad_(requires_grad=False)
    known = torch.tensor(config.classes or range(place.classes), device=place.device)
    networks = {"generator": generator, "discriminator": discriminator, "average": average}

    def draw(z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return average(z, known[labels % len(known)])

    if not config.reject:
        return Model(networks, place.sampler(draw, latent=(config.latent,)))
    reader = networks["reader"] = place.prepare(Reader(place.shape, place.classes))
    chosen = readable(draw, reader, known, config.reject)
    return Model(networks, place.sampler(draw, latent=(config.latent,), chosen=chosen))


def train(config: Config, model: Model, session: Session) -> None:
    generator, discriminator, average = (model[name] for name in ("generator", "discriminator", "average"))
    assert isinstance(generator, Generator)
    learn = Learning(model.networks["reader"], session) if config.reject else None
    g_adam, d_adam = (
        torch.optim.Adam(net.parameters(), config.lr, betas=(0.0, config.beta2), fused=True)
        for net in (generator, discriminator)
    )
    policy = (*POLICY, "flip") if config.flips else POLICY
    augment = Augmenter(config.augment, session.order.random, policy=policy, ramp=config.ada_ramp)
    if config.augment != "none":
        session.hold(augment=augment)
    session.hold(g_adam=g_adam, d_adam=d_adam)

    for step in session.steps(config.steps):
        rate = config.final_lr + (1 - config.final_lr) * (1 + math.cos(math.pi * (step - 1) / config.steps)) / 2
        for group in (*g_adam.param_groups, *d_adam.param_groups):
            group["lr"] = config.lr * rate

        real, labels = session.order.batch(config.batch)
        wanted, z = session.order.labels(config.batch), session.order.normal(config.batch, config.latent)
        with session.autocast():
            fake = generator(z, wanted).float()
        asked, shown = generator.asked(z, wanted), generator.shown(real, labels)

        # Discriminator: softplus(-D(real)) + softplus(D(fake)) is the cross-entropy of its logits.
        seen = augment(real)
        with session.autocast():
            both = discriminator(torch.cat([seen, augment(fake.detach())]), torch.cat([shown, asked]))
        d_real, d_fake = both.chunk(2)
        augment.observe(d_real)
        loss_d = (F.softplus(-d_real) + F.softplus(d_fake)).mean()
        d_adam.zero_grad()
        loss_d.backward()
        if step % config.r1_every == 0:
            penalty = r1(discriminator, seen, shown)
            (config.r1 * config.r1_every * penalty).backward()
            session.log(r1=penalty)
        d_adam.step()

        # Generator: the same fakes, judged by the discriminator that has just learnt from them.
        discriminator.requires_grad_(requires_grad=False)
        with session.autocast():
            loss_g = F.softplus(-discriminator(augment(fake), asked)).mean()
        g_adam.zero_grad()
        loss_g.backward()
        g_adam.step()
        discriminator.requires_grad_(requires_grad=True)
        update_average(average, generator, batch=config.batch, images=session.order.images, halflife=config.halflife)

        if learn and step % reading.EVERY == 0:
            learn(real, labels, rate)
        session.log(loss__d=loss_d, loss__g=loss_g, d__real=d_real, d__fake=d_fake)
        session.watch(real, labels, fake)
        if session.logging:
            with torch.no_grad():
                held, held_labels = session.order.held_out(config.batch)
                d_held = discriminator(augment.look(held), generator.shown(held, held_labels))
            if config.augment == "ada":
                session.log(augment__p=augment.p, augment__r_t=augment.r_t)
            session.log(
                d__held_out=d_held,
                overfit_ratio=health.overfit_ratio(d_real, d_held, d_fake),
                gradient__d=health.gradient_norm(discriminator.parameters()),
                gradient__g=health.gradient_norm(generator.parameters()),
            )


SYSTEM = System("projection_cgan", PROFILES, build, train)
