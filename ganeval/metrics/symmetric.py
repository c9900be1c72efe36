"""Symmetric precision (Khayatkhoei and AbdAlmageed 2023, "Emergent Asymmetry of Precision and Recall",
arXiv:2306.09618).

In many dimensions a shell of fakes just inside the real one has precision 1 and one just outside has 0, though both are
equally wrong: balls around reals reach inwards, not outwards. The lower of both directions has no such side. (Symmetric
recall is the lower of `recall` and `coverage`, which stand in every evaluation.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganeval.core.options import Neighbours
from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.intervals import wilson
from ganeval.numerics.jackknife import EIGHTHS, NEVER, kept_levels
from ganeval.numerics.nearest import Nearest
from ganeval.records.scores import Score, share_interval

K = 5  # section 5 of the paper


@metric(
    "symmetric_precision",
    better="higher",
    perfect=1.0,
    version=1,
    paper="arXiv:2306.09618",
    question="fidelity",
    within=(0, 1),
    biased_in_n=True,
)
def symmetric_precision(pair: Pair, *, k: Neighbours = K) -> Score:
    """The lower of "the share of fakes in a real ball" and "the share of fakes whose own ball holds a real".

    Section 4 of the paper: the first is `precision`, the second its complement, with balls around fakes that reach to
    their k-th nearest other fake.

    Returns: [0, 1]; 1 for identical sets; for two samples of one distribution and equal n at most about 1 - 2^-k.
    Bias: depends on both n; compare at equal n only.
    Standard error: delete-a-group jackknife over fakes (their radii follow), the real set held fixed. Measured on
    two real embeddings (n = 500): 0.9 to 1.1 times the truth.
    details: precision, complement (the two shares).
    """
    near = pair.neighbours(k)
    inside = near.crossing.in_real.count[:, k - 1] > 0
    holds = near.crossing.fake_to_real.squared[:, 0] <= near.fake.squared[:, k - 1]
    precision, complement, n = float(inside.mean()), float(holds.mean()), len(inside)
    kept = EIGHTHS.kept(n, pair.strata)
    levels = _levels_that_hold(near.fake, near.crossing.fake_to_real.squared[:, 0], kept)
    left = [(part & kept).sum(axis=0) / kept.sum(axis=0) for part in (inside[:, None], levels < k)]
    value, se = min(precision, complement), EIGHTHS.se(np.minimum(*left))
    interval = share_interval(value, se) if se > 0 else wilson(round(n * value), n)
    return Score(value, se=se, interval=interval, n=n, details={"precision": precision, "complement": complement})


def _levels_that_hold(fake: Nearest, nearest_real: NDArray[np.float64], kept: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """(m, subsets): the lowest k, less one, at which a fake's ball among the kept fakes holds its nearest real."""
    nearer = (fake.squared < nearest_real[:, None]).sum(axis=1)
    levels = kept_levels(kept, fake.index)[np.arange(len(nearer)), nearer]
    levels[nearer == fake.squared.shape[1]] = NEVER
    return levels
