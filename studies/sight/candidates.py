"""Newer forms that stand in the matrix to be judged (decision 012), written as their papers define them.

pqmass            Lemos et al. 2024 (arXiv:2402.04355): chi-square of the counts in the Voronoi cells of 100 reference
                  points, drawn from both sets and taken out of them, over its degrees of freedom; mean of 20 draws
vendi q=2         Renyi entropy of order 2 with the cosine kernel, which `vendi(q=2)` of the library has
vendi gauss       Shannon entropy with a Gaussian kernel of the real rows' median distance
vendi gauss q=2   Renyi order 2 of the same (RKE), which needs no eigenvalues
vendi truncated   Ospanov and Farnia 2024 (arXiv:2410.21719): of the same the n / 4 largest eigenvalues, the rest of
                  the trace spread over them
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.features.pair import Pair
from ganeval.metrics import METRICS
from ganeval.numerics.kernels import median_distance

POINTS, DRAWS = 100, 20
EIGEN = 600  # rows up to which an n x n matrix is decomposed
NAMES = ("pqmass", "vendi q=2", "vendi gauss", "vendi gauss q=2", "vendi truncated")
BETTER = {name: "lower" if name == "pqmass" else "target" for name in NAMES}


def candidates(pair: Pair) -> dict[str, float]:
    """The value of each candidate that has one at this n."""
    real, fake = (rows.cpu().double() for rows in (pair.require_real().embeddings, pair.fake.embeddings))
    found = {"pqmass": pqmass(real, fake), "vendi q=2": float(METRICS["vendi"](pair, q=2.0))}
    kernel = gram(fake, float(median_distance(real)))
    found["vendi gauss q=2"] = float(1 / (kernel / len(fake)).square().sum())
    if len(fake) <= EIGEN:
        values = np.linalg.eigvalsh(kernel.numpy() / len(fake)).clip(min=0)
        found["vendi gauss"] = shannon(values)
        found["vendi truncated"] = shannon(truncated(values, len(fake) // 4))
    return found


def pqmass(real: torch.Tensor, fake: torch.Tensor) -> float:
    """About 1 for two sets of one distribution; its square root of variance over draws of sets is sqrt(2 / 99)."""
    rows, n = torch.cat([real, fake]), len(real)
    found = []
    for draw in range(DRAWS):
        chosen = torch.from_numpy(np.random.default_rng(draw).choice(len(rows), POINTS, replace=False))
        cell = torch.cdist(rows, rows[chosen]).argmin(dim=1)
        left = torch.ones(len(rows), dtype=torch.bool)
        left[chosen] = False
        counts = np.stack(
            [np.bincount(cell[part][left[part]], minlength=POINTS) for part in (slice(n), slice(n, None))]
        )
        found.append(chi_square(counts[:, counts.sum(axis=0) > 0]))
    return float(np.mean(found))


def chi_square(counts: NDArray[np.int64]) -> float:
    """Of a table (2, k), over its k - 1 degrees of freedom."""
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    return float(((counts - expected) ** 2 / expected).sum() / (counts.shape[1] - 1))


def gram(rows: torch.Tensor, width: float) -> torch.Tensor:
    return torch.exp(-torch.cdist(rows, rows).square() / (2 * width**2))


def shannon(values: NDArray[np.float64]) -> float:
    """The exponential of the entropy of numbers that sum to 1."""
    p = values[values > 0] / values.sum()
    return float(np.exp(-(p * np.log(p)).sum()))


def truncated(values: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """The largest `most`, and what the others had in equal shares: the sum stays.

    >>> truncated(np.array([0.5, 0.25, 0.25]), 2).tolist()
    [0.625, 0.375]
    """
    largest = np.sort(values)[::-1][:most]
    return largest + (values.sum() - largest.sum()) / most
