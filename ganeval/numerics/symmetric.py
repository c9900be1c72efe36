"""X'X and X X' in float64 at half the price: a symmetric product needs one triangle only.

BLAS calls it a symmetric rank-k update (syrk). PyTorch offers no such call, SciPy does; measured here on one core at
d = 2048: 0.27 s against 0.45 s for the matrix product of 4096 rows. Other devices take the plain product.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from scipy.linalg import get_blas_funcs


def inner(tiles: Iterable[torch.Tensor], like: torch.Tensor) -> torch.Tensor:
    """The sum of X'X (d, d) over tiles X (n, d), all float64; `like` is (d,) and names the device.

    >>> inner([torch.tensor([[1.0, 2.0]], dtype=torch.float64)], torch.zeros(2, dtype=torch.float64)).tolist()
    [[1.0, 2.0], [2.0, 4.0]]
    """
    d = len(like)
    if like.device.type != "cpu":
        total = like.new_zeros(d, d)
        for tile in tiles:
            total.addmm_(tile.T, tile)
        return total
    (syrk,) = get_blas_funcs(("syrk",), dtype=np.float64)
    lower = np.zeros((d, d), order="F")
    for tile in tiles:
        if tile.numel():
            lower = syrk(1.0, tile.contiguous().numpy().T, beta=1.0, c=lower, lower=1, overwrite_c=1)
    return _mirrored(lower)


def outer(x: torch.Tensor) -> torch.Tensor:
    """X X' (n, n) of X (n, d), float64.

    >>> outer(torch.tensor([[1.0, 2.0], [0.0, 1.0]], dtype=torch.float64)).tolist()
    [[5.0, 2.0], [2.0, 1.0]]
    """
    if x.device.type != "cpu" or 0 in x.shape:
        return x @ x.T
    (syrk,) = get_blas_funcs(("syrk",), dtype=np.float64)
    return _mirrored(syrk(1.0, x.contiguous().numpy().T, trans=1, lower=1))


def _mirrored(lower: np.ndarray) -> torch.Tensor:
    half = torch.from_numpy(lower).tril()
    return half + half.tril(-1).T
