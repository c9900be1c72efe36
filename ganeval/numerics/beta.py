"""The incomplete beta function and what it gives: exact intervals and tests of shares, tails of Student's t.
Python alone.

The gate judges with these, and has to start where neither torch nor scipy is installed.
"""

from __future__ import annotations

import math

TINY = 1e-300  # in place of a zero denominator
MOST_TERMS = 100_000


def beta_cdf(x: float, a: float, b: float) -> float:
    """I_x(a, b), the chance that a Beta(a, b) variable is at most x; a, b > 0, x in [0, 1].

    The continued fraction of DLMF 8.17.22, summed by Lentz's method on the side where it converges.

    >>> beta_cdf(0.5, 2, 2), round(beta_cdf(0.3085, 1, 10), 4)
    (0.5, 0.975)
    """
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - beta_cdf(1 - x, b, a)
    log_front = a * math.log(x) + b * math.log1p(-x) - _log_beta(a, b)
    return math.exp(log_front) / a * _fraction(x, a, b)


def beta_quantile(share: float, a: float, b: float) -> float:
    """The x at which I_x(a, b) is `share`: halved until two neighbouring floats are left.

    >>> round(beta_quantile(0.975, 1, 10), 4)
    0.3085
    """
    low, high = 0.0, 1.0
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if beta_cdf(middle, a, b) < share else (low, middle)
    return high


def student_cdf(t: float, df: float) -> float:
    """The chance that Student's t with `df` > 0 degrees of freedom, whole or not, is at most t.

    >>> student_cdf(0.0, 3), round(student_cdf(-2.776445, 4), 6)
    (0.5, 0.025)
    """
    if t > 0:
        return 1.0 - student_cdf(-t, df)
    return beta_cdf(df / (df + t * t), df / 2, 0.5) / 2


def student_quantile(share: float, df: float) -> float:
    """The t that Student's t with `df` > 0 degrees of freedom is at most in a `share` of cases; share in [0.5, 1).

    >>> round(student_quantile(0.975, 4), 6), round(student_quantile(0.975, 1e6), 3)
    (2.776445, 1.96)
    """
    x = beta_quantile(2 * (1 - share), df / 2, 0.5)
    return math.sqrt(df * (1 - x) / x)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1.0 / _not_zero(1 - (a + b) * x / (a + 1))
    total = d
    for m in range(1, MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 / _not_zero(1 + term * d)
            c = _not_zero(1 + term / c)
            total *= d * c
        if abs(d * c - 1) < 1e-16:
            break
    return total


def _not_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY
