"""One batch through one network: rows that are checked, without gradients."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.core.extractor import Embedded, Extractor
from ganeval.errors import WrongInputError


def embed(pixels: NDArray[np.uint8], network: Extractor, device: torch.device) -> Embedded:
    """What the network makes of uint8 (n, c, h, w) pixels, without gradients; raises where that is not n rows."""
    with torch.no_grad():
        found = _checked(network(torch.tensor(pixels, device=device)), len(pixels), network.name)
    return Embedded(**{name: rows.detach() for name, rows in columns(found).items()})


EVERYTHING = frozenset(Embedded._fields)


def only(rows: Embedded, names: Collection[str]) -> Embedded:
    """The embeddings, and of the other columns those that are named."""
    return Embedded(rows.embeddings, *(getattr(rows, name) if name in names else None for name in Embedded._fields[1:]))


def columns(rows: Embedded) -> dict[str, torch.Tensor]:
    """The fields that are there, by name."""
    return {name: value for name, value in rows._asdict().items() if value is not None}


def _checked(found: Any, n: int, name: str) -> Embedded:
    """What a network gave for n images, if that is rows; what it gave instead is said."""
    if not isinstance(found, Embedded):
        shape = f" of shape {tuple(found.shape)}" if isinstance(found, torch.Tensor) else ""
        raise WrongInputError(
            f"The extractor {name} must return ganeval.core.extractor.Embedded(embeddings, logits=None, spatial=None); "
            f"it returned {type(found).__name__}{shape}. Return Embedded(rows) with rows of shape (n, d)."
        )
    for column, rows in columns(found).items():
        right = isinstance(rows, torch.Tensor) and rows.ndim == 2 and len(rows) == n and rows.is_floating_point()
        if not right or not rows.shape[1]:
            shape = f"{rows.dtype} {tuple(rows.shape)}" if isinstance(rows, torch.Tensor) else type(rows).__name__
            raise WrongInputError(
                f"The extractor {name} must return floating-point {column} of shape ({n}, d) for {n} images; got "
                f"{shape}."
            )
    return found
