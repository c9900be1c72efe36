"""Random changes to training images that keep their label: one affine map per image, flips, brightness, contrast."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn import functional as F


@dataclass(frozen=True)
class Augment:
    """Ranges of the changes; every one is drawn uniformly in [-range, range], independently for each image."""

    rotate: float = 0.0  # degrees
    scale: float = 0.0  # relative
    shear: float = 0.0  # relative horizontal slant
    shift: float = 0.0  # pixels
    brightness: float = 0.0  # added to pixels in [0, 1]
    contrast: float = 0.0  # relative, around the image's own mean
    flip: bool = False  # left-right, probability 1/2
    whole: bool = False  # shifts are of whole pixels, so that an image that is only shifted stays sharp
    padding: str = "zeros"  # what lies outside: "zeros" for ink on 0, "reflection" for photographs


def augment(images: torch.Tensor, how: Augment, generator: torch.Generator) -> torch.Tensor:
    """float (n, c, h, w) in [0, 1] -> the same, changed; the random numbers are drawn on the CPU from `generator`.

    >>> x = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> bool((augment(x, Augment(), torch.Generator()) == x).all())
    True
    """
    if how == Augment(padding=how.padding):
        return images
    draws = (torch.rand(len(images), 8, generator=generator) * 2 - 1).to(images.device)
    if how.rotate or how.scale or how.shear or how.shift or how.flip:
        images = _warp(images, how, draws)
    if how.contrast or how.brightness:
        factor = (1 + how.contrast * draws[:, 6]).view(-1, 1, 1, 1)
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        images = (images - mean) * factor + mean + how.brightness * draws[:, 7].view(-1, 1, 1, 1)
    return images.clamp(0, 1)


def _warp(images: torch.Tensor, how: Augment, draws: torch.Tensor) -> torch.Tensor:
    """Bilinear sampling through the inverse map: output position -> input position, both in [-1, 1]."""
    height, width = images.shape[2:]
    angle = draws[:, 0] * math.radians(how.rotate)
    zoom = 1 + how.scale * draws[:, 1]
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    flip = torch.where(draws[:, 5] < 0, -1.0, 1.0) if how.flip else torch.ones_like(cos)
    slant = how.shear * draws[:, 2]
    move = how.shift * draws[:, 3:5]
    move = move.round() if how.whole else move
    shift_x, shift_y = 2 / width * move[:, 0], 2 / height * move[:, 1]
    rows = torch.stack(
        [
            torch.stack([cos * flip, slant * cos - sin, shift_x], dim=1),
            torch.stack([sin * flip, slant * sin + cos, shift_y], dim=1),
        ],
        dim=1,
    )
    grid = F.affine_grid(rows, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode=how.padding, align_corners=False)
