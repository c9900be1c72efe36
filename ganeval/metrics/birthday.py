"""Birthday test: the effective support size of a generator from near-duplicates among its samples.

Arora, Risteski and Zhang 2018 (arXiv:1706.08224): if a batch of s samples holds a pair of duplicates with probability
one half, the support has about s^2 images. We count all colliding pairs instead of looking at one batch: with
collision probability p = sum p_i^2 over images, n samples show n (n - 1) p / 2 of them in the mean, and 1/p is the
effective support size (Hill number of order 2), with an interval. The original asks a person whether two images are
the same; here two images are the same when they are closer than real images almost ever are.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from ganeval.core.options import Within
from ganeval.errors import TooFewSamplesError
from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.collisions import collisions
from ganeval.records.scores import Score

REAL_SHARE = 0.001  # a real image in a thousand has another one within the threshold


@metric(
    "birthday",
    better="higher",
    perfect=None,
    version=1,
    paper="arXiv:1706.08224",
    question="diversity",
    within=(1, math.inf),
    biased_in_n=True,
)
def birthday(pair: Pair, *, threshold: Annotated[float, Within(0, 1e25)] | None = None) -> Score:
    """How many different images the generator can make, judged by how often it repeats itself.

    Two fakes collide when their embeddings are within `threshold`; by default the distance within which one real image
    in a thousand has another, so an honest generator of as many images collides about as rarely as real data do.
    Support = n (n - 1) / (2 C), C colliding pairs. Without a collision there is only a lower bound (95 %), which is the
    value, and `details["bounded_below"]` is True. `details["pairs"]` lists the closest colliding rows of the fakes.

    Returns: [1, inf) images. Interval: Poisson for C, widened by the spread of the rows' counts when some images repeat
    more than others. No standard error: the estimate is far from normal.
    Improved by: blur, whose images collide less often than sharp ones of a small set (seen on digits).
    Bias: a support far above n^2 cannot be seen; raise n to look further, and compare at equal n only.

    >>> import torch
    >>> from ganeval.features.rows import Features
    >>> real = Features.given(torch.arange(8.0).reshape(-1, 1))
    >>> fake = Features.given(torch.tensor([[0.0], [0.0], [5.0], [5.0]]))
    >>> float(birthday(Pair(real, fake), threshold=0.1))
    3.0
    """
    n = len(pair.fake)
    if n < 2:
        raise TooFewSamplesError(f"Collisions need at least 2 fake rows; got {n}. Generate more images.")
    radius = _real_threshold(pair) if threshold is None else threshold
    found = collisions(pair.fake.embeddings, radius)
    value, interval, bounded = support_size(found.counts)
    listed = [
        {"rows": [int(i), int(j)], "distance": float(d)} for (i, j), d in zip(found.pairs, found.distances, strict=True)
    ]
    details = {
        "threshold": radius,
        "collisions": int(found.counts.sum()) // 2,
        "bounded_below": bounded,
        "upper_limit": None if math.isinf(interval[1]) else interval[1],
        "pairs": listed,
    }
    finite = None if math.isinf(interval[1]) else interval
    return Score(
        value, interval=finite, n=n, details=details, per_sample={"collisions": found.counts.astype(np.float32)}
    )


def support_size(counts: NDArray[np.int64]) -> tuple[float, tuple[float, float], bool]:
    """(estimate, 95 % interval, only a lower bound?) from how many others each of n samples collides with.

    Var(C) = C + n Var(counts) - 2 C: the Poisson part of a U-statistic and its structural part (Hoeffding), which is
    zero when all images are equally likely. The interval is that of a Poisson count inflated by Var(C) / C.

    >>> support_size(np.zeros(101, dtype=np.int64))[2]
    True
    """
    from scipy.stats import chi2

    n = len(counts)
    pairs, c = n * (n - 1) / 2, float(counts.sum()) / 2
    if c == 0:
        bound = max(1.0, pairs / (float(chi2.ppf(0.95, 2)) / 2))
        return bound, (bound, math.inf), True
    inflation = 1 + max(0.0, n * float(counts.var(ddof=1)) - 2 * c) / c
    low = inflation * float(chi2.ppf(0.025, 2 * c / inflation)) / 2
    high = inflation * float(chi2.ppf(0.975, 2 * c / inflation + 2)) / 2
    return pairs / c, (max(1.0, pairs / high), pairs / low if low > 0 else math.inf), False


def _real_threshold(pair: Pair) -> float:
    return float(np.quantile(pair.neighbours(1).real.distance[:, 0], REAL_SHARE))
