"""What a model is built for and where: the shape of the images, the device, the arithmetic, who shares the work.

A trainer's `build(config, place)` asks here and gives a `Model`; training and opening a finished run both begin with
it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import nn

from ganeval.features.extraction import choose_device
from reference_models.plumbing.coding import Codec, Rows
from reference_models.plumbing.data import Data
from reference_models.plumbing.options import Options
from reference_models.plumbing.points import Points
from reference_models.plumbing.sampling import Sampler
from reference_models.plumbing.session.team import Team

Net = TypeVar("Net", bound=nn.Module)


@dataclass(frozen=True, eq=False)
class Model:
    """What a system consists of: its networks by name, how it draws images, and how it encodes them if it does."""

    networks: Mapping[str, nn.Module]
    sampler: Sampler
    codec: Codec | None = None

    def __getitem__(self, name: str) -> nn.Module:
        return self.networks[name]


class Place:
    """See the module's docstring. Without images (`Data.empty`) it is the place to open a finished run in."""

    def __init__(self, data: Data, options: Options, team: Team | None = None) -> None:
        self.device = choose_device(options.device)
        self.data = data.to(self.device)
        self.options = options
        self.team = team or Team()

    @property
    def shape(self) -> tuple[int, int, int]:
        """(c, h, w) of the images."""
        return self.data.shape

    @property
    def classes(self) -> int:
        return len(self.data.class_names)

    @property
    def points(self) -> bool:
        """Whether these are points in the plane, in their own units, and not images in [-1, 1]."""
        return isinstance(self.data, Points)

    def restrict(self, classes: tuple[int, ...]) -> None:
        """Train on these classes alone."""
        self.data = self.data.only(classes)

    def resize(self, size: int) -> None:
        """Train on images of `size` pixels a side; what is sampled comes back at the size of the data set."""
        self.data = self.data.at(size)

    def prepare(self, net: Net) -> Net:
        """Move a network to the device, in the memory format and compiled as the options say."""
        net = net.to(self.device)
        if self.options.channels_last:
            net = net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - it may stand alone
        self.team.share(net)
        if self.options.compile:
            net.compile()
        return net

    def autocast(self) -> AbstractContextManager[Any]:
        """bfloat16 where `amp` is on; losses and penalties belong outside."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.options.amp else nullcontext()

    def layout(self, images: torch.Tensor) -> torch.Tensor:
        """The images in the memory format that the options ask for."""
        return images.contiguous(memory_format=torch.channels_last) if self.options.channels_last else images

    def sampler(
        self,
        draw: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
        latent: tuple[int, ...],
        *,
        conditional: bool = True,
        chosen: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
    ) -> Sampler:
        """How evaluation draws images: `draw(z, labels)` -> float (n, c, h, w) in [-1, 1].

        Without `conditional` the labels mean nothing: samples are written without them. `chosen` is what is sampled, if
        that is not `draw` itself.
        """
        return Sampler(draw, latent, self.classes, self.device, conditional, self.data.export, chosen)

    def codec(self, encoder: Rows, decoder: Rows) -> Codec:
        """How images become latents and latents images: float (n, c, h, w) in [-1, 1] -> (n, d), and back."""
        return Codec(encoder, decoder, self.shape, self.device)
