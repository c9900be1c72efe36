"""What turns images into rows: the protocol that extractors and the classifier zoo share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.errors import WrongInputError

SUM_TOLERANCE = 1e-2  # share by which sums of probabilities may miss theirs: those in bfloat16 do by half of it
TELLING = 10  # rows from which it is no chance that all lie in [0, 1] or have one sum


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


def embed(pixels: NDArray[np.uint8], network: Extractor, device: torch.device) -> Embedded:
    """What the network makes of uint8 (n, c, h, w) pixels, without gradients; raises where that is not n rows."""
    with torch.no_grad():
        found = _checked(network(torch.tensor(pixels, device=device)), len(pixels), network.name)
    return Embedded(**{name: rows.detach() for name, rows in columns(found).items()})


def columns(rows: Embedded) -> dict[str, torch.Tensor]:
    """The fields that are there, by name."""
    return {name: value for name, value in rows._asdict().items() if value is not None}


def require_logits(logits: torch.Tensor) -> None:
    """Refuse what cannot be logits: one column, which says nothing, and probabilities, whose softmax is another thing.

    Rows that are non-negative and sum to one are probabilities; so are those that sum to 100 or 255 each, and those that
    lie in [0, 1] as a sigmoid leaves them. Logarithms of probabilities are logits.
    """
    if logits.ndim != 2 or logits.shape[1] < 2 or not logits.is_floating_point():
        raise WrongInputError(
            f"Logits must be floating point (n, k) with k >= 2 classes; got {logits.dtype} {tuple(logits.shape)}. "
            "Of one number per image make two columns: torch.stack([-x / 2, x / 2], dim=1)."
        )
    if len(logits) and (why := _why_probabilities(logits.double())):
        raise WrongInputError(
            f"Logits must come before the softmax; these rows {why}, so they are probabilities. Take the network's output "
            "before its softmax or sigmoid, or pass the logarithms of the probabilities."
        )


def _why_probabilities(rows: torch.Tensor) -> str:
    """What shows that rows are shares of the classes; "" for what may be logits."""
    if not bool((rows >= 0).all()):
        return ""
    sums = rows.sum(dim=1)
    if bool(((sums - 1).abs() <= SUM_TOLERANCE).all()):
        return "are non-negative and sum to one"
    if len(rows) < TELLING or not bool(sums.any()):
        return ""
    if bool(sums.max() - sums.min() <= SUM_TOLERANCE * sums.mean()):
        return f"are non-negative and sum to {float(sums.mean()):.4g} each"
    return "all lie between 0 and 1" if bool((rows <= 1).all()) else ""


def _checked(found: Any, n: int, name: str) -> Embedded:
    """What a network gave for n images, if that is rows; what it gave instead is said."""
    if not isinstance(found, Embedded):
        shape = f" of shape {tuple(found.shape)}" if isinstance(found, torch.Tensor) else ""
        raise WrongInputError(
            f"The extractor {name} must return ganeval.core.extractor.Embedded(embeddings, logits=None, spatial=None); it "
            f"returned {type(found).__name__}{shape}. Return Embedded(rows) with rows of shape (n, d)."
        )
    for column, rows in columns(found).items():
        right = isinstance(rows, torch.Tensor) and rows.ndim == 2 and len(rows) == n and rows.is_floating_point()
        if not right or not rows.shape[1]:
            shape = f"{rows.dtype} {tuple(rows.shape)}" if isinstance(rows, torch.Tensor) else type(rows).__name__
            raise WrongInputError(
                f"The extractor {name} must return floating-point {column} of shape ({n}, d) for {n} images; got {shape}."
            )
    return found
