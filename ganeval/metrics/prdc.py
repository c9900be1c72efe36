"""Improved precision and recall (Kynkaanniemi et al. 2019, arXiv:1904.06991); density and coverage (Naeem et al. 2020,
arXiv:2002.09797).

A set's manifold is the union of closed balls around its rows, each reaching to the row's k-th nearest other row.
Where implementations differ: k is 3 in Kynkaanniemi's code, torch-fidelity and StyleGAN3, and 5 in prdc; the defaults
here follow each paper, and the signature shows k. Balls are closed (<=) as in the papers; prdc and dgm-eval compare
with <, so that a set with duplicated rows scores 0 against itself. torch-fidelity before 0.4.0 had precision and
recall swapped. All numbers come from one exact sweep, `Pair.neighbours`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ganeval.core.options import Neighbours
from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.intervals import wilson
from ganeval.numerics.jackknife import EIGHTHS, THIRDS
from ganeval.records.scores import Score, share_interval

MANIFOLD_K = 3  # Kynkaanniemi et al. 2019, section 5
DENSITY_K = 5  # Naeem et al. 2020, section 3.3
LISTED = 20  # rows named in the details


@metric(
    "precision",
    better="higher",
    perfect=1.0,
    version=1,
    paper="arXiv:1904.06991",
    question="fidelity",
    within=(0, 1),
    shares=("k",),
)
def precision(pair: Pair, *, k: Neighbours = MANIFOLD_K) -> Score:
    """The share of fakes that lie in the real manifold: do single images look real?

    Eq. 1 of the paper: mean over fakes of "in at least one real ball"; k neighbours set the radii.

    Returns: [0, 1]; 1 for identical sets, about 0.87 for two samples of one distribution (16 dimensions, n = 1000).
    Blind to a dropped mode: a generator of one perfect image has precision 1. Read it beside `recall`.
    Improved by: averaging, collapse. What is nearer to the middle of the data lies in more balls.
    Bias: none in the number of fakes, of which it is a mean; with other reals it is another question.
    Standard error: binomial, the real manifold held fixed; the interval is Wilson's.
    per_sample: in_manifold (0 or 1), nearest_real (distance), nearest_real_index.
    Differs from prdc: k = 5 there, and < instead of <=.
    """
    near = pair.neighbours(k)
    inside = near.crossing.in_real.count[:, k - 1] > 0
    nearest = near.crossing.fake_to_real
    n, value = len(inside), float(inside.mean())
    return Score(
        value,
        se=(value * (1 - value) / n) ** 0.5,
        interval=wilson(int(inside.sum()), n),
        n=n,
        linear="in_manifold",
        per_sample={
            "in_manifold": inside.astype(np.float32),
            "nearest_real": nearest.distance[:, 0].astype(np.float32),
            "nearest_real_index": nearest.index[:, 0].astype(np.float64),
        },
    )


@metric(
    "recall",
    better="higher",
    perfect=1.0,
    version=1,
    paper="arXiv:1904.06991",
    question="diversity",
    within=(0, 1),
    biased_in_n=True,
    shares=("k",),
)
def recall(pair: Pair, *, k: Neighbours = MANIFOLD_K) -> Score:
    """The share of real images that lie in the fake manifold: is everything there?

    Eq. 1 of the paper with the sets exchanged: mean over reals of "in at least one fake ball".

    Returns: [0, 1]; 1 for identical sets. A generator that has collapsed onto one mode has precision high, recall low.
    Bias: depends on both n and on k; compare at equal n only. One fake outlier has a huge ball and can lift it: see
    `coverage`.
    Standard error: delete-a-third jackknife over fakes (radii follow), the real set held fixed. Measured on two real
    embeddings (n = 500, docs/results/coverage.md): 0.9 to 1.2 times the truth, too wide where the value is near 1.
    Resampling with replacement would be wrong: duplicates have radius 0.
    details: uncovered, up to 20 real rows outside.
    """
    near = pair.neighbours(k)
    covered = near.crossing.in_fake.count[:, k - 1] > 0
    se = THIRDS.se((near.crossing.covered < k).mean(0))
    return _share(covered, se, len(pair.fake))


@metric(
    "density",
    better="higher",
    perfect=None,
    version=1,
    paper="arXiv:2002.09797",
    question="fidelity",
    least_n=20,
    within=(0, math.inf),
    shares=("k",),
)
def density(pair: Pair, *, k: Neighbours = DENSITY_K) -> Score:
    """How many real balls a fake lies in, in units of k: precision that one outlier cannot inflate.

    Eq. 3 of the paper: sum over fakes of the number of real balls around them, over k times the number of fakes.

    Returns: [0, inf); about 1 for two samples of one distribution, above it for fakes packed where reals are dense;
    (k + 1) / k for a set against itself without duplicates (each row also lies in its own ball), so that no single
    value is perfect.
    Improved by: averaging. What is nearer to the middle of the data lies in more balls.
    Bias: none in the number of fakes, of which it is a mean; with other reals it is another question.
    Standard error: that of a mean over fakes, the real balls held fixed.
    per_sample: balls, the number of real balls around each fake over k.
    """
    near = pair.neighbours(k)
    balls = near.crossing.in_real.count[:, k - 1] / k
    se = balls.std(ddof=1) / len(balls) ** 0.5
    return Score(balls.mean(), se=se, n=len(balls), per_sample={"balls": balls.astype(np.float32)}, linear="balls")


@metric(
    "coverage",
    better="higher",
    perfect=1.0,
    version=1,
    paper="arXiv:2002.09797",
    question="diversity",
    within=(0, 1),
    biased_in_n=True,
    shares=("k",),
)
def coverage(pair: Pair, *, k: Neighbours = DENSITY_K) -> Score:
    """The share of real balls that hold a fake: is everything there, judged by balls that fakes cannot stretch?

    Eq. 4 of the paper: mean over reals of "the nearest fake is at most as far as the k-th nearest real".

    Returns: [0, 1]; 1 for identical sets; for two samples of one distribution and equal n about 1 - 2^-k, which is
    0.969 for k = 5: no honest generator reaches 1 (`details["same_distribution"]` has the exact expectation).
    Bias: grows with the number of fakes (0.50 at 250 to 0.998 at 4000 in a simulation); compare at equal n only.
    Standard error: delete-a-group jackknife over fakes, the real balls held fixed, and the growth with n made up for:
    up to 1.3 times too wide on two real embeddings (n = 500, docs/results/coverage.md).
    details: uncovered, up to 20 reals whose ball is empty.
    """
    near = pair.neighbours(k)
    nearest_fake = near.crossing.real_to_fake.squared[:, 0]
    covered = nearest_fake <= near.real.squared[:, k - 1]
    se = EIGHTHS.se((near.crossing.reached < k).mean(0), whole=float(covered.mean()))
    score = _share(covered, se, len(pair.fake))
    expected = _expected_coverage(len(near.real.squared), len(pair.fake), k)
    return score.with_(details={**score.details, "same_distribution": expected})


def _share(covered: NDArray[np.bool_], se: float, n_fake: int) -> Score:
    """A share of reals with its error; where there is none, because nothing changes, with Wilson's interval."""
    value = float(covered.mean())
    low, high = wilson(int(covered.sum()), len(covered))
    if se > 0:
        low, high = share_interval(value, se)
    uncovered = np.flatnonzero(~covered)[:LISTED].tolist()
    return Score(value, se=se, interval=(low, high), n=n_fake, details={"uncovered": uncovered})


def _expected_coverage(n: int, m: int, k: int) -> float:
    """E[coverage] of n reals and m fakes of one continuous distribution (Naeem et al. 2020, eq. 6).

    A ball is empty when its k nearest of the other n - 1 + m rows are all real: C(n - 1, k) / C(n - 1 + m, k).

    >>> round(_expected_coverage(10_000, 10_000, 5), 3)
    0.969
    """
    others = np.arange(k)
    return float(1 - np.prod((n - 1 - others) / (n - 1 + m - others)))
