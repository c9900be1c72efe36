"""Rows made ready for k-means: in single precision where that holds what tells them apart, else centred in double."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.errors import UndefinedError

HELD = 1e-4  # rounding to single precision, as a share of the distance between typical rows
MODEST = 1e15  # larger squares overflow single precision, smaller ones (1 / 1e15) vanish in it


def clustering_rows(sets: Sequence[torch.Tensor]) -> NDArray[np.floating]:
    """All `sets` of rows below each other; float32, or float64 centred and scaled to 1 where float32 would lose them.

    >>> clustering_rows([torch.tensor([[1.0], [2.0]])]).dtype.name
    'float32'
    >>> clustering_rows([torch.tensor([[1e9], [1e9 + 1]], dtype=torch.float64)]).ravel().tolist()
    [-1.0, 1.0]
    """
    rows = torch.cat([part.cpu() for part in sets])
    exact = rows.double()
    away = (exact - exact.median(dim=0).values).norm(dim=1)
    typical = float(away[away > 0].median()) if bool(away.any()) else 1.0
    largest = float(exact.abs().max())
    if largest < MODEST and typical > 1 / MODEST and torch.finfo(torch.float32).eps * largest <= HELD * typical:
        return rows.float().numpy()
    moved = exact - exact.mean(dim=0)
    reach = float(moved.abs().max())
    if torch.finfo(torch.float64).eps ** 0.5 * reach > typical:
        raise UndefinedError(
            f"Half of the rows lie within {typical:.3g} of the middle, one {reach:.3g} away: k-means squares "
            "distances, and beside that one the others are one point. Find out where it comes from."
        )
    return (moved / 2.0 ** np.ceil(np.log2(reach)) if reach > 0 else moved).numpy()
