"""LPIPS, a perceptual distance between two images (Zhang et al. 2018, arXiv:1801.03924), version 0.1 on VGG16.

Feature maps of both images after the last ReLU of each of VGG16's five stages are scaled to unit length along the
channels; the squared differences, weighted by one learnt non-negative number per channel, are averaged over places and
summed over stages (eq. 1 of the paper). The weights are torchvision's VGG16 and the authors' heads, as torch-fidelity
publishes them (BSD-2-Clause), whose arithmetic this is. Not an extractor that `evaluate` can be given: a distance.

Where implementations differ: images are not resized here, as in the authors' code (torch-fidelity's path length
resizes to 64 first); the authors' AlexNet variant gives other numbers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch.nn import functional as F

from ganeval.errors import WrongInputError
from ganeval.extractors.weights import RemoteWeights, find_weights, load_state, sha256_of
from ganeval.numerics.precision import exact_convolutions

TRUNK = RemoteWeights(
    name="vgg16-397923af.pth",
    url="https://download.pytorch.org/models/vgg16-397923af.pth",
    sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
)
HEADS = RemoteWeights(
    name="weights-vgg16-lpips.pth",
    url="https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-vgg16-lpips.pth",
    sha256="a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
)
OFFLINE = "Offline, ms_ssim and embedding_spread ask the same question and need no weights."
STAGES = ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28))  # torchvision's numbers of the convolutions
SHIFT = (-0.030, -0.088, -0.188)  # ImageNet's mean and deviation, for values in [-1, 1]
SCALE = (0.458, 0.448, 0.450)
TINY = 1e-10  # keeps a feature vector of zeros where it is
LEAST_SIDE = 16  # pixels: four poolings leave one

Convolution = tuple[torch.Tensor, torch.Tensor]  # weight (out, in, 3, 3), bias (out,)


@dataclass(frozen=True, eq=False)
class Lpips:
    """Two batches uint8 (n, 1 or 3, h, w) -> distances (n,), float32, at least 0; 0 for equal images."""

    stages: tuple[tuple[Convolution, ...], ...]
    heads: tuple[torch.Tensor, ...]  # (channels,) for each stage
    weights_sha256: str  # of the trunk and the heads, joined by +

    @classmethod
    def of(cls, trunk: Mapping[str, torch.Tensor], heads: Mapping[str, torch.Tensor], weights_sha256: str) -> Self:
        """From torchvision's state dict of VGG16 (its classifier is not read) and the state dict of the heads."""
        try:
            stages = tuple(
                tuple((trunk[f"features.{i}.weight"], trunk[f"features.{i}.bias"]) for i in numbers)
                for numbers in STAGES
            )
            weights = tuple(heads[f"lin{i}.model.1.weight"].flatten() for i in range(len(STAGES)))
        except KeyError as error:
            raise WrongInputError(
                f"Expected torchvision's VGG16 ({TRUNK.name}) and LPIPS heads ({HEADS.name}); {error} is in neither."
            ) from error
        return cls(stages, weights, weights_sha256)

    def to(self, device: torch.device) -> Self:
        stages = tuple(tuple((w.to(device), b.to(device)) for w, b in layers) for layers in self.stages)
        return dataclasses.replace(self, stages=stages, heads=tuple(head.to(device) for head in self.heads))

    def __call__(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        device = self.heads[0].device
        x = _scaled(torch.cat([a, b]).to(device))
        total = torch.zeros(len(a), device=device)
        with torch.no_grad(), exact_convolutions(device):
            for number, (layers, head) in enumerate(zip(self.stages, self.heads, strict=True)):
                x = F.max_pool2d(x, 2) if number else x
                for weight, bias in layers:
                    x = F.conv2d(x, weight, bias, padding=1).relu_()
                total += _difference(x, head, len(a))
        return total


def _scaled(images: torch.Tensor) -> torch.Tensor:
    """uint8 (n, 1 or 3, h, w) -> float32 (n, 3, h, w) as VGG16 was trained on; grey images as three equal channels."""
    if min(images.shape[-2:]) < LEAST_SIDE:
        height, width = images.shape[-2:]
        raise WrongInputError(
            f"LPIPS halves an image four times and so needs sides of {LEAST_SIDE} pixels or more; got {height} x "
            f"{width}. Use ms_ssim or embedding_spread."
        )
    shift, scale = (torch.tensor(values, device=images.device).reshape(1, 3, 1, 1) for values in (SHIFT, SCALE))
    return (images.float() / 127.5 - 1 - shift) / scale


def _difference(x: torch.Tensor, head: torch.Tensor, n: int) -> torch.Tensor:
    """Weighted squared difference of unit feature vectors (2 n, c, h, w), averaged over places: (n,)."""
    unit = x / (x.square().sum(dim=1, keepdim=True).sqrt() + TINY)
    squared = (unit[:n] - unit[n:]).square()
    return torch.einsum("nchw,c->nhw", squared, head).mean(dim=(1, 2))


def load_lpips() -> Lpips:
    """The published network, on the CPU; looked for and fetched as the Inception weights are.

    Raises: MissingFileError without the weights and without a network connection; it names what works offline.
    """
    trunk, heads = (find_weights(weights, OFFLINE) for weights in (TRUNK, HEADS))
    return Lpips.of(load_state(trunk), load_state(heads), f"{sha256_of(trunk)}+{sha256_of(heads)}")
