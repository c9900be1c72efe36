"""Autoencoder: images through a narrow layer and back (Hinton and Salakhutdinov 2006, doi:10.1126/science.1127647).

The latents are whatever makes the mean squared error small: there is no prior, so a random latent decodes to nothing in
particular. What is sampled is therefore fitted afterwards, a Gaussian to the latents of each class (ex-post density
estimation: Ghosh et al. 2020, arXiv:1903.12436, section 4); its moments are running averages over the training.

The latents of one network are those of another up to any invertible map, so distances between them mean something only
once they are rotated and scaled to the unit covariance, or left as they are by decree: a study should say which.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
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
    steps: int = 1400  # updates
    batch: int = 256  # images
    latent: int = 40  # dimensions of the narrow layer
    net: Literal["dense", "conv"] = "dense"
    units: int = 512  # dense: of the layer beside the pixels; half as many beside the latents
    channels: int = 24  # conv: after the first convolution; doubles with every halving of the image
    dropout: float = 0.2  # dense: share of units left out in training
    lr: float = 1e-3  # Adam
    final_lr: float = 0.02  # the rate falls to this share of itself, along a cosine
    halflife: float = 20_000.0  # of the moments of the latents, in images


PROFILES = {
    "smoke": Config(steps=4, batch=16, latent=3, units=16),
    "demo": Config(steps=400, batch=64, latent=12, units=128, dropout=0.0),
    "cpu": Config(),
    "full": Config(steps=20_000, units=2048, halflife=100_000.0),
}


def make_encoder(config: Config, shape: tuple[int, int, int]) -> nn.Sequential:
    """Images (n, c, h, w) -> latents (n, latent)."""
    channels, size, _ = shape
    if config.net == "dense":
        widths = [math.prod(shape), config.units, config.units // 2]
        layers = [
            part
            for a, b in pairwise(widths)
            for part in (nn.Linear(a, b), nn.LeakyReLU(0.2), nn.Dropout(config.dropout))
        ]
        return nn.Sequential(nn.Flatten(), *layers, nn.Linear(widths[-1], config.latent))
    widths, small = conv_widths(config, size)
    layers = [
        part
        for a, b in pairwise([channels, *widths])
        for part in (nn.Conv2d(a, b, 4, stride=2, padding=1), nn.BatchNorm2d(b), nn.LeakyReLU(0.2))
    ]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * small**2, config.latent))


def make_decoder(config: Config, shape: tuple[int, int, int]) -> nn.Sequential:
    """Latents (n, latent) -> images (n, c, h, w), around [-1, 1]."""
    channels, size, _ = shape
    if config.net == "dense":
        widths = [config.latent, config.units // 2, config.units]
        layers = [
            part
            for a, b in pairwise(widths)
            for part in (nn.Linear(a, b), nn.LeakyReLU(0.2), nn.Dropout(config.dropout))
        ]
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


class ClassGaussians(nn.Module):
    """A Gaussian for the latents of each class, from running sums that forget: weights, first and second moments."""

    def __init__(self, classes: int, latent: int) -> None:
        super().__init__()
        self.weight = nn.Buffer(torch.zeros(classes))
        self.first = nn.Buffer(torch.zeros(classes, latent))
        self.second = nn.Buffer(torch.zeros(classes, latent, latent))

    @torch.no_grad()
    def update(self, latents: torch.Tensor, labels: torch.Tensor, halflife: float) -> None:
        """Add the latents (n, d) of one batch; what was there before loses 1 - 0.5^(n / half-life)."""
        member = F.one_hot(labels, len(self.weight)).to(latents.dtype)  # (n, k)
        for sums, new in (
            (self.weight, member.sum(dim=0)),
            (self.first, member.T @ latents),
            (self.second, torch.einsum("nk,nd,ne->kde", member, latents, latents)),
        ):
            sums.mul_(0.5 ** (len(latents) / halflife)).add_(new)

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Standard normal z (n, d) -> latents of these classes; a class that was never seen has latents 0."""
        weight = self.weight.clamp(min=1e-12)[:, None]
        mean = self.first / weight
        covariance = self.second / weight[:, :, None] - mean[:, :, None] * mean[:, None, :]
        values, vectors = torch.linalg.eigh(covariance)
        root = vectors * values.clamp(min=0).sqrt()[:, None, :]
        return mean[labels] + torch.einsum("nde,ne->nd", root[labels], z)


def build(config: Config, place: Place) -> Model:
    encoder = place.prepare(make_encoder(config, place.shape))
    decoder = place.prepare(make_decoder(config, place.shape))
    gaussians = ClassGaussians(place.classes, config.latent).to(place.device)
    networks = {"encoder": encoder, "decoder": decoder, "gaussians": gaussians}
    return Model(
        networks,
        place.sampler(lambda z, labels: decoder(gaussians(z, labels)), latent=(config.latent,)),
        place.codec(encoder, decoder),
    )


def train(config: Config, model: Model, session: Session) -> None:
    encoder, decoder, gaussians = model.networks.values()
    assert isinstance(gaussians, ClassGaussians)
    adam = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], config.lr, fused=True)
    session.hold(adam=adam)

    for step in session.steps(config.steps):
        rate = config.final_lr + (1 - config.final_lr) * (1 + math.cos(math.pi * (step - 1) / config.steps)) / 2
        for group in adam.param_groups:
            group["lr"] = config.lr * rate

        images, labels = session.order.batch(config.batch)
        with session.autocast():
            latents = encoder(images)
            decoded = decoder(latents)
        error = F.mse_loss(decoded.float(), images)
        adam.zero_grad()
        error.backward()
        adam.step()
        gaussians.update(latents.float(), labels, config.halflife)

        session.log(error=error)  # mean squared, of values in [-1, 1]; falls
        session.watch(images, labels, decoded)
        if session.logging:
            session.log(error__held_out=held_out_error(encoder, decoder, session, config.batch))


@torch.no_grad()
def held_out_error(encoder: nn.Module, decoder: nn.Module, session: Session, size: int) -> torch.Tensor:
    """Mean squared error on images that are never trained on, without dropout; statistics stay as they are."""
    images, _ = session.order.held_out(size)
    with session.evaluating():
        return F.mse_loss(decoder(encoder(images)).float(), images)


SYSTEM = System("autoencoder", PROFILES, build, train)
