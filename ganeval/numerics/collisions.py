"""Pairs of rows that lie within a distance of each other: counted exactly, in tiles, the closest ones listed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.numerics.screens import screens
from ganeval.numerics.tiles import TILE, Tiles, exact_squares, upper_grid


@dataclass(frozen=True, eq=False)
class Collisions:
    """counts (n,): with how many others each row collides; pairs (p, 2) i < j, closest first, and their distances
    (p,).
    """

    counts: NDArray[np.int64]
    pairs: NDArray[np.int64]
    distances: NDArray[np.float64]


def collisions(rows: torch.Tensor, radius: float, *, listed: int = 20, tile: int = TILE) -> Collisions:
    """All pairs of rows (n, d) with |x - y| <= radius, closed; memory O(tile^2 + collisions).

    >>> found = collisions(torch.tensor([[0.0], [1.0], [5.0]]), 1.0)
    >>> found.counts.tolist(), found.pairs.tolist(), found.distances.tolist()
    ([1, 1, 0], [[0, 1]], [1.0])
    """
    (screen,) = screens(rows)
    tiles, limit = Tiles(screen, screen, tile), radius * radius * screen.unit
    counts = torch.zeros(len(rows), dtype=torch.int64, device=rows.device)
    near: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
    for a, b in upper_grid(len(rows), tile):
        lower = tiles.lower(a, b)
        i, j = (lower <= limit).nonzero(as_tuple=True)
        i, j = i + a.start, j + b.start
        i, j = i[i < j], j[i < j]
        squares = exact_squares(screen, i, screen, j)
        inside = squares <= limit * (1 + 1e-15)
        i, j, squares = i[inside], j[inside], squares[inside]
        counts += torch.bincount(torch.cat([i, j]), minlength=len(rows))
        first = squares.argsort(stable=True)[:listed]
        near.append((torch.stack([i, j], dim=1)[first].cpu().numpy(), squares[first].cpu().numpy()))
    pairs, squares = (np.concatenate(parts) for parts in zip(*near, strict=True))
    order = np.lexsort((pairs[:, 1], pairs[:, 0], squares))[:listed]
    return Collisions(counts.cpu().numpy(), pairs[order], np.sqrt(squares[order] / screen.unit))
