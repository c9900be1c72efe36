"""Intervals and exact tests for proportions, and Holm's correction: neither torch nor scipy.

Wilson's score interval is used for every proportion: near 0 and 1, where good classifiers live, the textbook
(Wald) interval `p +- z sqrt(p (1 - p) / n)` has length zero or leaves [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from ganeval.errors import UndefinedError, WrongInputError
from ganeval.numerics.beta import beta_quantile


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


def clopper_pearson(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of a proportion (Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404): covers at least
    `level`.

    Wider than Wilson's; for promises that must hold in the worst case.

    >>> clopper_pearson(0, 10)[0], round(clopper_pearson(0, 10)[1], 4)
    (0.0, 0.3085)
    """
    if n <= 0:
        raise UndefinedError(f"A proportion needs at least one trial; got n = {n}. Leave the interval out.")
    if not 0 <= successes <= n:
        raise WrongInputError(f"Successes must lie between 0 and n = {n}; got {successes}.")
    tail = (1 - level) / 2
    low = beta_quantile(tail, successes, n - successes + 1) if successes else 0.0
    high = 1 - beta_quantile(tail, n - successes, successes + 1) if successes < n else 1.0
    return low, high


def newcombe(first: tuple[int, int], second: tuple[int, int], level: float = 0.95) -> tuple[float, float]:
    """The interval of the difference of two independent proportions, each (successes, n): first minus second.

    Newcombe 1998, method 10 (doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I): two Wilson
    intervals combined. For latents and labels in common use `mcnemar`, which does not throw the pairing away.

    >>> low, high = newcombe((56, 70), (48, 80))
    >>> round(low, 4), round(high, 4)
    (0.0524, 0.3339)
    """
    (p1, low1, high1), (p2, low2, high2) = ((k / n, *wilson(k, n, level)) for k, n in (first, second))
    difference = p1 - p2
    return difference - math.hypot(p1 - low1, high2 - p2), difference + math.hypot(high1 - p1, p2 - low2)


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value that two judgements of the same items are equally often right (McNemar 1947).

    Takes the discordant counts: right in the first only, right in the second only. Concordant items say nothing.

    >>> mcnemar(5, 0), mcnemar(3, 3)
    (0.0625, 1.0)
    """
    if min(only_first, only_second) < 0:
        raise WrongInputError(f"Discordant counts must not be negative; got {only_first} and {only_second}.")
    n = only_first + only_second
    ways = sum(math.comb(n, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * ways / 2**n)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values (1979, Scand. J. Statist. 6:65).

    Rejecting those <= alpha keeps the chance of any false rejection at alpha, whatever the dependence.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted, running = [1.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        running = max(running, (len(p_values) - rank) * float(p_values[i]))
        adjusted[i] = min(1.0, running)
    return adjusted
