"""Images of a generator, block by block: each is drawn when it is asked for, once, by whoever asks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import WrongInputError
from ganeval.images.latents import BLOCK
from ganeval.images.leaves import leaves
from ganeval.images.spool import Spool, room

Call = Callable[[int, int, int], tuple[NDArray[np.uint8], NDArray[np.int64] | None]]
SHARE = 2  # of the room on the disk that one set may take


@dataclass(eq=False)
class Blocks:
    """`n` images that `call(block, start, stop)` draws, with the labels that it chose for them, or None.

    What was drawn is kept: in memory, then on the disk. Where that has no room it is drawn again, and has to be what it
    was.
    """

    call: Call
    n: int
    where: str
    shape: tuple[int, int, int] = field(init=False)
    _marks: dict[int, bytes] = field(init=False, repr=False, default_factory=dict)  # of the blocks that were drawn
    _kept: Spool | None = field(init=False, repr=False, default=None)
    _last: tuple[int, NDArray[np.uint8]] | None = field(init=False, repr=False, default=None)  # where none are kept
    _labels: dict[int, NDArray[np.int64] | None] = field(init=False, repr=False, default_factory=dict)

    def open(self, row: int) -> None:
        """Draw the block of `row`, which shows what the generator makes."""
        block = row // BLOCK
        pixels, self._labels[block] = self.call(block, *self._span(block))
        self.shape = pixels.shape[1], pixels.shape[2], pixels.shape[3]
        self._kept = Spool(self.shape) if self.n * pixels[0].nbytes * SHARE < room() else None
        self._note(block, pixels)

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """What the generator chose for all images; None where it chose nothing. Draws what was not drawn yet."""
        for block in range(-(-self.n // BLOCK)):
            if block not in self._marks:
                self.block(block)
        chosen = [self._labels[block] for block in sorted(self._labels)]
        return np.concatenate([some for some in chosen if some is not None]) if self.chooses else None

    @property
    def chooses(self) -> bool:
        """Whether the blocks that were drawn came with labels."""
        return any(some is not None for some in self._labels.values())

    def load(self, start: int, stop: int) -> NDArray[np.uint8]:
        """uint8 (m, c, h, w) of rows start..stop."""
        stop = min(stop, self.n)
        parts = []
        for block in range(start // BLOCK, -(-stop // BLOCK)):
            first, last = self._span(block)
            low, high = max(first, start), min(last, stop)
            if block in self._marks and self._kept is not None:
                parts.append(self._kept.read(low, high))
            else:
                parts.append(self.block(block)[low - first : high - first])
        return parts[0] if len(parts) == 1 else np.concatenate(parts or [np.empty((0, *self.shape), np.uint8)])

    def block(self, block: int) -> NDArray[np.uint8]:
        """All images of a block, drawn now if it was not the last one."""
        if self._last is not None and self._last[0] == block:
            return self._last[1]
        pixels, labels = self.call(block, *self._span(block))
        if pixels.shape[1:] != self.shape:
            shapes = sorted([self.shape, pixels.shape[1:]])
            raise WrongInputError(f"The {self.where} must return images of one shape; its calls gave {shapes}.")
        if (labels is not None) != self.chooses:
            raise WrongInputError(
                f"The {self.where} must return labels with every call or with none; it did with some."
            )
        self._labels.setdefault(block, labels)
        self._note(block, pixels)
        return pixels

    def _note(self, block: int, pixels: NDArray[np.uint8]) -> None:
        mark = hashlib.sha256(leaves(pixels).data).digest()
        if self._marks.setdefault(block, mark) != mark:
            raise WrongInputError(
                f"The {self.where} gave other images when it was asked for the same ones again. It must draw from the "
                "torch.Generator that it is given."
            )
        if self._kept is None:
            self._last = block, pixels
        else:
            self._kept.write(block * BLOCK, pixels)

    def _span(self, block: int) -> tuple[int, int]:
        return block * BLOCK, min(self.n, (block + 1) * BLOCK)
