"""Pixels: the image itself as its embedding, n x (c h w), for toys, duplicates and sanity checks.

Distances between raw pixels say little about looks (a shift by one pixel is a large step); use them where two images
that look alike are also alike pixel by pixel, as exact copies and small aligned digits are.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.core.extractor import Embedded, ExtractorSpec


@dataclass(frozen=True)
class Pixels:
    """uint8 (n, c, h, w) -> float32 (n, c h w) in [0, 1]."""

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    name: str = "pixels"
    weights_sha256: str = ""
    preprocessing: str = "x/255, flattened c h w"
    class_names: tuple[str, ...] = ()
    confusion: NDArray[np.int64] | None = None

    def to(self, device: torch.device, precision: str = "fp32") -> Self:  # noqa: ARG002 - a copy has no precision
        return dataclasses.replace(self, device=device)

    def __call__(self, images: torch.Tensor) -> Embedded:
        return Embedded(images.to(self.device, torch.float32).flatten(1) / 255)


PIXELS = ExtractorSpec("pixels", Pixels, summary="raw pixels in [0, 1], one row per image; nothing learnt")
