"""Clipped density and clipped coverage (Salvy, Talbot and Thirion 2025, arXiv:2507.01761): the share of good samples.

Density and coverage with every influence bounded, then calibrated: half of the samples replaced by bad ones gives half
the score. Where this differs from the authors' code: balls are closed (<=), so duplicated rows are safe, and the
inverse of the expected coverage is interpolated rather than rounded to 1/(m + 1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ganeval.core.options import Neighbours
from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.balls import own_clipped_counts
from ganeval.numerics.intervals import wilson
from ganeval.numerics.jackknife import EIGHTHS
from ganeval.numerics.neighbours import Neighbours as Sweep
from ganeval.records.scores import Z95, Score

K = 5  # section 4 of the paper


@metric(
    "clipped_density",
    better="higher",
    perfect=1.0,
    version=1,
    paper="arXiv:2507.01761",
    question="fidelity",
    within=(0, 1),
)
def clipped_density(pair: Pair, *, k: Neighbours = K) -> Score:
    """The share of fakes as good as real ones: density in which no ball and no fake can count too much.

    Radii of real balls are cut at their median, a fake in more than k balls counts as in k; the mean over fakes is
    divided by the same mean over reals in each other's balls, and cut at 1 (eq. 5 and 6 of the paper).

    Returns: [0, 1]; 1 for identical sets and, up to noise, for fresh samples of one distribution; falls linearly with
    the share of bad samples.
    Bias: none in n but for the cut, which lowers the mean of values next to 1 by up to 0.4 standard errors.
    Standard error: that of a mean over fakes, the real set held fixed.
    per_sample: balls, what each fake contributes before the division, in [0, 1].
    details: uncut, the value before it was cut at 1.
    """
    near = pair.neighbours(k)
    own = own_clipped_counts(pair.require_real().embeddings, near.real, k)
    balls = np.minimum(near.crossing.in_real.clipped[:, k - 1] / k, 1)
    ideal = float(np.minimum(own / k, 1).mean())
    value, se = float(balls.mean()) / ideal, float(balls.std(ddof=1)) / len(balls) ** 0.5 / ideal
    return Score(
        min(value, 1.0),
        se=se,
        interval=_within_one(value, se, len(balls)),
        n=len(balls),
        per_sample={"balls": balls.astype(np.float32)},
        details={"uncut": value},
    )


@metric(
    "clipped_coverage",
    better="higher",
    perfect=1.0,
    version=1,
    paper="arXiv:2507.01761",
    question="diversity",
    within=(0, 1),
    biased_in_n=True,
)
def clipped_coverage(pair: Pair, *, k: Neighbours = K) -> Score:
    """The share of fakes that cover the reals as well as reals would: coverage that counts to k, calibrated.

    Each real ball counts its fakes, at most k; the mean over reals, over k, is what a set of m' good samples would
    reach in expectation, and m' / m is the score (eq. 7 to 9 of the paper, beta-binomial law).

    Returns: [0, 1]; 1 for identical sets and, up to noise, for fresh samples of one distribution; falls linearly with
    the share of bad samples.
    Bias: the calibration removes the dependence on n where fakes are good or far away. It stays for fakes that are only
    a little off: balls shrink as n grows, and one generator gets 0.64 at n = 250, 0.40 at 2,000 and 0.21 at 8,000 (28 x
    28 letters, warped); compare at equal n only.
    Standard error: delete-a-group jackknife over fakes, the real balls held fixed; rather too large than too small.
    details: uncalibrated, the mean before the inversion.
    """
    near = pair.neighbours(k)
    n, m = len(near.real.squared), len(pair.fake)
    inside = near.crossing.real_to_fake.squared <= near.real.squared[:, [k - 1]]
    plain = float(np.minimum(inside.sum(1), k).mean() / k)
    value = float(share_of_good(np.array(plain), n, m, k))
    se = EIGHTHS.se(_left_out(near, inside, EIGHTHS.kept(m, pair.strata), k))
    return Score(value, se=se, interval=_within_one(value, se, m), n=m, details={"uncalibrated": plain})


def _left_out(near: Sweep, inside: NDArray[np.bool_], kept: NDArray[np.bool_], k: int) -> NDArray[np.float64]:
    """The score of each subset of fakes, from the stored lists of nearest fakes."""
    n = len(inside)
    counts = np.zeros((n, kept.shape[1]), np.uint8)
    for column in range(inside.shape[1]):
        counts += kept[near.crossing.real_to_fake.index[:, column]] & inside[:, [column]]
    plain, sizes = np.minimum(counts, k).mean(0) / k, kept.sum(0)
    shares = np.empty(len(plain))
    for size in np.unique(sizes):
        shares[sizes == size] = share_of_good(plain[sizes == size], n, int(size), k)
    return shares


def share_of_good(coverage: NDArray[np.float64], n: int, m: int, k: int) -> NDArray[np.float64]:
    """The share m' / m of good samples whose expected coverage is `coverage`, in [0, 1].

    >>> share_of_good(expected_coverage(np.array([300]), 500, 5), 500, 600, 5).round(6).tolist()
    [0.5]
    """
    good = np.arange(m + 1)
    return np.interp(coverage, expected_coverage(good, n, k), good / m, right=1.0)


def expected_coverage(m: NDArray[np.int64], n: int, k: int) -> NDArray[np.float64]:
    """E[min(j, k)] / k where j of m fakes fall in the ball of one of n reals of the same distribution.

    The ball's mass is Beta(k, n - k), so j is beta-binomial; E[min(j, k)] = sum over t = 1..k of P(j >= t).

    >>> float(expected_coverage(np.array([0]), 100, 5)[0])
    0.0
    """
    from scipy.stats import betabinom

    below = np.cumsum([betabinom.pmf(j, m, k, n - k) for j in range(k)], axis=0)  # P(j < t), t = 1..k
    return 1 - below.mean(0)


def _within_one(value: float, se: float, n: int) -> tuple[float, float]:
    """A normal interval cut to [0, 1]; Wilson's where all fakes agree, for an interval is never a point."""
    if se == 0:
        return wilson(min(value, 1.0) * n, n)
    return max(0.0, min(1.0, value - Z95 * se)), min(1.0, value + Z95 * se)
