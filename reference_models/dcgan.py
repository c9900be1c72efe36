"""DCGAN: convolutions all the way, for 28 and 64 pixels (Radford et al. 2016, arXiv:1511.06434), and two studies' own.

The generator doubles a small map by transposed convolutions, the discriminator halves the image by strided ones, and no
layer pools. Unlike in the paper no batch normalisation is in D by default, and its logits go into the loss without a
sigmoid: -log s(D) where G wants to be taken for real (the non-saturating loss of Goodfellow et al. 2014). All weights
begin as N(0, 0.02). What is sampled is the average of the generator's weights.

`study002` and `study003` are the networks of two founding studies, to the parameter: G 1,176,835 and D 41,857 at 28 x
28 in three channels; G 12,650,496 and D 2,761,728 at 64 x 64 in one, without normalisation or biases. A convolution
that covers the whole of a small map is written as the linear layer it is. Images are resampled to `size` and samples
come back at the size of the data set, so that a judge of 28 pixels can read what was learnt at 64.

`stabilised` smooths the targets of real images, flips a few, and adds noise that fades (see `plumbing.stabilise`).
These are options of one loss, all off by default.
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
from reference_models.plumbing.stabilise import cross_entropy, fading, targets, with_noise
from reference_models.plumbing.system import System


@dataclass(frozen=True)
class Config:
    steps: int = 3000  # generator updates
    batch: int = 64  # images
    size: int = 0  # pixels a side trained at; 0 is the data set's own
    latent: int = 100  # dimensions of z ~ N(0, 1)
    g_width: int = 64  # channels of the generator's largest feature map
    d_width: int = 64  # channels after the discriminator's first convolution
    growth: int = 2  # factor between the channels of one size and the next smaller
    g_last: int = 0  # kernel of a convolution at full size that ends the generator; 0: the last doubling ends it
    d_kernel: int = 4  # of the discriminator's convolutions, 3 or 4
    g_norm: bool = True  # batch normalisation in the generator
    d_norm: bool = False  # and in the discriminator, after its first layer
    g_slope: float = 0.0  # of the generator's activations below 0; 0 is ReLU
    bias: bool = True  # of every layer that no normalisation follows
    dropout: float = 0.0  # after every convolution of the discriminator
    lr: float = 2e-4  # Adam, both networks
    beta1: float = 0.5
    beta2: float = 0.999
    smoothing: float = 0.0  # real images have the target 1 - smoothing
    flips: float = 0.0  # probability that a target of the discriminator is exchanged
    noise: float = 0.0  # standard deviation of the noise on all that D sees, at the start
    noise_until: float = 0.8  # share of the training after which there is none
    r1: float = 0.0  # gamma of the gradient penalty at real images, every step; 0 is none
    halflife: float = 10_000.0  # of the weight average, in images


PROFILES = {
    "smoke": Config(steps=4, batch=16, latent=8, g_width=8, d_width=8),
    "demo": Config(steps=1000, g_width=32, d_width=32, latent=32, lr=1e-3, r1=0.1),
    "cpu": Config(),
    "full": Config(steps=50_000, batch=128, g_width=128, d_width=128, halflife=100_000.0),
}
STABILISED = {"smoothing": 0.1, "flips": 0.05, "noise": 0.1}
VARIANTS = {
    "stabilised": replace(PROFILES["cpu"], **STABILISED),
    "study002": Config(g_width=128, growth=1, g_last=7, g_norm=False, g_slope=0.2, d_kernel=3, dropout=0.4),
    "study003": Config(batch=128, size=64, g_width=128, g_norm=False, bias=False),
}


class Generator(nn.Module):
    """z (n, latent) -> images (n, c, h, w) in [-1, 1]."""

    def __init__(self, config: Config, shape: tuple[int, int, int]) -> None:
        super().__init__()
        channels, size, _ = shape
        doublings = halvings(size)
        self.start, self.slope = size // 2**doublings, config.g_slope
        widths = [config.g_width * config.growth**i for i in range(doublings + bool(config.g_last))][::-1]
        biased = config.bias and not config.g_norm
        self.linear_in = nn.Linear(config.latent, widths[0] * self.start**2, bias=biased)
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 2, 1, bias=biased) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) if config.g_norm else nn.Identity() for width in widths)
        self.conv_out = (
            nn.Conv2d(widths[-1], channels, config.g_last, padding=config.g_last // 2, bias=config.bias)
            if config.g_last
            else nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1, bias=config.bias)
        )

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        x = self.linear_in(z).view(len(z), -1, self.start, self.start)
        x = F.leaky_relu(self.norms[0](x), self.slope)
        for up, norm in zip(self.up, self.norms[1:], strict=True):
            x = F.leaky_relu(norm(up(x)), self.slope)
        return torch.tanh(self.conv_out(x))


class Discriminator(nn.Module):
    """Images (n, c, h, w) -> logits (n,), high where the image looks real."""

    def __init__(self, config: Config, shape: tuple[int, int, int]) -> None:
        super().__init__()
        channels, size, _ = shape
        depth = halvings(size)
        widths = [config.d_width * config.growth**i for i in range(depth)]
        normed = [config.d_norm and i > 0 for i in range(depth)]
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, config.d_kernel, 2, 1, bias=config.bias and not norm)
            for (a, b), norm in zip(pairwise([channels, *widths]), normed, strict=True)
        )
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(width) if norm else nn.Identity() for width, norm in zip(widths, normed, strict=True)
        )
        self.dropout = config.dropout
        self.linear_out = nn.Linear(widths[-1] * (size // 2**depth) ** 2, 1, bias=config.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for down, norm in zip(self.down, self.norms, strict=True):
            x = F.dropout(F.leaky_relu(norm(down(x)), 0.2), self.dropout, self.training)
        return self.linear_out(x.flatten(1))[:, 0].float()


def weights_init(net: nn.Module) -> nn.Module:
    """N(0, 0.02) for every weight, N(1, 0.02) for the scales of batch normalisation, 0 for the rest (Radford,
    section 4).
    """
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)
        elif isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return net


def build(config: Config, place: Place) -> Model:
    if config.r1 and config.d_norm:
        raise WrongInputError(
            "The penalty R1 needs a discriminator that treats images apart. Take d_norm or r1, not both."
        )
    if config.size:
        place.resize(config.size)
    generator = place.prepare(weights_init(Generator(config, place.shape)))
    discriminator = place.prepare(weights_init(Discriminator(config, place.shape)))
    average = copy.deepcopy(generator).eval().requires_grad_(requires_grad=False)
    networks = {"generator": generator, "discriminator": discriminator, "average": average}
    return Model(networks, place.sampler(lambda z, _labels: average(z), latent=(config.latent,), conditional=False))


def require_deep(config: Config, pixels: int) -> None:
    """Refuse what is said of layers that so small an image does not have."""
    if halvings(pixels) > 1:
        return
    if config.d_norm or (config.growth != Config.growth and not config.g_last):
        name = "d_norm" if config.d_norm else "growth"
        raise WrongInputError(
            f"{name} is of the layers after the first; images of {pixels} pixels have but one. Leave {name} out, or "
            "train at a larger size."
        )


def train(config: Config, model: Model, session: Session) -> None:
    require_deep(config, session.place.shape[1])
    generator, discriminator, average = model.networks.values()
    betas = (config.beta1, config.beta2)
    g_adam = torch.optim.Adam(generator.parameters(), config.lr, betas=betas, fused=True)
    d_adam = torch.optim.Adam(discriminator.parameters(), config.lr, betas=betas, fused=True)
    session.hold(g_adam=g_adam, d_adam=d_adam)

    for step in session.steps(config.steps):
        real, labels = session.order.batch(config.batch)
        noise = fading(config.noise, step, config.steps, until=config.noise_until)
        with session.autocast():
            fake = generator(session.order.normal(config.batch, config.latent)).float()

        # Discriminator: real images towards 1 - smoothing, generated ones towards 0, but for the flipped.
        seen = with_noise(torch.cat([real, fake.detach()]), noise, session.order.random)
        parts = seen.chunk(2) if config.d_norm else (seen,)  # statistics of real and generated images do not mix
        with session.autocast():
            d_both = torch.cat([discriminator(part) for part in parts])
        wanted, flipped = targets(
            config.batch, smoothing=config.smoothing, flips=config.flips, random=session.order.random
        )
        loss_d = cross_entropy(d_both, wanted)
        d_adam.zero_grad()
        loss_d.backward()
        if config.r1:
            penalty = r1(discriminator, real)
            (config.r1 * penalty).backward()
            session.log(r1=penalty)
        d_adam.step()

        # Generator: the same fakes, judged by the discriminator that has just learnt from them.
        discriminator.requires_grad_(requires_grad=False)
        with session.autocast():
            judged = discriminator(with_noise(fake, noise, session.order.random))
        loss_g = cross_entropy(judged, 1.0)
        g_adam.zero_grad()
        loss_g.backward()
        g_adam.step()
        discriminator.requires_grad_(requires_grad=True)
        update_average(average, generator, batch=config.batch, images=session.order.images, halflife=config.halflife)

        d_real, d_fake = d_both.chunk(2)
        session.log(loss__d=loss_d, loss__g=loss_g, d__real=d_real, d__fake=d_fake, flipped=flipped, noise=noise)
        session.watch(real, labels, fake)
        if session.logging:
            with session.evaluating(), torch.no_grad():
                d_held = discriminator(session.order.held_out(config.batch)[0])
            session.log(
                d__held_out=d_held,
                overfit_ratio=health.overfit_ratio(d_real, d_held, d_fake),
                gradient__d=health.gradient_norm(discriminator.parameters()),
                gradient__g=health.gradient_norm(generator.parameters()),
            )


SYSTEM = System("dcgan", PROFILES, build, train, VARIANTS)
