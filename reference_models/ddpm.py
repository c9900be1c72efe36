"""Diffusion: images by removing noise step by step, learnt as one regression (Ho et al. 2020, arXiv:2006.11239).

An image x and noise e are mixed along a quarter circle, x_a = cos(a) x + sin(a) e, with the angle a between 0 (image)
and pi/2 (noise): the cosine schedule of Nichol and Dhariwal 2021 (arXiv:2102.09672, eq. 17) in continuous time and
without its offset. The network predicts the velocity v = cos(a) e - sin(a) x (Salimans and Ho 2022, arXiv:2202.00512,
appendix D), which stays well posed at pure noise, where a prediction of e would say nothing; so two steps already give
images.

Sampling is the deterministic DDIM (Song et al. 2021, arXiv:2010.02502, eq. 12 with sigma = 0), which on the circle is a
rotation: the image of a latent is a function of the latent, and `nfe` evaluations of the network may be chosen after
training.

Cheap enough for a CPU: a U-Net on patches of 2 x 2 pixels, so that its widest layers see a quarter of the positions
(Hoogeboom et al. 2023, arXiv:2301.11093, section 3). Angles are spread evenly over each batch, which takes noise from
the loss (Kingma et al. 2021, arXiv:2107.00630, appendix I.1). What is sampled is the average of the weights.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from reference_models.plumbing.averaging import update_average
from reference_models.plumbing.session import Session
from reference_models.plumbing.session.place import Model, Place
from reference_models.plumbing.sizes import halvings
from reference_models.plumbing.system import System


@dataclass(frozen=True)
class Config:
    steps: int = 5000  # updates
    batch: int = 64  # images
    width: int = 48  # channels at the finest size of the U-Net; doubles at the first halving
    patch: int = 2  # pixels a side of what the network sees as one position; 1 is the plain U-Net
    features: int = 128  # units that tell every block the angle and the class
    lr: float = 1e-3  # Adam
    final_lr: float = 0.02  # the rate falls to this share of itself, along a cosine
    halflife: float = 10_000.0  # of the weight average, in images
    nfe: int = 20  # network evaluations per sampled image


PROFILES = {
    "smoke": Config(steps=4, batch=16, width=8, features=16, nfe=2),
    "demo": Config(steps=1200, width=24, features=64, nfe=10),
    "cpu": Config(),
    "full": Config(steps=60_000, batch=128, width=96, features=256, lr=6e-4, halflife=100_000.0, nfe=50),
}

GROUPS = 8  # of group normalisation (Wu and He 2018)
FREQUENCIES = 16  # of the angle; the highest turns 2^(15/2) = 181 times over the schedule


class Block(nn.Module):
    """Two convolutions around a sum; what is known of angle and class scales and shifts between them."""

    def __init__(self, inside: int, outside: int, features: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(nn.GroupNorm(GROUPS, inside), nn.SiLU(), nn.Conv2d(inside, outside, 3, padding=1))
        self.norm = nn.GroupNorm(GROUPS, outside)
        self.scale_shift = nn.Linear(features, 2 * outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, padding=1)
        self.shortcut = nn.Identity() if inside == outside else nn.Conv2d(inside, outside, 1)
        for weights in (*self.scale_shift.parameters(), *self.conv2.parameters()):
            nn.init.zeros_(weights)  # every block begins as the identity

    def forward(self, x: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        scale, shift = self.scale_shift(known)[:, :, None, None].chunk(2, dim=1)
        h = self.norm(self.conv1(x)) * (1 + scale) + shift
        return self.shortcut(x) + self.conv2(F.silu(h))


class UNet(nn.Module):
    """Noisy images (n, c, h, w), angles (n,) in [0, pi/2], labels (n,) -> velocities (n, c, h, w)."""

    def __init__(self, config: Config, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, size, _ = shape
        self.patch = config.patch
        inside, width, features = channels * self.patch**2, config.width, config.features
        widths = [width, *[2 * width] * halvings(size // self.patch)]
        self.time_mlp = nn.Sequential(nn.Linear(2 * FREQUENCIES, features), nn.SiLU(), nn.Linear(features, features))
        self.embed = nn.Embedding(classes, features)
        self.conv_in = nn.Conv2d(inside, width, 3, padding=1)
        self.down = nn.ModuleList(Block(w, w, features) for w in widths[:-1])
        self.downsample = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths))
        self.mid = nn.ModuleList(Block(widths[-1], widths[-1], features) for _ in range(2))
        self.upsample = nn.ModuleList(nn.Conv2d(b, a, 3, padding=1) for a, b in pairwise(widths))
        self.up = nn.ModuleList(Block(2 * w, w, features) for w in widths[:-1])
        self.conv_out = nn.Sequential(nn.GroupNorm(GROUPS, width), nn.SiLU(), nn.Conv2d(width, inside, 3, padding=1))

    def forward(self, x: torch.Tensor, angles: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        known = F.silu(self.time_mlp(time_embedding(angles)) + self.embed(labels))
        x = self.conv_in(F.pixel_unshuffle(x, self.patch))
        skips = []
        for block, downsample in zip(self.down, self.downsample, strict=True):
            x = block(x, known)
            skips.append(x)
            x = downsample(x)
        for block in self.mid:
            x = block(x, known)
        for upsample, block, skip in zip(reversed(self.upsample), reversed(self.up), reversed(skips), strict=True):
            x = upsample(F.interpolate(x, size=skip.shape[2:], mode="nearest"))
            x = block(torch.cat([x, skip], dim=1), known)
        return F.pixel_shuffle(self.conv_out(x), self.patch)


def time_embedding(angles: torch.Tensor) -> torch.Tensor:
    """Angles (n,) -> their sines and cosines at many frequencies (n, 2 FREQUENCIES), as positions in a transformer."""
    speeds = 4 * 2.0 ** (torch.arange(FREQUENCIES, device=angles.device) / 2)
    turns = angles[:, None] * speeds
    return torch.cat([turns.sin(), turns.cos()], dim=1)


def q_sample(images: torch.Tensor, noise: torch.Tensor, angles: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The noisy images (n, c, h, w) at angles (n,), and their velocities: both are points of one quarter circle."""
    cos, sin = angles.cos()[:, None, None, None], angles.sin()[:, None, None, None]
    return cos * images + sin * noise, cos * noise - sin * images


def spread(rng: torch.Generator, n: int) -> torch.Tensor:
    """n angles, one in each of n equal parts of (0, pi/2), all at the same random place of their part."""
    places = torch.arange(n, device=rng.device) + torch.rand(1, generator=rng, device=rng.device)
    return places * (math.pi / 2 / n)


@torch.no_grad()
def ddim_sample(net: nn.Module, noise: torch.Tensor, labels: torch.Tensor, nfe: int) -> torch.Tensor:
    """DDIM: noise (n, c, h, w) -> images in [-1, 1], in `nfe` steps of equal angle.

    Each estimate of the image is cut to [-1, 1] before the noise that goes with it is taken (Ho et al., section 3.2).
    """
    x = images = noise
    for step in range(nfe, 0, -1):
        here, there = (math.pi / 2 * share for share in (step / nfe, (step - 1) / nfe))
        velocity = net(x, torch.full((len(x),), here, device=x.device), labels).float()
        images = (math.cos(here) * x - math.sin(here) * velocity).clamp(-1, 1)
        remaining = (x - math.cos(here) * images) / math.sin(here)
        x = math.cos(there) * images + math.sin(there) * remaining
    return images


def build(config: Config, place: Place) -> Model:
    net = place.prepare(UNet(config, place.shape, place.classes))
    average = copy.deepcopy(net).eval().requires_grad_(requires_grad=False)

    def draw(z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        with place.autocast():
            return ddim_sample(average, z, labels, config.nfe)

    networks = {"net": net, "average": average}
    return Model(networks, place.sampler(draw, latent=place.shape))


def train(config: Config, model: Model, session: Session) -> None:
    net, average = model.networks.values()
    adam = torch.optim.Adam(net.parameters(), config.lr, betas=(0.9, 0.99), fused=True)
    session.hold(adam=adam)

    for step in session.steps(config.steps):
        rate = config.final_lr + (1 - config.final_lr) * (1 + math.cos(math.pi * (step - 1) / config.steps)) / 2
        for group in adam.param_groups:
            group["lr"] = config.lr * rate

        images, labels = session.order.batch(config.batch)
        angles = spread(session.order.random, config.batch)
        noisy, velocity = q_sample(images, session.order.normal(*images.shape), angles)
        with session.autocast():
            predicted = net(noisy, angles, labels).float()
        loss = F.mse_loss(predicted, velocity)
        adam.zero_grad()
        loss.backward()
        adam.step()
        update_average(average, net, batch=config.batch, images=session.order.images, halflife=config.halflife)

        session.log(loss=loss)
        # What one look at the noisy image says of the clean one: at a right angle to the velocity.
        session.watch(images, labels, q_sample(noisy, -predicted.detach(), angles)[0])
        if session.logging:
            session.log(loss__held_out=held_out_loss(average, session, config.batch))


@torch.no_grad()
def held_out_loss(net: nn.Module, session: Session, size: int) -> torch.Tensor:
    """The same loss on images that are never trained on; well above `loss`, the network knows its images by heart."""
    images, labels = session.order.held_out(size)
    angles = (torch.arange(len(images), device=images.device) + 0.5) * (math.pi / 2 / len(images))
    noise = torch.randn(images.shape, generator=torch.Generator(images.device).manual_seed(0), device=images.device)
    noisy, velocity = q_sample(images, noise, angles)
    with session.autocast():
        return F.mse_loss(net(noisy, angles, labels).float(), velocity)


SYSTEM = System("ddpm", PROFILES, build, train, sampling=("nfe",))
