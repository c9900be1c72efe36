"""Images to latents and back, row by row the same whatever the batch: what an autoencoder offers besides samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.errors import WrongInputError
from reference_models.plumbing.data import to_float
from reference_models.plumbing.sampling import to_uint8

BLOCK = 500  # rows that a network always sees together

Rows = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True, eq=False)
class Codec:
    """A trained encoder and its decoder, as a study of their latents sees them.

    `encoder` takes float (BLOCK, *shape) in [-1, 1] and returns (BLOCK, d); `decoder` takes that back. For a
    variational encoder the latent of an image is the mean of its posterior. Short blocks are filled up with zeros.
    """

    encoder: Rows
    decoder: Rows
    shape: tuple[int, int, int]  # (c, h, w)
    device: torch.device

    def encode(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Images uint8 (n, c, h, w) -> latents float32 (n, d)."""
        if images.dtype != np.uint8 or images.shape[1:] != self.shape:
            raise WrongInputError(
                f"Images to encode must be uint8 (n, {', '.join(map(str, self.shape))}), as this run was trained on; "
                f"got {images.dtype} {images.shape}. Bring them to that form."
            )
        return self._blocks(torch.from_numpy(images), lambda part: self.encoder(to_float(part)).float().cpu().numpy())

    def decode(self, latents: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Latents (n, d) -> images uint8 (n, c, h, w)."""
        return self._blocks(torch.from_numpy(latents), lambda part: to_uint8(self.decoder(part)))

    @torch.no_grad()
    def _blocks(self, rows: torch.Tensor, use: Callable[[torch.Tensor], NDArray]) -> NDArray:
        parts = []
        for part in rows.split(BLOCK):
            block = part.new_zeros(BLOCK, *part.shape[1:])
            block[: len(part)] = part
            parts.append(use(block.to(self.device))[: len(part)])
        return np.concatenate(parts)
