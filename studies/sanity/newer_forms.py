"""Newer fidelity and diversity metrics, written down to be judged by the sanity suite beside those of the library.

    symmetric recall                 Khayatkhoei and AbdAlmageed 2023 (arXiv:2306.09618), k = 5
    P-precision, P-recall            Park and Kim 2023 (arXiv:2309.01590), k = 4, radius 1.2 times the mean one
    precision, recall cover          Cheema and Urner 2023 (AISTATS, PMLR 206), k = 3 of k' = 9
    TopP, TopR                       Kim et al. 2023 (arXiv:2306.08013), cosine kernel, 10 bootstraps, level 0.1

What passes a situation that nothing of its kind in the library passed has moved there (symmetric precision, alpha-
precision, beta-recall). TopP&R differs from its authors' code in the bandwidth: the median distance to the 5d-th
nearest of all other rows, where they search the later rows only, and in up to three dimensions maximise persistence.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.features.pair import Pair
from ganeval.numerics.order import canonical_order

SYMMETRIC_K = 5
PROBABLE_K, PROBABLE_REACH = 4, 1.2
COVER_K, COVER_OF = 3, 9
TOP_DIMENSIONS, TOP_REPEATS, TOP_LEVEL = 32, 10, 0.1


def symmetric_recall(pair: Pair) -> float:
    """The lower of recall and coverage."""
    near = pair.neighbours(SYMMETRIC_K)
    inside = (near.crossing.in_fake.count[:, SYMMETRIC_K - 1] > 0).mean()
    holding = near.crossing.real_to_fake.squared[:, 0] <= near.real.squared[:, SYMMETRIC_K - 1]
    return float(min(inside, holding.mean()))


def p_precision(pair: Pair) -> float:
    """The mean probability that a fake belongs to some real row's ball, all of one soft radius."""
    real, fake = pair.require_real().embeddings, pair.fake.embeddings
    return _probable(fake, real, pair.neighbours(PROBABLE_K).real.distance)


def p_recall(pair: Pair) -> float:
    real, fake = pair.require_real().embeddings, pair.fake.embeddings
    return _probable(real, fake, pair.neighbours(PROBABLE_K).fake.distance)


def _probable(rows: torch.Tensor, centres: torch.Tensor, distance: NDArray[np.float64]) -> float:
    radius = PROBABLE_REACH * distance[:, PROBABLE_K - 1].mean()
    outside = (torch.cdist(rows, centres, compute_mode="donot_use_mm_for_euclid_dist") / radius).clamp_(max=1)
    return float(1 - outside.prod(dim=1).mean())


def precision_cover(pair: Pair) -> float:
    """The share of fake balls of 9 fakes that hold at least 3 reals."""
    near = pair.neighbours(COVER_OF)
    return float((near.crossing.fake_to_real.squared[:, COVER_K - 1] <= near.fake.squared[:, COVER_OF - 1]).mean())


def recall_cover(pair: Pair) -> float:
    """The share of real balls of 9 reals that hold at least 3 fakes."""
    near = pair.neighbours(COVER_OF)
    return float((near.crossing.real_to_fake.squared[:, COVER_K - 1] <= near.real.squared[:, COVER_OF - 1]).mean())


def top_precision(pair: Pair) -> float:
    """Among fakes that are significant in their own density, the share where that of the reals is significant too."""
    real, fake = _projected(pair)
    return _both_significant(fake, real)


def top_recall(pair: Pair) -> float:
    """The same with the sets exchanged."""
    real, fake = _projected(pair)
    return _both_significant(real, fake)


def _projected(pair: Pair) -> tuple[torch.Tensor, torch.Tensor]:
    """Both sets in an order of their own, so that the same rows are drawn whatever order they came in."""
    real, fake = (
        rows.double()[canonical_order(rows)] for rows in (pair.require_real().embeddings, pair.fake.embeddings)
    )
    d = real.shape[1]
    if d <= TOP_DIMENSIONS:
        return real, fake
    g = torch.Generator().manual_seed(0)
    to = torch.randn(d, TOP_DIMENSIONS, generator=g, dtype=torch.float64) * (2 / (d + TOP_DIMENSIONS)) ** 0.5
    return real @ to, fake @ to


def _both_significant(rows: torch.Tensor, others: torch.Tensor) -> float:
    _, band, density = _banded_density(rows)
    other_width, other_band, _ = _banded_density(others)
    own, there = density > band, _kernel(rows, others, other_width).mean(dim=1) > other_band
    return float((own & there).sum() / own.sum()) if bool(own.any()) else 0.0


def _banded_density(rows: torch.Tensor) -> tuple[float, float, torch.Tensor]:
    """Bandwidth, bootstrapped confidence band, and the density (n,) at the rows, all up to one constant."""
    n, d = rows.shape
    k = min(5 * d, n - 1)
    width = float(torch.cdist(rows, rows).kthvalue(k + 1, dim=1).values.median())
    kernel = _kernel(rows, rows, width)
    drawn = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), TOP_REPEATS).T / n
    density = kernel.mean(dim=1)
    apart = (kernel @ torch.from_numpy(drawn) - density[:, None]).abs().amax(dim=0)
    return width, float(apart.quantile(1 - TOP_LEVEL)), density


def _kernel(at: torch.Tensor, rows: torch.Tensor, width: float) -> torch.Tensor:
    distance = torch.cdist(at, rows) / width
    return torch.where(distance <= 1, (distance * (torch.pi / 2)).cos(), 0.0)


FIDELITY: dict[str, Callable[[Pair], float]] = {
    "p_precision": p_precision,
    "precision_cover": precision_cover,
    "top_precision": top_precision,
}
DIVERSITY: dict[str, Callable[[Pair], float]] = {
    "symmetric_recall": symmetric_recall,
    "p_recall": p_recall,
    "recall_cover": recall_cover,
    "top_recall": top_recall,
}
