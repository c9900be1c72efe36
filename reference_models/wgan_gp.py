"""WGAN-GP: a critic of slope one by a penalty on its gradient (Gulrajani et al. 2017, arXiv:1704.00028).

The critic estimates the Wasserstein-1 distance between real and generated images by Kantorovich's duality: the largest
E f(real) - E f(fake) over all f of slope at most 1 (Arjovsky et al. 2017, arXiv:1701.07875, eq. 2). The slope is held
near 1 where an optimal critic has it, on lines between real and generated images (eq. 3). Its output is any real
number: no sigmoid, no target, and so no "accuracy"; what is logged is the gap, the penalty and the loss.

No batch normalisation in the critic: the penalty is on the gradient at each image by itself. Adam without momentum
(beta1 = 0), five critic steps for one of the generator, lambda 10: the paper's table and algorithm 1. What is sampled
is the average of the generator's weights.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from reference_models.plumbing import health
from reference_models.plumbing.averaging import update_average
from reference_models.plumbing.penalties import gradient_penalty, require_lipschitz
from reference_models.plumbing.session import Session
from reference_models.plumbing.session.place import Model, Place
from reference_models.plumbing.sizes import SMALL, halvings
from reference_models.plumbing.system import System


@dataclass(frozen=True)
class Config:
    steps: int = 2000  # generator updates
    critic_steps: int = 5  # critic updates before each of them
    batch: int = 64  # images
    latent: int = 64  # dimensions of z ~ N(0, 1)
    g_width: int = 64  # channels of the generator at its smallest size; halves with every doubling
    d_width: int = 32  # channels of the critic after the first convolution; doubles once
    lr: float = 5e-4  # Adam, both networks; the paper's 1e-4 is for 200,000 steps
    beta2: float = 0.9  # Adam; beta1 is 0
    penalty: float = 10.0  # lambda, weight of the gradient penalty
    halflife: float = 10_000.0  # of the weight average, in images the generator has learnt from


PROFILES = {
    "smoke": Config(steps=4, critic_steps=2, batch=16, g_width=16, d_width=8, latent=8),
    "demo": Config(steps=1000, g_width=32, d_width=16, latent=32),
    "cpu": Config(),
    "full": Config(steps=100_000, g_width=256, d_width=128, latent=128, lr=1e-4, halflife=100_000.0),
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


class Critic(nn.Module):
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
        with torch.autocast(x.device.type, enabled=False):  # the gap in full precision
            return self.linear_out(x.flatten(1).float())[:, 0]


def critic_loss(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """Minus the gap: what the critic makes as small as its slope allows."""
    return fake.mean() - real.mean()


def generator_loss(fake: torch.Tensor) -> torch.Tensor:
    return -fake.mean()


def build(config: Config, place: Place) -> Model:
    generator = place.prepare(Generator(config, place.shape))
    critic = place.prepare(Critic(config, place.shape))
    require_lipschitz(critic, penalty=config.penalty)
    average = copy.deepcopy(generator).eval().requires_grad_(requires_grad=False)
    networks = {"generator": generator, "critic": critic, "average": average}
    return Model(networks, place.sampler(lambda z, _: average(z), latent=(config.latent,), conditional=False))


def train(config: Config, model: Model, session: Session) -> None:
    generator, critic, average = model.networks.values()
    g_adam = torch.optim.Adam(generator.parameters(), config.lr, betas=(0.0, config.beta2), fused=True)
    c_adam = torch.optim.Adam(critic.parameters(), config.lr, betas=(0.0, config.beta2), fused=True)
    session.hold(g_adam=g_adam, c_adam=c_adam)

    for step in session.steps(config.steps):
        real, labels = session.order.batch(config.critic_steps * config.batch)
        for some in real.split(config.batch):
            with session.autocast(), torch.no_grad():
                fake = generator(session.order.normal(config.batch, config.latent)).float()
            with session.autocast():
                c_real, c_fake = critic(torch.cat([some, fake])).chunk(2)
            loss_c = critic_loss(c_real, c_fake)
            penalty = gradient_penalty(critic, some, fake, session.order.uniform(config.batch))
            c_adam.zero_grad()
            (loss_c + config.penalty * penalty).backward()
            c_adam.step()
            session.log(critic__gap=-loss_c, critic__penalty=penalty)

        critic.requires_grad_(requires_grad=False)
        with session.autocast():
            fake = generator(session.order.normal(config.batch, config.latent)).float()
            loss_g = generator_loss(critic(fake))
        g_adam.zero_grad()
        loss_g.backward()
        g_adam.step()
        critic.requires_grad_(requires_grad=True)
        update_average(average, generator, batch=config.batch, images=step * config.batch, halflife=config.halflife)

        session.log(loss__g=loss_g)
        session.watch(real[: config.batch], labels[: config.batch], fake)
        if session.logging:
            with torch.no_grad():
                c_real, c_held, c_fake = map(critic, (real, session.order.held_out(config.batch)[0], fake))
            session.log(
                critic__real=c_real,
                critic__held_out=c_held,
                critic__fake=c_fake,
                overfit_ratio=health.overfit_ratio(c_real, c_held, c_fake),
                gradient__critic=health.gradient_norm(critic.parameters()),
                gradient__g=health.gradient_norm(generator.parameters()),
            )


SYSTEM = System("wgan_gp", PROFILES, build, train)
