"""The generator of a projection cGAN (Miyato and Koyama 2018, arXiv:1802.05637): what the shipped weights are of.

The class scales and shifts every normalised layer; transposed convolutions double the size. Where the classes have
styles, the last coordinate of z chooses one, as often as the training images have it. Only what sampling needs:
`reference_models/projection_cgan.py` is the system that trained it, and a test holds the two against each other.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn


class ConditionalNorm(nn.Module):
    """Batch normalisation by stored moments, with a scale and a shift for each class."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.embed = nn.Embedding(classes, 2 * channels)

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        scale, shift = self.embed(labels)[:, :, None, None].chunk(2, dim=1)
        return self.norm(x) * (1 + scale) + shift


def drawn_style(shares: torch.Tensor, place: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The number (n,), among all styles of all classes, that standard normal numbers (n,) choose for labels (n,).

    shares (classes, styles): how often each style is drawn; each row sums to one, styles that a class lacks have 0.

    >>> drawn_style(torch.tensor([[0.5, 0.5], [1.0, 0.0]]), torch.tensor([-1.0, 1.0, 9.0]), torch.tensor([0, 0, 1]))
    tensor([0, 1, 2])
    """
    below = shares[labels].cumsum(dim=1)[:, :-1]
    chosen = (torch.special.ndtr(place)[:, None] >= below).sum(dim=1)
    have = (shares[labels] > 0).sum(dim=1)
    return labels * shares.shape[1] + chosen.minimum(have - 1)


class Styles(nn.Module):
    """How often each style of each class is drawn; those that a class lacks have 0."""

    shares: torch.Tensor  # (classes, styles), each row sums to one

    def __init__(self, classes: int, styles: int) -> None:
        super().__init__()
        self.register_buffer("shares", torch.full((classes, styles), 1 / styles))

    def drawn(self, place: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return drawn_style(self.shares, place, labels)


class Generator(nn.Module):
    """z (n, latent), labels (n,) -> images (n, c, h, w) in [-1, 1]; `start` pixels a side double with each width."""

    def __init__(
        self, latent: int, start: int, widths: tuple[int, ...], channels: int, classes: int, styles: int = 1
    ) -> None:
        super().__init__()
        self.start = start
        self.styles = Styles(classes, styles) if styles > 1 else None
        self.linear_in = nn.Linear(latent, widths[0] * start**2)
        self.norms = nn.ModuleList(ConditionalNorm(width, classes * styles) for width in widths)
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths))
        self.conv_out = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        labels = self.styles.drawn(z[:, -1], labels) if self.styles else labels
        x = self.linear_in(z).view(len(z), -1, self.start, self.start)
        x = F.relu(self.norms[0](x, labels))
        for up, norm in zip(self.up, self.norms[1:], strict=True):
            x = F.relu(norm(up(x), labels))
        return torch.tanh(self.conv_out(x))
