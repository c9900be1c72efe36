"""A reader: a small classifier that is kept with a generator, and has what it cannot read drawn again.

A conditional generator now and then draws an image of another class than was asked for. A second network sees that: a
sample that it does not read as asked is replaced by the sample of another latent (classifier rejection sampling, as in
Razavi et al. 2019, arXiv:1906.00446).

The latents that stand in are those of the row itself, turned: all numbers but the last move on by one place. A turned
normal vector is a normal vector, so an image stays a function of its latent and its label. The last number, which
chooses a style, stays: a style that is hard to read is not drawn less often for it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn

TURNS = 8  # tries after the first; what is not read then is taken as it is
WIDTHS = (16, 32, 64)

Draw = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Reader(nn.Module):
    """Images (n, c, h, w) in [-1, 1] -> logits (n, classes)."""

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        widths, size = (shape[0], *WIDTHS), shape[1]
        self.down = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1), nn.BatchNorm2d(b), nn.ReLU())
            for a, b in pairwise(widths)
        )
        for _ in WIDTHS:
            size = (size + 1) // 2
        self.linear_out = nn.Linear(WIDTHS[-1] * size**2, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for down in self.down:
            x = down(x)
        return self.linear_out(x.flatten(1))

    @torch.no_grad()
    def reads(self, images: torch.Tensor, labels: torch.Tensor, least: float) -> torch.Tensor:
        """Whether each image (n, c, h, w) is given its label with a probability of `least` at the least, (n,)."""
        return self(images.float()).softmax(dim=1).gather(1, labels[:, None])[:, 0] >= least


def readable(draw: Draw, reader: Reader, known: torch.Tensor, least: float) -> Draw:
    """`draw`, with every sample that `reader` does not read drawn again from its turned latent.

    Labels are those of `known`, as often as needed over and over: what `draw` makes of a label that it never learnt.
    All rows are drawn in every try, so that no row depends on which others failed.
    """

    def drawn(z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        images, asked = draw(z, labels), known[labels % len(known)]
        for _ in range(TURNS):
            unread = ~reader.reads(images, asked, least)
            if not unread.any():
                break
            z = torch.cat([z[:, :-1].roll(1, dims=1), z[:, -1:]], dim=1)
            images = torch.where(unread[:, None, None, None], draw(z, labels), images)
        return images

    return drawn
