"""Every reference model as a tutorial would train it: the peers of `benchmarks.trainers`.

The networks, losses, penalties, optimisers, rates and batches are those of `reference_models`, so both do the same
mathematics. The rest is the plain way: float images in a `DataLoader` over a `TensorDataset`, D called on real and on
generated images one after the other (as in PyTorch's DCGAN tutorial), the gradient penalty on the forward pass that is
there anyway (as in the code of Mescheder et al. 2018), the generator's step through a discriminator that is not frozen,
the optimisers as they come, `loss.item()` every step, the weight average by a loop over the state dict.

Each is a generator that yields the losses after every update of the generator, by the names that our trainers log.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.plain_steps import (
    Players,
    cosine,
    critic_pleased,
    move_average,
    relativistic_step,
    squared_slope,
    standard_step,
)
from reference_models import (
    acgan,
    autoencoder,
    cdcgan,
    cgan,
    cgan_dense,
    dcgan,
    ddpm,
    gan_mlp,
    projection_cgan,
    rpgan,
    sngan,
    vae,
    wgan_clip,
    wgan_gp,
)

Batches = Iterator[tuple[torch.Tensor, torch.Tensor]]  # float images (n, c, h, w) in [-1, 1], labels (n,)
Losses = Iterator[dict[str, float]]
Shape = tuple[int, int, int]
Plain = Callable[[Any, Shape, int, Batches], Losses]  # (config, shape of an image, classes, batches)


def shuffled(images: torch.Tensor, labels: torch.Tensor, batch: int) -> Batches:
    """Epoch after epoch of a data loader."""
    loader = DataLoader(TensorDataset(images, labels), batch_size=batch, shuffle=True, drop_last=True)
    while True:
        yield from loader


def train_gan_mlp(config: Any, shape: Shape, _classes: int, batches: Batches) -> Losses:
    generator = gan_mlp.Generator(config, shape, bounded=True)
    discriminator = gan_mlp.Discriminator(config, shape)
    players = Players(generator, discriminator, config, (config.beta1, config.beta2), scheduled=True)
    for step, (real, _) in enumerate(batches, 1):
        gamma = config.gamma * config.final_gamma ** (step / config.steps)
        loss_d, penalty, loss_g = relativistic_step(players, config, real, step, gamma)
        yield {"loss__d": loss_d + penalty, "loss__g": loss_g}


def train_rpgan(config: Any, shape: Shape, _classes: int, batches: Batches) -> Losses:
    generator, discriminator = rpgan.Generator(config, shape), rpgan.Discriminator(config, shape)
    players = Players(generator, discriminator, config, (0.0, config.beta2), scheduled=True)
    for step, (real, _) in enumerate(batches, 1):
        gamma = config.gamma * config.every if step % config.every == 0 else 0.0
        loss_d, _, loss_g = relativistic_step(players, config, real, step, gamma)
        yield {"loss__d": loss_d, "loss__g": loss_g}


def train_dcgan(config: Any, shape: Shape, _classes: int, batches: Batches) -> Losses:
    generator = dcgan.weights_init(dcgan.Generator(config, shape))
    discriminator = dcgan.weights_init(dcgan.Discriminator(config, shape))
    players = Players(generator, discriminator, config, (config.beta1, config.beta2))
    for step, (real, _) in enumerate(batches, 1):
        yield standard_step(players, config, real, (), (), step, share=0.5)


def train_cgan(config: Any, shape: Shape, classes: int, batches: Batches) -> Losses:
    generator = (cgan.StudyGenerator if config.study else cgan.Generator)(config, shape, classes)
    discriminator = PlaneDiscriminator(config, shape, classes)
    players = Players(generator, discriminator, config, (config.beta1, config.beta2), scheduled=True)
    for step, (real, labels) in enumerate(batches, 1):
        wanted = torch.randint(classes, (len(real),))
        gamma = config.r1 * config.r1_every if step % config.r1_every == 0 else 0.0
        yield standard_step(players, config, real, (labels,), (wanted,), step, gamma=gamma)


def train_cdcgan(config: Any, shape: Shape, classes: int, batches: Batches) -> Losses:
    generator = cdcgan.weights_init(cdcgan.Generator(config, shape, classes))
    discriminator = cdcgan.weights_init(cdcgan.Discriminator(config, shape, classes))
    players = Players(generator, discriminator, config, (config.beta1, config.beta2))
    for step, (real, labels) in enumerate(batches, 1):
        wanted = torch.randint(classes, (len(real),))
        gamma = config.r1 * config.r1_every if step % config.r1_every == 0 else 0.0
        yield standard_step(players, config, real, (labels,), (wanted,), step, gamma=gamma)


def train_cgan_dense(config: Any, shape: Shape, classes: int, batches: Batches) -> Losses:
    generator = cgan_dense.Generator(config, shape, classes)
    discriminator = cgan_dense.Discriminator(config, shape, classes)
    players = Players(generator, discriminator, config, (config.beta1, 0.999))
    for step, (real, labels) in enumerate(batches, 1):
        wanted = torch.randint(classes, (len(real),))
        target = 1 - config.smoothing
        yield standard_step(players, config, real, (labels,), (wanted,), step, share=0.5, target=target)


def train_projection_cgan(config: Any, shape: Shape, classes: int, batches: Batches) -> Losses:
    generator = projection_cgan.Generator(config, shape, classes)
    discriminator = projection_cgan.Discriminator(config, shape, classes)
    players = Players(generator, discriminator, config, (0.0, config.beta2), scheduled=True)
    for step, (real, labels) in enumerate(batches, 1):
        wanted = torch.randint(classes, (len(real),))
        gamma = config.r1 * config.r1_every if step % config.r1_every == 0 else 0.0
        yield standard_step(players, config, real, (labels,), (wanted,), step, gamma=gamma)


def train_acgan(config: Any, shape: Shape, classes: int, batches: Batches) -> Losses:
    generator, discriminator = acgan.Generator(config, shape, classes), acgan.Discriminator(config, shape, classes)
    players = Players(generator, discriminator, config, (0.0, config.beta2), scheduled=True)
    bce, names = nn.BCEWithLogitsLoss(), nn.CrossEntropyLoss()
    for step, (real, labels) in enumerate(batches, 1):
        penalised = step % config.r1_every == 0
        wanted = torch.randint(classes, (len(real),))
        fake = generator(torch.randn(len(real), config.latent), wanted)

        players.d_adam.zero_grad()
        d_real, named_real = discriminator(real.requires_grad_(penalised))
        d_fake, _ = discriminator(fake.detach())
        loss_d = bce(d_real, torch.ones_like(d_real)) + bce(d_fake, torch.zeros_like(d_fake))
        class_d = names(named_real, labels)
        total = loss_d + config.auxiliary * class_d
        if penalised:
            total = total + config.r1 * config.r1_every * squared_slope(d_real, real)
        total.backward()
        players.d_adam.step()

        players.g_adam.zero_grad()
        d_fake, named_fake = discriminator(fake)
        loss_g = bce(d_fake, torch.ones_like(d_fake))
        class_g = names(named_fake, wanted)
        (loss_g + config.auxiliary * class_g).backward()
        players.g_adam.step()
        players.after_step(config, step * len(real))
        yield {
            "loss__d": loss_d.item(),
            "loss__g": loss_g.item(),
            "class__d": class_d.item(),
            "class__g": class_g.item(),
        }


def train_wgan_clip(config: Any, shape: Shape, _classes: int, batches: Batches) -> Losses:
    generator, critic = wgan_clip.Generator(config, shape), wgan_clip.Critic(config, shape)
    g_rms = torch.optim.RMSprop(generator.parameters(), config.g_lr)
    c_rms = torch.optim.RMSprop(critic.parameters(), config.lr)
    average, step = copy.deepcopy(generator), 0
    while True:
        step, gap = step + 1, 0.0
        for _ in range(config.critic_steps):
            real, _ = next(batches)
            fake = generator(torch.randn(len(real), config.latent)).detach()
            c_rms.zero_grad()
            loss_c = critic(fake).mean() - critic(real).mean()
            loss_c.backward()
            c_rms.step()
            for weight in critic.parameters():
                weight.data.clamp_(-config.clip, config.clip)
            gap = -loss_c.item()
        yield {"critic__gap": gap, **critic_pleased(generator, critic, g_rms, average, config, step)}


def train_wgan_gp(config: Any, shape: Shape, _classes: int, batches: Batches) -> Losses:
    generator, critic = wgan_gp.Generator(config, shape), wgan_gp.Critic(config, shape)
    g_adam = torch.optim.Adam(generator.parameters(), config.lr, betas=(0.0, config.beta2))
    c_adam = torch.optim.Adam(critic.parameters(), config.lr, betas=(0.0, config.beta2))
    average, step = copy.deepcopy(generator), 0
    while True:
        step, gap = step + 1, 0.0
        for _ in range(config.critic_steps):
            real, _ = next(batches)
            fake = generator(torch.randn(len(real), config.latent)).detach()
            alpha = torch.rand(len(real))[:, None, None, None]
            mixed = (alpha * real + (1 - alpha) * fake).requires_grad_()
            (slope,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
            penalty = ((slope.flatten(1).norm(2, dim=1) - 1) ** 2).mean()
            c_adam.zero_grad()
            loss_c = critic(fake).mean() - critic(real).mean()
            (loss_c + config.penalty * penalty).backward()
            c_adam.step()
            gap = -loss_c.item()
        yield {"critic__gap": gap, **critic_pleased(generator, critic, g_adam, average, config, step)}


def train_sngan(config: Any, shape: Shape, _classes: int, batches: Batches) -> Losses:
    """Real and generated images in one pass: every pass is a step of the power method,
    and the system has one an update.
    """
    generator, discriminator = sngan.Generator(config, shape), sngan.Discriminator(config, shape)
    betas = (config.beta1, config.beta2)
    g_adam = torch.optim.Adam(generator.parameters(), config.lr, betas=betas)
    d_adam = torch.optim.Adam(discriminator.parameters(), config.lr, betas=betas)
    average, step = copy.deepcopy(generator), 0
    while True:
        step, loss = step + 1, 0.0
        for _ in range(config.d_steps):
            real, _ = next(batches)
            fake = generator(torch.randn(len(real), config.latent)).detach()
            d_adam.zero_grad()
            d_real, d_fake = discriminator(torch.cat([real, fake])).chunk(2)
            loss_d = F.relu(1 - d_real).mean() + F.relu(1 + d_fake).mean()
            loss_d.backward()
            d_adam.step()
            loss = loss_d.item()
        yield {"loss__d": loss, **critic_pleased(generator, discriminator, g_adam, average, config, step)}


def train_autoencoder(config: Any, shape: Shape, classes: int, batches: Batches) -> Losses:
    """With the moments of the latents of each class, which are the system's sampler."""
    encoder, decoder = autoencoder.make_encoder(config, shape), autoencoder.make_decoder(config, shape)
    gaussians = autoencoder.ClassGaussians(classes, config.latent)
    adam = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], config.lr)
    rate = cosine(adam, config)
    for images, labels in batches:
        latents = encoder(images)
        error = F.mse_loss(decoder(latents), images)
        adam.zero_grad()
        error.backward()
        adam.step()
        rate.step()
        gaussians.update(latents.detach(), labels, config.halflife)
        yield {"error": error.item()}


def train_vae(config: Any, shape: Shape, _classes: int, batches: Batches) -> Losses:
    encoder, decoder = vae.make_encoder(config, shape), vae.make_decoder(config, shape)
    adam = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], config.lr)
    rate = cosine(adam, config)
    for images, _ in batches:
        mean, log_variance = encoder(images).chunk(2, dim=1)
        z = mean + (log_variance / 2).exp() * torch.randn(len(images), config.latent)
        kl = (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1).mean() / 2
        reconstruction = vae.surprise(decoder(z), images, config.likelihood)
        adam.zero_grad()
        ((reconstruction + config.beta * kl) / images[0].numel()).backward()
        adam.step()
        rate.step()
        yield {"reconstruction": reconstruction.item(), "kl": kl.item()}


def train_ddpm(config: Any, shape: Shape, classes: int, batches: Batches) -> Losses:
    net = ddpm.UNet(config, shape, classes)
    average = copy.deepcopy(net)
    adam = torch.optim.Adam(net.parameters(), config.lr, betas=(0.9, 0.99))
    rate = cosine(adam, config)
    for step, (images, labels) in enumerate(batches, 1):
        angles = (torch.arange(len(images)) + torch.rand(1)) * (math.pi / 2 / len(images))
        noisy, velocity = ddpm.q_sample(images, torch.randn_like(images), angles)
        loss = F.mse_loss(net(noisy, angles, labels), velocity)
        adam.zero_grad()
        loss.backward()
        adam.step()
        rate.step()
        move_average(average, net, config, step * len(images))
        yield {"loss": loss.item()}


class PlaneDiscriminator(cgan.Discriminator):
    """The label planes as they are described: painted, and put beside the channels of the image."""

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        planes = F.one_hot(labels, self.conv_in.classes).to(x)[:, :, None, None].expand(-1, -1, *x.shape[2:])
        x = F.leaky_relu(nn.Conv2d.forward(self.conv_in, torch.cat([x, planes], dim=1)), 0.2)
        x = F.dropout(x, self.dropout, self.training)
        for down in self.down:
            x = F.dropout(F.leaky_relu(down(x), 0.2), self.dropout, self.training)
        return self.linear_out(x.amax(dim=(2, 3)) if self.study else x.flatten(1))[:, 0]


TRANSCRIPTIONS: dict[str, Plain] = {
    name.removeprefix("train_"): value for name, value in list(globals().items()) if name.startswith("train_")
}
