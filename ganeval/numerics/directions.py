"""Rows as directions: what a cosine compares."""

from __future__ import annotations

import torch

from ganeval.errors import UndefinedError


def unit_rows(rows: torch.Tensor) -> torch.Tensor:
    """Rows (n, d) divided by their lengths; half the squared distance of two is then their cosine distance.

    Raises: `UndefinedError` where a row is all zero.

    >>> unit_rows(torch.tensor([[3.0, 4.0], [0.0, 2.0]])).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 1.0]]
    """
    lengths = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
    if bool((lengths == 0).any()):
        raise UndefinedError("A row of zeros has no direction, so no cosine; remove it or use another extractor.")
    return rows / lengths
