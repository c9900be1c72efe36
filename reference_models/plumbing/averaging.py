"""Exponential moving average of weights, its half-life counted in images (EDM, StyleGAN3), not in steps."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def update_average(average: nn.Module, net: nn.Module, *, batch: int, images: int, halflife: float) -> None:
    """Move `average` towards `net` by 1 - 0.5^(batch / half-life); integer buffers are copied.

    `halflife` is in images, and never more than 5 % of the `images` seen so far: early weights are forgotten quickly.
    A half-life in images means the same at any batch size. Buffers (statistics of batch normalisation) move likewise.
    """
    keep = 0.5 ** (batch / max(min(halflife, 0.05 * images), 1e-9))
    theirs = _tensors(net)
    for name, mine in _tensors(average).items():
        if mine.is_floating_point():
            mine.lerp_(theirs[name], 1 - keep)
        else:
            mine.copy_(theirs[name])


def _tensors(net: nn.Module) -> dict[str, torch.Tensor]:
    return {**dict(net.named_parameters()), **dict(net.named_buffers())}
