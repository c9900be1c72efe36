"""Alpha-precision and beta-recall (Alaa et al. 2022, arXiv:2102.08921): agreement at every depth of the distribution.

Where implementations differ: synthcity first trains a one-class network and measures depth in its output, or not
("naive"); here depth is the distance to the mean embedding. It takes 30 levels and the depths of those fakes that are
somebody's nearest; here every row is a level and the innermost share of fakes is that of the paper. Distribution
functions count ties half, so that identical sets are exactly 1 whatever their duplicates.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.errors import TooFewSamplesError, UndefinedError
from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.jackknife import EIGHTHS
from ganeval.numerics.nearest import Nearest
from ganeval.records.scores import Score, share_interval

BLOCK = 1024  # rows held in float64 at a time
LISTED = 20  # reals named in the details

Depths = NDArray[np.float64]


@metric(
    "alpha_precision",
    better="higher",
    perfect=1.0,
    version=1,
    paper="arXiv:2102.08921",
    question="fidelity",
    least_n=20,
    within=(0, 1),
    biased_in_n=True,
)
def alpha_precision(pair: Pair) -> Score:
    """Are fakes as often near the middle of the data, and as often at its rim, as reals are?

    Section 3.1 of the paper: 1 - 2 integral of |P_alpha - alpha|, P_alpha the share of fakes in the ball around the
    mean real that holds the share alpha of reals; alpha runs over all reals.

    Returns: [0, 1]; 1 for identical sets. A second sample of the same distribution gets 1 - 0.63 sqrt(1/n + 1/m), which
    is 0.97 for 1000 of each. It sees fakes that all lie too far inside or outside (a shell grown past the real one,
    which `precision` and `density` miss), and nothing that keeps distances to the centre: read it beside them.
    Bias: downwards near 1, about proportional to 1 / sqrt(n); compare at equal n only.
    Standard error: influence of each fake, the real set held fixed; near 1 too large rather than too small.
    per_sample: influence, depth (the share of reals nearer to the centre, in [0, 1]).
    """
    real = pair.require_real().embeddings
    if len(real) < 2 or len(pair.fake) < 2:
        raise TooFewSamplesError(
            f"alpha_precision needs two rows of each set; got {len(real)} real and {len(pair.fake)} fake. Pass more "
            "images."
        )
    if bool((real == real[0]).all()):
        raise UndefinedError("alpha_precision needs real features that differ; all are equal. Check the extractor.")
    centre = real.mean(dim=0, dtype=torch.float64)
    levels, fake = np.sort(_depths(real, centre)), _depths(pair.fake.embeddings, centre)
    gap = _share_below(np.sort(fake), levels, len(fake)) - _share_below(levels, levels, len(levels))
    influence = _influence(levels, gap, fake)
    depth = _share_below(levels, fake, len(levels)).astype(np.float32)
    return Score.from_influence(1 - 2 * np.abs(gap).mean(), influence, per_sample={"depth": depth})


@metric(
    "beta_recall",
    better="higher",
    perfect=1.0,
    version=1,
    paper="arXiv:2102.08921",
    question="diversity",
    within=(0, 1),
    biased_in_n=True,
)
def beta_recall(pair: Pair) -> Score:
    """Do the innermost fakes cover their share of the reals, and the outer ones the rest?

    Section 3.2 of the paper: 1 - 2 integral of |R_beta - beta|, R_beta the share of reals that have, nearer than any
    other real, a nearest fake among the share beta of fakes that is innermost (around the mean fake); beta runs over
    all fakes.

    Returns: [0, 1]; 1 for identical sets. A second sample of the same distribution covers only half of the reals (the
    nearest of all others is as often a real), and gets 0.55 in 4 dimensions (n = 300), 0.71 in 16 (n = 1000), where
    inner fakes are nearest to most reals; fakes that are 20 % too narrow get 0.82 there. Read it against the value of
    real images beside it, never against 1, and together with `coverage`.
    Bias: grows with the number of fakes and falls with that of reals; compare at equal n only.
    Standard error: delete-a-group jackknife over fakes, the real set held fixed, and the growth with n made up for.
    details: covered (the share of reals with a fake nearer than any other real), uncovered (up to 20 other reals).
    """
    near = pair.neighbours(1)
    to_fake, radius = near.crossing.real_to_fake, near.real.squared[:, 0]
    rows = pair.fake.embeddings
    centre = rows.mean(dim=0, dtype=torch.float64)
    everyone = np.ones(len(rows), bool)
    depths = _depths(rows, centre)
    value = _covered_agreement(to_fake, radius, depths, everyone)
    kept = EIGHTHS.kept(len(rows), pair.strata)
    moved = _depths_around_kept(rows, centre, depths, kept)
    left = [_covered_agreement(to_fake, radius, moved[:, s], kept[:, s]) for s in range(kept.shape[1])]
    se, close = EIGHTHS.se(np.array(left), whole=value), to_fake.squared[:, 0] <= radius
    return Score(
        value,
        se=se,
        interval=share_interval(value, se),
        n=len(rows),
        details={"covered": float(close.mean()), "uncovered": np.flatnonzero(~close)[:LISTED].tolist()},
    )


def _depths(rows: torch.Tensor, centre: torch.Tensor) -> Depths:
    """Distances (n,) to the centre."""
    parts = [torch.linalg.vector_norm(part.to(torch.float64) - centre, dim=1) for part in rows.split(BLOCK)]
    return torch.cat(parts).cpu().numpy()


def _depths_around_kept(rows: torch.Tensor, centre: torch.Tensor, depths: Depths, subsets: NDArray[np.bool_]) -> Depths:
    """(m, subsets): distances to the mean of each of the `subsets` (m, subsets) of rows, from one product.

    |x - c - s|^2 = |x - c|^2 - 2 (x - c).s + |s|^2 with s the shift of the mean.
    """
    kept = torch.from_numpy(subsets).to(rows.device, torch.float64)
    shift = torch.zeros(len(centre), kept.shape[1], dtype=torch.float64, device=rows.device)
    for part, k in zip(rows.split(BLOCK), kept.split(BLOCK), strict=True):
        shift.addmm_((part.to(torch.float64) - centre).T, k)
    shift /= kept.sum(dim=0)
    cross = torch.cat([(part.to(torch.float64) - centre) @ shift for part in rows.split(BLOCK)]).cpu().numpy()
    return np.sqrt(np.maximum(depths[:, None] ** 2 - 2 * cross + shift.square().sum(dim=0).cpu().numpy(), 0))


def _covered_agreement(to_fake: Nearest, radius: Depths, depths: Depths, kept: NDArray[np.bool_]) -> float:
    """1 - 2 mean |R - F| over the kept fakes, R the covered reals and F the kept fakes by depth."""
    stays = kept[to_fake.index]
    first = stays.argmax(axis=1)
    row = np.arange(len(first))
    close = stays[row, first] & (to_fake.squared[row, first] <= radius)
    levels = np.sort(depths[kept])
    reached = np.sort(depths[to_fake.index[row, first]][close])
    gap = _share_below(reached, levels, len(radius)) - _share_below(levels, levels, len(levels))
    return float(1 - 2 * np.abs(gap).mean())


def _share_below(ordered: Depths, at: Depths, of: int) -> Depths:
    """How many of `ordered` lie below each of `at`, those equal to it counted half, over `of`."""
    return (np.searchsorted(ordered, at, "left") + np.searchsorted(ordered, at, "right")) / (2 * of)


def _influence(levels: Depths, gap: Depths, fake: Depths) -> Depths:
    """Of each fake on 1 - 2 mean |gap|: -2 mean over levels of sign(gap) (1[fake below the level] - its share)."""
    signs = np.concatenate([[0.0], np.sign(gap).cumsum()])
    above = (
        signs[-1] - (signs[np.searchsorted(levels, fake, "left")] + signs[np.searchsorted(levels, fake, "right")]) / 2
    )
    return -2 * (above - above.mean()) / len(levels)
