"""Newer fidelity and diversity metrics, written down to be judged by the sanity suite beside those of the library.

    symmetric precision, recall      Khayatkhoei and AbdAlmageed 2023 (arXiv:2306.09618), k = 5
    P-precision, P-recall            Park and Kim 2023 (arXiv:2309.01590), k = 4, radius 1.2 times the mean one
    precision, recall cover          Cheema and Urner 2023 (AISTATS, PMLR 206), k = 3 of k' = 9
    alpha-precision, beta-recall     Alaa et al. 2022 (arXiv:2102.08921), 30 levels, in the space of the features

They are short because they read the library's sweep. TopP&R (Kim et al. 2023, arXiv:2306.08013) is left out: its value
needs a density estimate with a bootstrapped band in a random projection, so it answers with another seed differently.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.pair import Pair

SYMMETRIC_K = 5
PROBABLE_K, PROBABLE_REACH = 4, 1.2
COVER_K, COVER_OF = 3, 9
LEVELS = np.linspace(0, 1, 30)


def symmetric_precision(pair: Pair) -> float:
    """The lower of "fakes in a real ball" and "fakes whose own ball holds a real"."""
    near = pair.neighbours(SYMMETRIC_K)
    inside = (near.crossing.in_real.count[:, SYMMETRIC_K - 1] > 0).mean()
    holding = near.crossing.fake_to_real.squared[:, 0] <= near.fake.squared[:, SYMMETRIC_K - 1]
    return float(min(inside, holding.mean()))


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


def alpha_precision(pair: Pair) -> float:
    """1 - 2 integral |P_alpha - alpha|, P_alpha the share of fakes in the ball of the innermost share alpha of reals."""
    from_real, from_fake = _from_centre(pair.require_real().embeddings, pair.fake.embeddings)
    inside = (from_fake <= np.quantile(from_real, LEVELS)[:, None]).mean(axis=1)
    return _agreement(inside)


def beta_recall(pair: Pair) -> float:
    """1 - 2 integral |R_beta - beta|, R_beta the share of reals nearer to an inner fake than to any other real."""
    fake = pair.fake.embeddings
    (from_fake,) = _from_centre(fake)
    near = pair.neighbours(1)
    close = near.crossing.real_to_fake.squared[:, 0] <= near.real.squared[:, 0]
    depth = from_fake[near.crossing.real_to_fake.index[:, 0]]
    return _agreement(((depth <= np.quantile(from_fake, LEVELS)[:, None]) & close).mean(axis=1))


def _from_centre(*sets: torch.Tensor) -> list[NDArray[np.float64]]:
    centre = sets[0].mean(dim=0)
    return [(rows - centre).norm(dim=1).cpu().numpy() for rows in sets]


def _agreement(share: NDArray[np.float64]) -> float:
    return float(1 - 2 * np.trapezoid(np.abs(share - LEVELS), LEVELS))


FIDELITY: dict[str, Callable[[Pair], float]] = {
    "symmetric_precision": symmetric_precision, "p_precision": p_precision, "precision_cover": precision_cover,
    "alpha_precision": alpha_precision,
}  # fmt: skip
DIVERSITY: dict[str, Callable[[Pair], float]] = {
    "symmetric_recall": symmetric_recall, "p_recall": p_recall, "recall_cover": recall_cover, "beta_recall": beta_recall,
}  # fmt: skip
