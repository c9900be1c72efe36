"""The generator of a projection cGAN (Miyato and Koyama 2018, arXiv:1802.05637): what the shipped weights are of.

The class scales and shifts every normalised layer; transposed convolutions double the size. Only what sampling needs:
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


class Generator(nn.Module):
    """z (n, latent), labels (n,) -> images (n, c, h, w) in [-1, 1]; `start` pixels a side double with each width."""

    def __init__(self, latent: int, start: int, widths: tuple[int, ...], channels: int, classes: int) -> None:
        super().__init__()
        self.start = start
        self.linear_in = nn.Linear(latent, widths[0] * start**2)
        self.norms = nn.ModuleList(ConditionalNorm(width, classes) for width in widths)
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths))
        self.conv_out = nn.Conv2d(widths[-1], channels, 3, padding=1)

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        x = self.linear_in(z).view(len(z), -1, self.start, self.start)
        x = F.relu(self.norms[0](x, labels))
        for up, norm in zip(self.up, self.norms[1:], strict=True):
            x = F.relu(norm(up(x), labels))
        return torch.tanh(self.conv_out(x))
