"""The same images for the same (labels, seed), whatever the batch size and wherever the rows are split."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.errors import WrongInputError
from reference_models.plumbing.seeds import generator

BLOCK = 100  # rows that are always drawn and rendered together


def to_uint8(images: torch.Tensor) -> NDArray[np.uint8]:
    """[-1, 1] -> [0, 255], rounded; what lies outside is cut."""
    return ((images.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu().numpy()


@dataclass(frozen=True, eq=False)
class Sampler:
    """A trained generator as evaluation sees it: class labels and a seed in, uint8 images out.

    Latents come in blocks of `BLOCK` rows, each from its own generator on the CPU, and the network always sees a whole
    block: image i depends on (seed, i, label i) alone, to the last bit, as far as the network treats rows apart.
    `draw(z, labels)` takes z (BLOCK, *latent) and labels (BLOCK,) and returns (BLOCK, c, h, w) in [-1, 1]. A generator
    that is not conditional pays no heed to the labels, and nothing that it draws is given one. What is sampled comes
    from `chosen`, if there is one: the same function with some of its images replaced by better ones. Walks between
    latents go through `draw`, which does not jump.
    """

    draw: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    latent: tuple[int, ...]  # shape of one latent
    classes: int
    device: torch.device
    conditional: bool = True
    export: Callable[[torch.Tensor], NDArray[Any]] = to_uint8  # what `draw` returns, as evaluation sees it
    chosen: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None

    def __call__(self, labels: NDArray[np.int64], seed: int, start: int = 0) -> NDArray[np.uint8]:
        """Images `start` to `start + len(labels)` of the endless sequence that `seed` names, uint8 (n, c, h, w)."""
        stop, parts = start + len(labels), []
        for block in range(start // BLOCK, -(-stop // BLOCK)):
            first = max(start, block * BLOCK)
            last = min(stop, (block + 1) * BLOCK)
            wanted = torch.zeros(BLOCK, dtype=torch.int64)
            rows = slice(first - block * BLOCK, last - block * BLOCK)
            wanted[rows] = torch.as_tensor(labels[first - start : last - start])
            parts.append(self._block(wanted, seed, block)[rows])
        return np.concatenate(parts)

    @torch.no_grad()
    def _block(self, labels: torch.Tensor, seed: int, block: int) -> NDArray[Any]:
        z = self.inputs(seed, block)
        return self.export((self.chosen or self.draw)(z.to(self.device), labels.to(self.device)))

    def inputs(self, seed: int, block: int) -> torch.Tensor:
        """What images `block` * BLOCK and the following are drawn from, (BLOCK, *latent)."""
        return torch.randn(BLOCK, *self.latent, generator=generator(seed, "latents", block))

    def latents_id(self, seed: int, labels: NDArray[np.int64] | None) -> str:
        """Equal names mean: row by row the same latent and the same label, whatever the network that was asked."""
        asked = "none" if labels is None else hashlib.sha256(labels.astype("<i8").tobytes()).hexdigest()[:16]
        return f"seed {seed}, latent {'x'.join(map(str, self.latent))}, {BLOCK} a block, labels {asked}"

    def generate(self, n: int, labels: NDArray[np.int64] | torch.Tensor | None, rng: torch.Generator) -> torch.Tensor:
        """The callable that `ganeval.images` takes as a generator: uint8 (n, c, h, w); no labels:
        all classes in turn.
        """
        if labels is not None:
            self._require_conditional()
        seed = int(torch.randint(2**62, (1,), generator=rng, device=rng.device))
        wanted = np.arange(n) % self.classes if labels is None else np.asarray(labels, dtype=np.int64)
        return torch.from_numpy(self(wanted, seed))

    def per_class(self, n: int, seed: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """`n` images of each class in class order, and their labels."""
        self._require_conditional()
        labels = np.repeat(np.arange(self.classes), n)
        return self._in_parts(labels, seed), labels

    def evenly(self, n: int, seed: int) -> tuple[NDArray[Any], NDArray[np.int64] | None]:
        """`n` images per class, with labels from a conditional generator, without them from any other."""
        if self.conditional:
            return self.per_class(n, seed)
        return self._in_parts(np.zeros(n * self.classes, np.int64), seed), None

    def _in_parts(self, labels: NDArray[np.int64], seed: int, size: int = 10 * BLOCK) -> NDArray[Any]:
        return np.concatenate([self(labels[i : i + size], seed, start=i) for i in range(0, len(labels), size)])

    def _require_conditional(self) -> None:
        if not self.conditional:
            raise WrongInputError(
                "Images of a chosen class need a conditional generator; this one knows none. Draw `evenly`, or ask for "
                "no labels (--labels none)."
            )
