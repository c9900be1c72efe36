"""Haar wavelet packets: an eye for frequencies without weights (Veeramacheneni et al. 2024, arXiv:2312.15289).

Two levels of the orthonormal Haar transform, in which every band is split again: 16 packets of a quarter of the height
and width, each a band of frequencies in rows and columns. Networks that were trained to tell classes apart throw away
what does not help them: checkerboards, blocks of JPEG, missing grey levels. Packets lose nothing.

Where it differs from the paper: there the transform has as many levels as the image is large, and every coefficient of
a packet is a feature, which needs far more images than a small data set has. Here a packet gives two features, the mean
of its coefficients and the mean of log(1 + their squares), so that a few hundred images determine a covariance, and a
change of a few grey levels in a quiet corner (what JPEG adds, what blur takes away) is as large as one of many at an
edge. Images of odd size repeat their last row or column, which adds no frequency to speak of.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from ganeval.core.extractor import Embedded, ExtractorSpec
from ganeval.numerics.packets import LEVELS, haar_packets

QUIET = 1.0  # grey level squared, added under the logarithm: rounding in a quiet corner is no signal


@dataclass(frozen=True)
class Wavelet:
    """uint8 (n, c, h, w) -> float32 (n, 32 c): of each packet the mean, then the mean log energy."""

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    name: str = "wavelet"
    weights_sha256: str = ""
    preprocessing: str = "Haar packets, 2 levels, means and mean log(1 + squares) of grey levels"
    class_names: tuple[str, ...] = ()
    confusion: NDArray[np.int64] | None = None

    def to(self, device: torch.device, precision: str = "fp32") -> Self:  # noqa: ARG002 - too cheap for another one
        return dataclasses.replace(self, device=device)

    def __call__(self, images: torch.Tensor) -> Embedded:
        packets = haar_packets(_padded(images.to(self.device, torch.float32)))
        energy = (QUIET + packets.square()).log()
        features = torch.stack([packets.mean(dim=(3, 4)), energy.mean(dim=(3, 4))], dim=3)
        return Embedded(features.flatten(1))


def _padded(images: torch.Tensor) -> torch.Tensor:
    unit = 1 << LEVELS
    bottom, right = (-size % unit for size in images.shape[2:])
    return F.pad(images, (0, right, 0, bottom), mode="replicate") if bottom or right else images


WAVELET = ExtractorSpec(
    "wavelet", Wavelet, summary="Haar wavelet packets, 32 features a channel: sees frequencies; nothing learnt"
)
