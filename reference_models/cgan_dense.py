"""Dense conditional GAN: no convolutions, and the label multiplies (the network of a founding study on MNIST).

The class has a vector of its own that multiplies z, entry by entry, and another that multiplies the pixels which the
discriminator sees: legitimate, although an entry near zero can blind either network to a direction. Widths, dropout
and the momentum of batch normalisation are the study's (a Keras momentum of 0.8 is 0.2 here): at 28 x 28 and ten
classes the generator has 1,490,936 parameters and the discriminator 935,585. Targets of real images are smoothed by
0.1, those of generated ones are not (Salimans et al. 2016, arXiv:1606.03498); Adam as in DCGAN; 20 epochs. `--gif`
writes the animation.

The pixels lie in [-1, 1], x / 127.5 - 1.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import torch
import torch.nn.functional as F
from torch import nn

from reference_models.plumbing import health
from reference_models.plumbing.averaging import update_average
from reference_models.plumbing.session import Session
from reference_models.plumbing.session.place import Model, Place
from reference_models.plumbing.stabilise import cross_entropy, targets
from reference_models.plumbing.system import System


@dataclass(frozen=True)
class Config:
    steps: int = 9_218  # generator updates: 20 epochs of MNIST without what is held out
    batch: int = 128  # images
    latent: int = 100  # dimensions of z ~ N(0, 1)
    g_widths: tuple[int, ...] = (256, 512, 1024)  # units of the generator's hidden layers
    d_widths: tuple[int, ...] = (512, 512, 512)  # and of the discriminator's
    dropout: float = 0.4  # in the discriminator, after every hidden layer but the first
    lr: float = 2e-4  # Adam, both networks
    beta1: float = 0.5
    smoothing: float = 0.1  # real images have the target 1 - smoothing
    halflife: float = 10_000.0  # of the weight average, in images


PROFILES = {
    "smoke": Config(steps=4, batch=16, latent=8, g_widths=(16,), d_widths=(16, 16)),
    "demo": Config(steps=3000, latent=32, g_widths=(128, 256), d_widths=(256, 256), lr=5e-4),
    "cpu": Config(),
    "full": Config(steps=100_000, batch=128, halflife=100_000.0),
}


class Generator(nn.Module):
    """z (n, latent), labels (n,) -> images (n, c, h, w) in [-1, 1]."""

    def __init__(self, config: Config, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        self.shape = shape
        self.embed = nn.Embedding(classes, config.latent)
        layers: list[nn.Module] = []
        for a, b in pairwise([config.latent, *config.g_widths]):
            layers += [nn.Linear(a, b), nn.LeakyReLU(0.2), nn.BatchNorm1d(b, momentum=0.2)]
        self.net = nn.Sequential(*layers, nn.Linear(config.g_widths[-1], prod(shape)), nn.Tanh())

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return self.net(z * self.embed(labels)).view(-1, *self.shape)


class Discriminator(nn.Module):
    """Images (n, c, h, w), labels (n,) -> logits (n,), high where the image looks real and of that class."""

    def __init__(self, config: Config, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(classes, prod(shape))
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise([prod(shape), *config.d_widths]))
        self.linear_out = nn.Linear(config.d_widths[-1], 1)
        self.dropout = config.dropout

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        x = x.flatten(1) * self.embed(labels)
        for number, layer in enumerate(self.hidden):
            x = F.leaky_relu(layer(x), 0.2)
            x = F.dropout(x, self.dropout, self.training and number > 0)
        return self.linear_out(x)[:, 0].float()


def build(config: Config, place: Place) -> Model:
    generator = place.prepare(Generator(config, place.shape, place.classes))
    discriminator = place.prepare(Discriminator(config, place.shape, place.classes))
    average = copy.deepcopy(generator).eval().requires_grad_(requires_grad=False)
    networks = {"generator": generator, "discriminator": discriminator, "average": average}
    return Model(networks, place.sampler(average, latent=(config.latent,)))


def train(config: Config, model: Model, session: Session) -> None:
    generator, discriminator, average = model.networks.values()
    g_adam = torch.optim.Adam(generator.parameters(), config.lr, betas=(config.beta1, 0.999), fused=True)
    d_adam = torch.optim.Adam(discriminator.parameters(), config.lr, betas=(config.beta1, 0.999), fused=True)
    target, _ = targets(config.batch, smoothing=config.smoothing)
    target = target.to(session.place.device)
    session.hold(g_adam=g_adam, d_adam=d_adam)

    for _ in session.steps(config.steps):
        real, labels = session.order.batch(config.batch)
        wanted = session.order.labels(config.batch)
        with session.autocast():
            fake = generator(session.order.normal(config.batch, config.latent), wanted).float()

        # Discriminator: real images towards 1 - smoothing, generated ones towards 0.
        with session.autocast():
            d_both = discriminator(torch.cat([real, fake.detach()]), torch.cat([labels, wanted]))
        loss_d = cross_entropy(d_both, target)
        d_adam.zero_grad()
        loss_d.backward()
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

        d_real, d_fake = d_both.chunk(2)
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


SYSTEM = System("cgan_dense", PROFILES, build, train)
