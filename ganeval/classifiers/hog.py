"""Histograms of oriented gradients (Dalal and Triggs 2005, doi:10.1109/CVPR.2005.177), for small grey images.

Unsigned orientations, linear interpolation between neighbouring orientation bins but none between cells, blocks of
2x2 cells with overlap, L2-Hys normalisation (clip at 0.2). Pixels beyond the last whole cell are left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CLIP = 0.2  # Dalal and Triggs 2005, section 6.4


def hog(rows: NDArray[np.floating], *, shape: tuple[int, int], cell: int = 4, bins: int = 9) -> NDArray[np.float64]:
    """Rows of flat images (n, h * w) -> descriptors (n, blocks * 4 * bins), each block of unit length or less.

    >>> ramp = np.tile(np.arange(8.0), (8, 1)).reshape(1, 64)  # brighter to the right: orientation 0 everywhere
    >>> hog(ramp, shape=(8, 8), bins=4).round(2).tolist()
    [[0.5, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0]]
    """
    images = rows.reshape(-1, *shape).astype(np.float64)
    down, right = np.gradient(images, axis=1), np.gradient(images, axis=2)
    size = np.hypot(down, right)
    position = (np.arctan2(down, right) % np.pi) / np.pi * bins  # in [0, bins]
    lower = np.floor(position)
    weight = position - lower
    votes = np.zeros((*images.shape, bins))
    for index, share in ((lower, 1 - weight), (lower + 1, weight)):
        chosen = (index.astype(np.int64) % bins)[..., None]
        np.put_along_axis(votes, chosen, np.take_along_axis(votes, chosen, 3) + (share * size)[..., None], 3)
    return _blocks(_cells(votes, cell))


def _cells(votes: NDArray[np.float64], cell: int) -> NDArray[np.float64]:
    n, height, width, bins = votes.shape
    high, wide = height // cell, width // cell
    inside = votes[:, : high * cell, : wide * cell]
    return inside.reshape(n, high, cell, wide, cell, bins).sum(axis=(2, 4))


def _blocks(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    parts = [cells[:, :-1, :-1], cells[:, :-1, 1:], cells[:, 1:, :-1], cells[:, 1:, 1:]]
    blocks = np.concatenate(parts, axis=3)
    clipped = np.minimum(_unit(blocks), CLIP)
    return _unit(clipped).reshape(len(cells), -1)


def _unit(blocks: NDArray[np.float64]) -> NDArray[np.float64]:
    return blocks / np.sqrt((blocks**2).sum(axis=3, keepdims=True) + 1e-10)
