"""ACGAN: the discriminator also names the class, on a second head (Odena et al. 2017, arXiv:1610.09585).

One trunk, two heads: a logit for real or generated, and one logit per class. The cross-entropy of the classes takes the
logits as they are; a softmax before it, as in much copied code, flattens the loss and its gradient (it cannot fall
below about 1.46 for ten classes). The discriminator learns the classes of real images, and with `class_fakes` also of
generated ones, as the paper's eq. 3 has it; without, it cannot come to call a wrong image right because the generator
meant well. The generator learns that its images be recognised as what was asked for.

What is recognised most surely is the prototype of a class. So the more the classification weighs (`auxiliary`), the
more the generator is paid for images far from every other class and the less for showing all of its class: GAN-test
rises to that of real images and above, recall and CAS fall (Gong et al. 2019, arXiv:1907.02690, prove it for the
optimum; compare `python -m studies critics`). R1 on the first head keeps it stable.
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
from reference_models.plumbing.penalties import r1
from reference_models.plumbing.session import Session
from reference_models.plumbing.session.place import Model, Place
from reference_models.plumbing.sizes import SMALL, halvings
from reference_models.plumbing.system import System


@dataclass(frozen=True)
class Config:
    steps: int = 4000  # generator updates
    batch: int = 64  # images
    latent: int = 64  # dimensions of z ~ N(0, 1)
    embedding: int = 16  # dimensions of the class beside z
    g_width: int = 64  # channels of the generator at its smallest size; halves with every doubling
    d_width: int = 32  # channels of the discriminator after the first convolution; doubles once
    lr: float = 1e-3  # Adam, both networks
    beta2: float = 0.99  # Adam; beta1 is 0
    auxiliary: float = 1.0  # weight of the classification loss, in both networks
    class_fakes: float = 0.0  # of generated images in the discriminator's; 1 in the paper
    r1: float = 0.5  # gamma of the gradient penalty, per image
    r1_every: int = 8  # steps between penalties; each weighs as much more
    halflife: float = 10_000.0  # of the weight average, in images
    final_lr: float = 0.05  # the rate falls to this share of itself, along a cosine


PROFILES = {
    "smoke": Config(steps=4, batch=16, g_width=16, d_width=8, latent=8, embedding=4, r1_every=2),
    "demo": Config(steps=1000, g_width=32, d_width=16, latent=32),
    "cpu": Config(),
    "full": Config(steps=100_000, g_width=256, d_width=128, latent=128, lr=2e-4, halflife=100_000.0),
}


class Generator(nn.Module):
    """z (n, latent), labels (n,) -> images (n, c, h, w) in [-1, 1]."""

    def __init__(self, config: Config, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, size, _ = shape
        doublings = halvings(size)
        self.start = size // 2**doublings  # pixels
        widths = [config.g_width // 2**i for i in range(doublings + 1)]
        self.embed = nn.Embedding(classes, config.embedding)
        self.linear_in = nn.Linear(config.latent + config.embedding, widths[0] * self.start**2)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths))
        self.conv_out = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        z = torch.cat([z, self.embed(labels)], dim=1)
        x = F.relu(self.norms[0](self.linear_in(z).view(len(z), -1, self.start, self.start)))
        for up, norm in zip(self.up, self.norms[1:], strict=True):
            x = F.relu(norm(up(x)))
        return torch.tanh(self.conv_out(x))


class Discriminator(nn.Module):
    """Images (n, c, h, w) -> logits: real or generated (n,), and the class (n, k)."""

    def __init__(self, config: Config, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, size, _ = shape
        depth = halvings(size) + 1  # one more than the generator
        widths = [config.d_width, *[2 * config.d_width] * (depth - 1)]
        self.conv_in = nn.Conv2d(channels, widths[0], 3, padding=1) if size < SMALL else None
        widths = [widths[0] if self.conv_in else channels, *widths]
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths))
        features = widths[-1] * (size // 2**depth) ** 2
        self.adv_head = nn.Linear(features, 1)
        self.aux_head = nn.Linear(features, classes)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self.conv_in is not None:
            x = F.leaky_relu(self.conv_in(x), 0.2)
        for down in self.down:
            x = F.leaky_relu(down(x), 0.2)
        with torch.autocast(x.device.type, enabled=False):  # logits in full precision
            features = x.flatten(1).float()
            return self.adv_head(features)[:, 0], self.aux_head(features)


def discriminator_loss(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the first head's logits, on both kinds of images."""
    return (F.softplus(-real) + F.softplus(fake)).mean()


def build(config: Config, place: Place) -> Model:
    generator = place.prepare(Generator(config, place.shape, place.classes))
    discriminator = place.prepare(Discriminator(config, place.shape, place.classes))
    average = copy.deepcopy(generator).eval().requires_grad_(requires_grad=False)
    networks = {"generator": generator, "discriminator": discriminator, "average": average}
    return Model(networks, place.sampler(average, latent=(config.latent,)))


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
        wanted = session.order.labels(config.batch)
        with session.autocast():
            fake = generator(session.order.normal(config.batch, config.latent), wanted).float()
            both, named = discriminator(torch.cat([real, fake.detach()]))
        d_real, d_fake = both.chunk(2)
        loss_d = discriminator_loss(d_real, d_fake)
        named_real, named_fake = named.chunk(2)
        class_d = F.cross_entropy(named_real, labels)
        if config.class_fakes:
            class_d = class_d + config.class_fakes * F.cross_entropy(named_fake, wanted)
        d_adam.zero_grad()
        (loss_d + config.auxiliary * class_d).backward()
        if step % config.r1_every == 0:
            penalty = r1(lambda images: discriminator(images)[0], real)
            (config.r1 * config.r1_every * penalty).backward()
            session.log(r1=penalty)
        d_adam.step()

        # Generator: the same fakes, judged by the discriminator that has just learnt from them.
        discriminator.requires_grad_(requires_grad=False)
        with session.autocast():
            g_fake, g_named = discriminator(fake)
        loss_g, class_g = F.softplus(-g_fake).mean(), F.cross_entropy(g_named, wanted)
        g_adam.zero_grad()
        (loss_g + config.auxiliary * class_g).backward()
        g_adam.step()
        discriminator.requires_grad_(requires_grad=True)
        update_average(average, generator, batch=config.batch, images=session.order.images, halflife=config.halflife)

        session.log(loss__d=loss_d, loss__g=loss_g, class__d=class_d, class__g=class_g, d__real=d_real, d__fake=d_fake)
        session.watch(real, labels, fake)
        if session.logging:
            held, held_labels = session.order.held_out(config.batch)
            with torch.no_grad():
                d_held, named_held = discriminator(held)
            session.log(
                d__held_out=d_held,
                overfit_ratio=health.overfit_ratio(d_real, d_held, d_fake),
                class__held_out=F.cross_entropy(named_held, held_labels),
                gradient__d=health.gradient_norm(discriminator.parameters()),
                gradient__g=health.gradient_norm(generator.parameters()),
            )


SYSTEM = System("acgan", PROFILES, build, train)
