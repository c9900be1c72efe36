"""Realism (Kynkaanniemi et al. 2019, arXiv:1904.06991, eq. 3) and rarity (Han et al. 2023, arXiv:2206.08549).

Both are about single images: sort by `per_sample` to see the least real and the rarest. Both use k = 3.
Where implementations differ: the guard against division by zero is 1e-5 in the units of the features in
Kynkaanniemi's code and 1e-5 of the median radius here, so that the unit of the features does not matter.
"""

from __future__ import annotations

import math

import numpy as np

from ganeval.errors import UndefinedError
from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.neighbours import REALISM_K
from ganeval.records.scores import Z95, Score


@metric(
    "realism", better="higher", perfect=None, version=1, paper="arXiv:1904.06991", question="fidelity", within=(0, 1e5)
)
def realism(pair: Pair) -> Score:
    """How deep inside the real manifold the median fake lies.

    For each fake the maximum over real balls of radius over distance to the centre; balls larger than the median one
    take no part. At least 1 means inside such a ball.

    Returns: (0, 1e5]: the median over fakes. A copy of a real image has up to 1e5, which is why the median and not
    the mean is reported; identical sets reach the same ceiling.
    Improved by: averaging. What is nearer to the middle of the data lies deeper in its balls.
    Bias: none in the number of fakes to first order (their median); with other reals it is another question.
    Standard error: from the order statistics that bound the median with 95 %, the real set held fixed.
    per_sample: realism of each fake.
    """
    values = pair.neighbours(REALISM_K).crossing.realism
    low, high = _median_interval(np.sort(values))
    se = (high - low) / (2 * Z95)
    return Score(
        float(np.median(values)),
        se=se,
        interval=(low, high),
        n=len(values),
        per_sample={"realism": values.astype(np.float32)},
    )


@metric(
    "rarity",
    better="target",
    perfect=None,
    version=1,
    paper="arXiv:2206.08549",
    question="diversity",
    within=(0, math.inf),
)
def rarity(pair: Pair) -> Score:
    """How sparse the reals are around a fake: do fakes reach the rare corners of the data?

    For each fake the smallest radius of a real ball that contains it; 0 for a fake outside all balls, whose rarity is
    undefined (section 4 of the paper). The score is the mean over the fakes inside.

    Returns: (0, inf), in units of the embedding; neither high nor low is good: `details["real"]` is the mean radius of
    the real balls for comparison.
    Bias: none in the number of fakes, of which it is a mean; with other reals it is another question.
    Standard error: that of a mean over fakes, the real set held fixed.
    per_sample: rarity of each fake, 0 outside. details: outside, the share of fakes without a rarity.
    Raises: UndefinedError when fewer than two fakes lie in a real ball.
    """
    near = pair.neighbours(REALISM_K)
    smallest = near.crossing.in_real.smallest[:, REALISM_K - 1]
    inside = np.isfinite(smallest)
    values = smallest[inside]
    if len(values) < 2:
        raise UndefinedError(
            f"rarity needs two fakes inside real balls; {len(values)} of {len(inside)} are. Read precision and realism."
        )
    details = {"outside": float(1 - inside.mean()), "real": float(near.real.distance[:, REALISM_K - 1].mean())}
    return Score(
        values.mean(),
        se=values.std(ddof=1) / len(values) ** 0.5,
        n=len(inside),
        details=details,
        per_sample={"rarity": np.where(inside, smallest, 0).astype(np.float32)},
    )


def _median_interval(ordered: np.ndarray) -> tuple[float, float]:
    """The two order statistics between which the population's median lies with at least 95 %, or the extremes."""
    from scipy.stats import binom

    n = len(ordered)
    rank = max(int(binom.ppf(0.025, n, 0.5)) - 1, 0)
    return float(ordered[rank]), float(ordered[n - 1 - rank])
