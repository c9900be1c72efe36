"""What turns images into rows: the protocol that extractors and the classifier zoo share. Types alone, no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch


class Embedded(NamedTuple):
    """What one batch becomes. All rows independent of their batch mates."""

    embeddings: torch.Tensor  # (n, d) float32
    logits: torch.Tensor | None = None  # (n, k) float32, calibrated, before softmax
    spatial: torch.Tensor | None = None  # (n, s) float32, for sFID where an extractor offers it


@runtime_checkable
class Extractor(Protocol):
    """uint8 NCHW in [0, 255] on its own device -> `Embedded`. Owns resizing, normalisation, device and precision."""

    @property
    def name(self) -> str:
        """Printed beside every number: "inception", "hoda-cnn"."""
        ...

    @property
    def weights_sha256(self) -> str: ...

    @property
    def preprocessing(self) -> str:
        """Everything between uint8 and the network, in one line; two extractors with the same line do the same."""
        ...

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of the logits; empty where there are none."""
        ...

    @property
    def confusion(self) -> NDArray[np.int64] | None:
        """(k, k) counts on the real test split, rows true, columns predicted; None for what is no zoo member."""
        ...

    def to(self, device: torch.device, precision: str = "fp32") -> Self: ...

    def __call__(self, images: torch.Tensor) -> Embedded: ...


@dataclass(frozen=True, eq=False)
class ExtractorSpec:
    """A registered extractor: `load()` builds it, and may read or download weights."""

    name: str
    load: Callable[[], Extractor]
    licence: str = ""
    summary: str = ""
    shape: tuple[int, int, int] | None = None  # (c, h, w) of the images it takes; None where it resizes or does not say
