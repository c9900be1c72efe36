"""A finished run as a generator whose latents can be walked: what the report shows of the space between two images.

`ganeval-report runs/ --generator reference_models.plumbing.walking:open_generator`
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from reference_models.plumbing.sampling import BLOCK, Sampler
from reference_models.plumbing.system import open_sampler


@dataclass(frozen=True, eq=False)
class Walker:
    """`Sampler` as `ganeval.metrics.probes.generator.LatentGenerator`: z float32 (n, latent_dim) and labels (n,)
    to uint8 images.
    """

    sampler: Sampler

    @property
    def latent_dim(self) -> int:
        return math.prod(self.sampler.latent)

    def __call__(self, n: int, labels: NDArray[np.int64] | None, rng: torch.Generator) -> torch.Tensor:
        return self.sampler.generate(n, labels, rng)

    @torch.no_grad()
    def decode(self, z: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        """Images uint8 (n, c, h, w), in blocks filled up to the size that the network always sees; no labels: zeros."""
        wanted = torch.zeros(len(z), dtype=torch.int64) if labels is None else labels.to(torch.int64)
        parts = []
        for rows, classes in zip(z.split(BLOCK), wanted.split(BLOCK), strict=True):
            filled, asked = z.new_zeros(BLOCK, z.shape[1]), wanted.new_zeros(BLOCK)
            filled[: len(rows)], asked[: len(rows)] = rows, classes
            latents = filled.reshape(BLOCK, *self.sampler.latent).to(self.sampler.device)
            drawn = self.sampler.export(self.sampler.draw(latents, asked.to(self.sampler.device)))
            parts.append(torch.from_numpy(drawn[: len(rows)]))
        return torch.cat(parts)


def open_generator(run: str | Path) -> Walker:
    """The generator of a finished run of ours, on the CPU. Raises `GanevalError` for any other folder."""
    return Walker(open_sampler(run, device="cpu"))
