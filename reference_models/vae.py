"""Variational autoencoder: a latent for each image as a distribution, drawn towards a common prior.

Kingma and Welling 2014 (arXiv:1312.6114). The encoder gives mean and variance of q(z|x), the decoder p(x|z), the prior
is N(0, 1), and the loss is minus the evidence lower bound (eq. 3)

    ELBO = E_q log p(x|z) - beta KL(q(z|x) || N(0, 1)),

with beta = 1 a bound on log p(x), and any other beta a choice between sharp images and an even prior (Higgins et al.
2017). `elbo` in the log is always that of beta = 1, in nats per image; it rises. It is -(reconstruction + kl), where
`reconstruction` (falls) is -log p(x|z) and `kl` (above 0) is what a latent says of its image: near 0 the decoder
listens to nothing, which is posterior collapse, and `active_units` (Burda et al. 2016, arXiv:1509.00519, appendix C)
counts the dimensions that still say something.

The likelihood of the pixels is a Gaussian around the decoder's image, whose one variance is the batch's mean squared
error, its best value (Rybkin et al. 2021, arXiv:2006.13202, eq. 6), so that beta need not make up for a wrong one; a
density of values in [-1, 1], positive or negative. Or it is Bernoulli's on [0, 1], for images of ink and no ink: log p
is then at most 0, and in grey values a cross-entropy and no likelihood (Loaiza-Ganem and Cunningham 2019,
arXiv:1907.06845).

No labels anywhere: what is sampled is the decoder at z ~ N(0, 1), the image of no class in particular.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from reference_models.plumbing.session import Session
from reference_models.plumbing.session.place import Model, Place
from reference_models.plumbing.sizes import halvings
from reference_models.plumbing.system import System


@dataclass(frozen=True)
class Config:
    steps: int = 4000  # updates
    batch: int = 256  # images
    latent: int = 40  # dimensions of z
    net: Literal["dense", "conv"] = "dense"
    units: int = 512  # dense: of the layer beside the pixels; half as many beside the latents
    channels: int = 24  # conv: after the first convolution; doubles with every halving of the image
    likelihood: Literal["gaussian", "bernoulli"] = "gaussian"
    beta: float = 1.0  # weight of the KL term
    lr: float = 1e-3  # Adam
    final_lr: float = 0.02  # the rate falls to this share of itself, along a cosine


PROFILES = {
    "smoke": Config(steps=4, batch=16, latent=3, units=16),
    "demo": Config(steps=600, batch=64, latent=12, units=128),
    "cpu": Config(),
    "full": Config(steps=40_000, units=2048),
}


def make_encoder(config: Config, shape: tuple[int, int, int]) -> nn.Sequential:
    """Images (n, c, h, w) -> mean and log-variance of the latents, side by side (n, 2 latent)."""
    channels, size, _ = shape
    if config.net == "dense":
        widths = [math.prod(shape), config.units, config.units // 2]
        layers = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.BatchNorm1d(b), nn.LeakyReLU(0.2))]
        return nn.Sequential(nn.Flatten(), *layers, nn.Linear(widths[-1], 2 * config.latent))
    widths, small = conv_widths(config, size)
    layers = [
        part
        for a, b in pairwise([channels, *widths])
        for part in (nn.Conv2d(a, b, 4, stride=2, padding=1), nn.BatchNorm2d(b), nn.LeakyReLU(0.2))
    ]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * small**2, 2 * config.latent))


def make_decoder(config: Config, shape: tuple[int, int, int]) -> nn.Sequential:
    """Latents (n, latent) -> (n, c, h, w): means around [-1, 1], or logits of ink for Bernoulli's likelihood."""
    channels, size, _ = shape
    if config.net == "dense":
        widths = [config.latent, config.units // 2, config.units]
        layers = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.BatchNorm1d(b), nn.LeakyReLU(0.2))]
        return nn.Sequential(*layers, nn.Linear(widths[-1], math.prod(shape)), nn.Unflatten(1, shape))
    widths, small = conv_widths(config, size)
    widths = widths[::-1]
    first = (nn.Linear(config.latent, widths[0] * small**2), nn.Unflatten(1, (widths[0], small, small)))
    layers = [
        part
        for a, b in pairwise(widths)
        for part in (nn.ConvTranspose2d(a, b, 4, stride=2, padding=1), nn.BatchNorm2d(b), nn.LeakyReLU(0.2))
    ]
    last = nn.ConvTranspose2d(widths[-1], channels, 4, stride=2, padding=1)
    return nn.Sequential(*first, nn.BatchNorm2d(widths[0]), nn.LeakyReLU(0.2), *layers, last)


def conv_widths(config: Config, size: int) -> tuple[list[int], int]:
    """Channels after each halving of the image, and the pixels a side that are left."""
    depth = halvings(size)
    return [config.channels * 2**i for i in range(depth)], size // 2**depth


def divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """KL(N(mean, variance) || N(0, 1)) for each dimension, (n, d) nats (Kingma and Welling, appendix B).

    >>> divergence(torch.tensor([[0.0, 2.0]]), torch.tensor([[0.0, 0.0]])).tolist()
    [[0.0, 2.0]]
    """
    return (mean.square() + log_variance.exp() - 1 - log_variance) / 2


def surprise(decoded: torch.Tensor, images: torch.Tensor, likelihood: str) -> torch.Tensor:
    """-log p(x|z) in nats per image, a mean over the batch (n, c, h, w)."""
    values = images[0].numel()
    if likelihood == "bernoulli":
        return values * F.binary_cross_entropy_with_logits(decoded, (images + 1) / 2)
    return values / 2 * (1 + (2 * math.pi * F.mse_loss(decoded, images)).log())


def to_image(decoded: torch.Tensor, likelihood: str) -> torch.Tensor:
    """What the decoder gives -> images in [-1, 1]."""
    return 2 * decoded.sigmoid() - 1 if likelihood == "bernoulli" else decoded


def build(config: Config, place: Place) -> Model:
    encoder = place.prepare(make_encoder(config, place.shape))
    decoder = place.prepare(make_decoder(config, place.shape))
    image = partial(to_image, likelihood=config.likelihood)
    networks = {"encoder": encoder, "decoder": decoder}
    return Model(
        networks,
        place.sampler(lambda z, _: image(decoder(z)), latent=(config.latent,), conditional=False),
        place.codec(lambda images: encoder(images).chunk(2, dim=1)[0], lambda z: image(decoder(z))),
    )


def train(config: Config, model: Model, session: Session) -> None:
    encoder, decoder = model.networks.values()
    adam = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], config.lr, fused=True)
    session.hold(adam=adam)

    for step in session.steps(config.steps):
        rate = config.final_lr + (1 - config.final_lr) * (1 + math.cos(math.pi * (step - 1) / config.steps)) / 2
        for group in adam.param_groups:
            group["lr"] = config.lr * rate

        images, labels = session.order.batch(config.batch)
        with session.autocast():
            mean, log_variance = encoder(images).float().chunk(2, dim=1)
            z = mean + (log_variance / 2).exp() * session.order.normal(config.batch, config.latent)
            decoded = decoder(z).float()
        kl = divergence(mean, log_variance).sum(dim=1).mean()
        reconstruction = surprise(decoded, images, config.likelihood)
        adam.zero_grad()
        ((reconstruction + config.beta * kl) / images[0].numel()).backward()
        adam.step()

        session.log(elbo=-reconstruction - kl, reconstruction=reconstruction, kl=kl)
        session.watch(images, labels, to_image(decoded, config.likelihood))
        if session.logging:
            session.log(**held_out(encoder, decoder, session, config))


ACTIVE = 0.01  # variance over images of a dimension's posterior mean above which it counts (Burda et al. 2016)


@torch.no_grad()
def held_out(encoder: nn.Module, decoder: nn.Module, session: Session, config: Config) -> dict[str, torch.Tensor]:
    """The bound at the posterior's mean, and how many dimensions are in use, on images that are never trained on."""
    images, _ = session.order.held_out(config.batch)
    with session.evaluating():
        mean, log_variance = encoder(images).float().chunk(2, dim=1)
        reconstruction = surprise(decoder(mean).float(), images, config.likelihood)
    return {
        "reconstruction__held_out": reconstruction,
        "kl__held_out": divergence(mean, log_variance).sum(dim=1).mean(),
        "active_units": (mean.var(dim=0, correction=0) > ACTIVE).sum(),
    }


SYSTEM = System("vae", PROFILES, build, train)
