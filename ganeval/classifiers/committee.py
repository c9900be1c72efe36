"""A committee of small networks as one network: for sets so small that a single one depends on its seed.

Logits are the mean over members and over the image and its mirror image; the embedding is the members' embeddings,
mean over both images, side by side. What is measured is therefore what is shipped: no distillation in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import nn

from ganeval.classifiers.network import Architecture, SmallCNN, empty_folded


class Committee(nn.Module):
    """float (n, c, h, w) in [0, 1] -> embeddings (n, members * d) and logits (n, k), like a `SmallCNN`."""

    mean: torch.Tensor
    std: torch.Tensor
    temperature: torch.Tensor

    def __init__(self, members: Sequence[SmallCNN]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.architecture = members[0].architecture
        width = self.architecture.embedding * len(members)
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("std", torch.ones(width))
        self.register_buffer("temperature", torch.ones(()))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        views = (images, images.flip(3))
        outputs = [[member(view) for member in self.members] for view in views]
        embeddings = torch.stack([torch.cat([e for e, _ in seen], dim=1) for seen in outputs]).mean(0)
        logits = torch.stack([logits for seen in outputs for _, logits in seen]).mean(0)
        return (embeddings - self.mean) / self.std, logits / self.temperature

    def rounded(self) -> Self:
        """The same committee, in place, with every weight rounded to half precision: what the stored file can hold."""
        for value in self.members.state_dict().values():
            value.copy_(value.half().float())
        return self

    def summary(self) -> str:
        return f"{len(self.members)} members, each seen with its mirror image: {self.architecture}"


def empty_committee(architecture: Architecture, members: int) -> Committee:
    """A committee of the stored form, ready for `load_state_dict`."""
    return Committee([empty_folded(architecture) for _ in range(members)])
