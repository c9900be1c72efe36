"""The one architecture of the zoo: a small plain convolutional network for images of 8 to 64 pixels.

Convolution, BatchNorm, ReLU; for digits stride instead of pooling, because on a CPU the large early maps cost more
than the arithmetic, and for photographs the maximum of 2 x 2 after the convolution, which keeps more of the image. The
embedding is the last hidden vector *before* its ReLU: after it, half of the units are dead on real digits and every
covariance is singular. For use, BatchNorm is folded into the convolutions (`folded`), and three buffers learnt after
training are applied: the embedding's mean and standard deviation on the training set, and the temperature of the
logits (Guo et al. 2017, arXiv:1706.04599).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from ganeval.errors import WrongInputError


@dataclass(frozen=True)
class Architecture:
    """The shape of a `SmallCNN`. `stages` holds the widths of the convolutions, a tuple for each resolution."""

    shape: tuple[int, int, int]  # (c, h, w) of the images
    classes: int
    stages: tuple[tuple[int, ...], ...]
    stem: int = 32
    stem_stride: int = 1
    embedding: int = 64
    pixel_mean: float = 0.15  # of x / 255, so that the network sees about zero mean and unit variance
    pixel_std: float = 0.3
    pooled: bool = False  # resolutions halve by a maximum of 2 x 2, and the last map becomes its maximum

    def __str__(self) -> str:
        widths = " | ".join("-".join(map(str, stage)) for stage in self.stages)
        kernel = _stem_kernel(self.stem_stride)
        stem = f"conv{kernel}x{kernel}/{self.stem_stride} {self.stem}"
        halves = "| halves by max, all maxima at last" if self.pooled else "| halves"
        return f"{stem}, conv3x3 {widths} ({halves}), linear {self.embedding}, linear {self.classes}"


class SmallCNN(nn.Module):
    """float (n, c, h, w) in [0, 1] -> embeddings (n, d) and logits (n, k), float32.

    Until `standardise` and `calibrate` are called the buffers are neutral (0, 1, 1) and do nothing.
    """

    mean: torch.Tensor
    std: torch.Tensor
    temperature: torch.Tensor

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = a = architecture
        self.convolutions = nn.Sequential(*_convolutions(a))
        self.hidden = nn.Linear(_flat_size(a), a.embedding)
        self.hidden_norm: nn.Module = nn.BatchNorm1d(a.embedding)
        self.head = nn.Linear(a.embedding, a.classes)
        self.register_buffer("mean", torch.zeros(a.embedding))
        self.register_buffer("std", torch.ones(a.embedding))
        self.register_buffer("temperature", torch.ones(()))

    @property
    def stem(self) -> nn.Conv2d:
        """The first convolution."""
        return cast("_Block", self.convolutions[0]).conv

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        a = self.architecture
        x = ((images - a.pixel_mean) / a.pixel_std).contiguous(memory_format=torch.channels_last)
        x = self.convolutions(x)
        if a.pooled:
            x = x.amax((2, 3), keepdim=True)
        elif min(x.shape[2:]) > 4:
            x = F.avg_pool2d(x, 2, ceil_mode=True)
        hidden = self.hidden_norm(self.hidden(x.flatten(1)))
        logits = self.head(F.relu(hidden)).float() / self.temperature
        return (hidden.float() - self.mean) / self.std, logits

    def summary(self) -> str:
        return str(self.architecture)

    def folded(self) -> SmallCNN:
        """A copy in evaluation mode whose BatchNorms are gone into the weights: the form that is stored and used."""
        copy = _unset(self.architecture)
        copy.load_state_dict(self.state_dict())
        copy.eval()
        for block in cast("Sequence[_Block]", copy.convolutions):
            block.fold()
        copy.hidden = fuse_linear_bn_eval(copy.hidden, cast("nn.BatchNorm1d", copy.hidden_norm))
        copy.hidden_norm = nn.Identity()
        return copy.requires_grad_(False).to(memory_format=torch.channels_last)


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, *, pooled: bool = False) -> None:
        super().__init__()
        self.pool = stride if pooled else 1
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride // self.pool, padding=kernel // 2, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        if self.pool > 1:
            x = F.max_pool2d(x, self.pool)
        return F.relu(self.norm(x), inplace=True)

    def fold(self) -> None:
        self.conv = fuse_conv_bn_eval(self.conv, cast("nn.BatchNorm2d", self.norm))
        self.norm = nn.Identity()


def new_network(architecture: Architecture, generator: torch.Generator) -> SmallCNN:
    """A network with He-normal weights drawn from `generator`; the global random state is neither used nor moved."""
    network = _unset(architecture)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu", generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_parameters()
            if architecture.pooled:  # folded into what the maximum is taken of, a negative scale would turn it round
                module.weight.requires_grad = False
    for name, neutral in (("mean", 0.0), ("std", 1.0), ("temperature", 1.0)):
        network.get_buffer(name).fill_(neutral)
    return network.to(memory_format=torch.channels_last)


def _unset(architecture: Architecture) -> SmallCNN:
    """A network whose weights are whatever was in memory: torch's own start would move the global random state.

    `to_empty` would import sympy for it, 500 modules and 0.4 s of every first look.
    """
    with torch.device("meta"):
        network = SmallCNN(architecture)
    empty = {name: torch.empty(values.shape, dtype=values.dtype) for name, values in network.state_dict().items()}
    network.load_state_dict(empty, assign=True)
    return network


def empty_folded(architecture: Architecture) -> SmallCNN:
    """A network of the stored form, ready for `load_state_dict`."""
    return new_network(architecture, torch.Generator().manual_seed(0)).folded()


def to_unit(images: torch.Tensor, shape: tuple[int, int, int], name: str) -> torch.Tensor:
    """uint8 (n, c, h, w) -> float32 in [0, 1] of exactly `shape`.

    Grey networks also take RGB whose three channels agree (what `torchvision.utils.save_image` writes for grey
    images). Sizes are never changed: on tight digits the size is class information.
    """
    if images.dtype != torch.uint8:
        raise WrongInputError(
            f"{name} takes uint8 images in [0, 255]; got {images.dtype}. Pass (x * 255).round().to(torch.uint8)."
        )
    if images.ndim != 4 or tuple(images.shape[2:]) != shape[1:] or images.shape[1] not in {shape[0], 3}:
        raise WrongInputError(
            f"{name} looks at images of shape (n, {shape[0]}, {shape[1]}, {shape[2]}); got {tuple(images.shape)}. "
            "Generate or resize to that size first, the way its training data were made."
        )
    if images.shape[1] != shape[0]:
        if bool((images != images[:, :1]).any()):
            raise WrongInputError(f"{name} looks at grey images; got coloured RGB. Convert to grey first.")
        images = images[:, :1]
    return images.float() / 255


def _convolutions(a: Architecture) -> list[_Block]:
    blocks = [_Block(a.shape[0], a.stem, _stem_kernel(a.stem_stride), a.stem_stride)]
    inputs = a.stem
    for number, stage in enumerate(a.stages):
        for position, width in enumerate(stage):
            blocks.append(_Block(inputs, width, 3, 2 if number and not position else 1, pooled=a.pooled))
            inputs = width
    return blocks


def _stem_kernel(stride: int) -> int:
    return 5 if stride > 1 else 3


def _flat_size(a: Architecture) -> int:
    height, width = ((side + a.stem_stride - 1) // a.stem_stride for side in a.shape[1:])
    for _ in a.stages[1:]:
        height, width = (height + 1) // 2, (width + 1) // 2
    if a.pooled:
        return a.stages[-1][-1]
    if min(height, width) > 4:
        height, width = (height + 1) // 2, (width + 1) // 2
    return a.stages[-1][-1] * height * width
