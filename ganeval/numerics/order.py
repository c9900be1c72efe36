"""An order of rows that depends on the rows alone, so that seeded choices among them do not depend on the file's
order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray


def canonical_order(rows: torch.Tensor | NDArray[np.floating], seed: int = 0) -> NDArray[np.int64]:
    """Indices (n,) that sort rows (n, d) along a seeded random direction, and in full where projections are equal.

    >>> rows = torch.tensor([[5.0], [1.0]])
    >>> canonical_order(rows).tolist() == canonical_order(rows.flip(0)).tolist()[::-1]
    True
    """
    values = torch.as_tensor(rows)
    keys = row_keys(values, seed)
    order = np.argsort(keys, kind="stable")
    tied = keys[order][1:] == keys[order][:-1]
    return np.lexsort((*values.cpu().double().numpy().T[::-1], keys)) if tied.any() else order


def row_keys(rows: torch.Tensor, seed: int = 0) -> NDArray[np.float64]:
    """One number a row, (n,), that is the same bit for bit for equal rows wherever they stand."""
    direction = torch.randn(rows.shape[1], generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    # Row by row, not as one product: a blocked product may round equal rows differently in different places.
    return (rows.cpu().to(torch.float64) * direction).sum(dim=1).numpy()


def seeded_rows(rows: torch.Tensor, at_most: int, seed: int) -> torch.Tensor:
    """Indices of `at_most` rows, or of all, in a seeded random order that does not depend on the order of the file.

    >>> sorted(seeded_rows(torch.eye(3), 5, seed=0).tolist())
    [0, 1, 2]
    """
    chosen = np.random.default_rng(seed).permutation(len(rows))[:at_most]
    return torch.from_numpy(canonical_order(rows, seed)[chosen]).to(rows.device)


def by_lot(rows: torch.Tensor, seed: Sequence[int]) -> torch.Tensor:
    """(n,) indices of all rows in a random order that depends on what is in them, not on where they stand.

    A row's lot is the hash of its numbers. A fixed permutation of sorted rows will not do where rows are put in groups:
    the groups would hold the same ranks in every sample, and their mean MMD^2 was off by a quarter of its spread.

    >>> rows = torch.tensor([[1.0], [2.0], [3.0]])
    >>> torch.equal(rows[by_lot(rows, [0])], rows.flip(0)[by_lot(rows.flip(0), [0])])
    True
    """
    salt = ",".join(map(str, seed)).encode()
    exact = rows.detach().cpu().double() + 0.0  # -0.0 is 0.0
    lots = [hashlib.blake2b(row.tobytes(), digest_size=8, key=salt).digest() for row in exact.numpy()]
    return torch.from_numpy(np.argsort(np.array(lots, dtype="S8").view(">u8"), kind="stable")).to(rows.device)


def shuffled_sides(n_real: int, n_fake: int, permutations: int, seed: int | Sequence[int]) -> torch.Tensor:
    """(n, 1 + permutations) bool: True where a row is taken for a fake; the first column is the truth.

    >>> shuffled_sides(2, 1, 3, seed=0).sum(dim=0).tolist(), shuffled_sides(2, 1, 3, seed=0)[:, 0].tolist()
    ([1, 1, 1, 1], [False, False, True])
    """
    sides = np.tile(np.repeat([False, True], [n_real, n_fake]), (1 + permutations, 1))
    np.random.default_rng(seed).permuted(sides[1:], axis=1, out=sides[1:])
    return torch.from_numpy(np.ascontiguousarray(sides.T))
