"""Intervals for proportions and means: numpy and the standard library only, no torch.

Wilson's score interval is used for every proportion: near 0 and 1, where good classifiers live, the textbook
(Wald) interval `p +- z sqrt(p (1 - p) / n)` has length zero or leaves [0, 1].
"""

from __future__ import annotations

import math
from statistics import NormalDist

from ganeval.errors import UndefinedError, WrongInputError


def normal_quantile(level: float) -> float:
    """The z that a two-sided normal interval of this level reaches out to: 1.96 for 0.95."""
    if not 0.0 < level < 1.0:
        raise WrongInputError(f"A confidence level must lie strictly between 0 and 1; got {level}. Pass 0.95 for 95 %.")
    return NormalDist().inv_cdf(0.5 + level / 2)


def wilson(successes: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion, in [0, 1] (Wilson 1927, JASA 22:209, doi:10.2307/2276774).

    The interval is the set of p that a two-sided score test does not reject: never empty, never outside [0, 1],
    and of positive length at 0 and n successes. No continuity correction.

    >>> low, high = wilson(9, 10)
    >>> round(low, 4), round(high, 4)
    (0.5958, 0.9821)
    >>> wilson(0, 10)[0]
    0.0
    """
    if n <= 0:
        raise UndefinedError(f"A proportion needs at least one trial; got n = {n}. Leave the interval out.")
    if not 0 <= successes <= n:
        raise WrongInputError(f"Successes must lie between 0 and n = {n:g}; got {successes:g}.")
    z2 = normal_quantile(level) ** 2
    centre = (successes + z2 / 2) / (n + z2)
    half = math.sqrt(z2 * (successes * (n - successes) / n + z2 / 4)) / (n + z2)
    return max(0.0, centre - half) if successes else 0.0, min(1.0, centre + half) if successes < n else 1.0
