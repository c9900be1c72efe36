"""Conditional DCGAN at 64 pixels that hears its label (Radford et al. 2016, arXiv:1511.06434; Mirza and Osindero 2014).

Half of the generator's first maps come from z and half from the class; half of the discriminator's first maps come from
the image and half from the class. From there on both are DCGANs: strided convolutions, batch normalisation in the
generator alone, all weights from N(0, 0.02). The loss is the non-saturating one on logits, with the gradient penalty R1
(Mescheder et al. 2018, arXiv:1801.04406) every few steps.

A founding study called its 64-pixel DCGAN conditional while neither network ever saw a label, and took its images for
one class. `blind` is that mistake, kept for comparison: same networks, no label. The metric `label_swap` tells the two
apart; a glance at the images does not. Images are resampled to `size` and samples come back at the size of the data
set.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from ganeval.errors import WrongInputError
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
    steps: int = 2000  # generator updates
    batch: int = 64  # images
    size: int = 64  # pixels a side trained at; 0 is the data set's own
    latent: int = 100  # dimensions of z ~ N(0, 1)
    g_width: int = 16  # channels of the generator's largest feature map; doubles with every halving
    d_width: int = 16  # channels after the discriminator's first convolution; doubles with every halving
    features: int = 128  # units before the discriminator's last; there image and class meet at any depth
    blind: bool = False  # every image has the label 0 for both networks: they cannot hear it
    lr: float = 1.5e-3  # Adam, both networks
    beta1: float = 0.5
    beta2: float = 0.99
    r1: float = 0.5  # gamma of the gradient penalty, per image
    r1_every: int = 8  # steps between penalties; each weighs as much more
    halflife: float = 5_000.0  # of the weight average, in images


PROFILES = {
    "smoke": Config(steps=4, batch=16, size=16, latent=8, g_width=4, d_width=4, features=16),
    "demo": Config(steps=600, size=0, latent=32, g_width=32, d_width=32, lr=2e-3, r1=0.1),
    "cpu": Config(),
    "full": Config(steps=30_000, g_width=64, d_width=64, lr=2e-4, halflife=50_000.0),
}
VARIANTS = {"blind": replace(PROFILES["cpu"], blind=True)}


class Generator(nn.Module):
    """z (n, latent), labels (n,) -> images (n, c, h, w) in [-1, 1]."""

    def __init__(self, config: Config, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, size, _ = shape
        doublings = halvings(size)
        self.start = size // 2**doublings  # pixels
        widths = [config.g_width * 2**i for i in range(doublings)][::-1]
        half = widths[0] // 2 * self.start**2
        self.linear_in, self.embed = nn.Linear(config.latent, half), nn.Embedding(classes, half)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in pairwise([*widths, channels]))

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        parts = self.linear_in(z), self.embed(labels)
        x = torch.cat([part.view(len(z), -1, self.start, self.start) for part in parts], dim=1)
        for norm, up in zip(self.norms, self.up, strict=True):
            x = up(F.relu(norm(x)))
        return torch.tanh(x)


class Discriminator(nn.Module):
    """Images (n, c, h, w), labels (n,) -> logits (n,), high where the image looks real and of that class."""

    def __init__(self, config: Config, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, size, _ = shape
        depth, half = halvings(size), config.d_width // 2
        self.conv_in, self.embed = nn.Conv2d(channels, half, 4, 2, 1), nn.Embedding(classes, half)
        widths = [config.d_width * 2**i for i in range(depth)]
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in pairwise(widths))
        self.fc = nn.Linear(widths[-1] * (size // 2**depth) ** 2, config.features)
        self.linear_out = nn.Linear(config.features, 1)

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        image = self.conv_in(x)
        maps = self.embed(labels)[:, :, None, None].to(image).expand_as(image)  # constant, like a plane of the class
        x = F.leaky_relu(torch.cat([image, maps], dim=1), 0.2)
        for down in self.down:
            x = F.leaky_relu(down(x), 0.2)
        return self.linear_out(F.leaky_relu(self.fc(x.flatten(1)), 0.2))[:, 0].float()


def weights_init(net: nn.Module) -> nn.Module:
    """N(0, 0.02) for the weights of convolutions, N(0, 1) for what stands for a class, 0 for biases."""
    for layer in net.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return net


def build(config: Config, place: Place) -> Model:
    if config.size:
        place.resize(config.size)
    if config.d_width % 2 or (config.g_width % 2 and halvings(place.shape[1]) == 1):
        raise WrongInputError(
            "Image and class share the first channels evenly, so that g_width and d_width must be even; got "
            f"{config.g_width} and {config.d_width}. Give even ones."
        )
    generator = place.prepare(weights_init(Generator(config, place.shape, place.classes)))
    discriminator = place.prepare(weights_init(Discriminator(config, place.shape, place.classes)))
    average = copy.deepcopy(generator).eval().requires_grad_(requires_grad=False)
    heard = int(not config.blind)  # a blind network hears 0 whatever is said
    networks = {"generator": generator, "discriminator": discriminator, "average": average}
    return Model(networks, place.sampler(lambda z, labels: average(z, labels * heard), latent=(config.latent,)))


def train(config: Config, model: Model, session: Session) -> None:
    generator, discriminator, average = model.networks.values()
    heard = int(not config.blind)
    betas = (config.beta1, config.beta2)
    g_adam = torch.optim.Adam(generator.parameters(), config.lr, betas=betas, fused=True)
    d_adam = torch.optim.Adam(discriminator.parameters(), config.lr, betas=betas, fused=True)
    session.hold(g_adam=g_adam, d_adam=d_adam)

    for step in session.steps(config.steps):
        real, labels = session.order.batch(config.batch)
        own, wanted = labels * heard, session.order.labels(config.batch) * heard
        with session.autocast():
            fake = generator(session.order.normal(config.batch, config.latent), wanted).float()

        # Discriminator
        with session.autocast():
            both = discriminator(torch.cat([real, fake.detach()]), torch.cat([own, wanted]))
        d_real, d_fake = both.chunk(2)
        loss_d = cross_entropy(d_real, 1.0) + cross_entropy(d_fake, 0.0)
        d_adam.zero_grad()
        loss_d.backward()
        if config.r1 and step % config.r1_every == 0:
            penalty = r1(discriminator, real, own)
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
            held, held_labels = session.order.held_out(config.batch)
            with session.evaluating(), torch.no_grad():
                d_held = discriminator(held, held_labels * heard)
            session.log(
                d__held_out=d_held,
                overfit_ratio=health.overfit_ratio(d_real, d_held, d_fake),
                gradient__d=health.gradient_norm(discriminator.parameters()),
                gradient__g=health.gradient_norm(generator.parameters()),
            )


SYSTEM = System("cdcgan", PROFILES, build, train, VARIANTS)
