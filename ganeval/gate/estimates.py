"""What is known about a number that a rule looks at: one-sided p-values and bounds, one class per kind of evidence.

Every estimate answers two questions: `p_above(t)`, the p-value of "the truth is at most t", and `p_below(t)`, that of
"the truth is at least t". Small p-values are evidence for above and for below. Differences are oriented: positive =
worse.

Sources: Wilson 1927 (one proportion); Newcombe 1998, Stat. Med. 17:873, method 10 (two independent proportions);
McNemar 1947, exact, and Tango 1998, Stat. Med. 17:891, eq. 5 (paired proportions); Welch 1947 (training seeds).
Only the standard library is needed to judge, so that a check starts fast.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

from ganeval.numerics.beta import beta_cdf, student_cdf
from ganeval.numerics.intervals import clopper_pearson, newcombe, wilson

_Z_MAX = 7.5  # 1 - erf(7.5 / sqrt 2) is still 300 times the resolution of a double


class Estimate(Protocol):
    @property
    def value(self) -> float: ...

    @property
    def se(self) -> float: ...

    @property
    def method(self) -> str: ...

    def p_above(self, threshold: float) -> float: ...

    def p_below(self, threshold: float) -> float: ...


@dataclass(frozen=True)
class Normal:
    """An asymptotically normal estimate; with `df`, a Student t of so many degrees of freedom.

    >>> round(Normal(1.96, 1.0, "paired").p_above(0.0), 4)
    0.025
    """

    value: float
    se: float
    method: str
    df: float | None = None

    def p_above(self, threshold: float) -> float:
        return _tail(self.value - threshold, self.se, self.df)

    def p_below(self, threshold: float) -> float:
        return _tail(threshold - self.value, self.se, self.df)


@dataclass(frozen=True)
class _Share:
    """`k` of `n` independent trials."""

    k: int
    n: int

    @property
    def value(self) -> float:
        return self.k / self.n

    @property
    def se(self) -> float:
        return math.sqrt(self.value * (1 - self.value) / self.n)


@dataclass(frozen=True)
class Proportion(_Share):
    """`k` of `n` independent trials, judged by the score test, whose inversion is Wilson's interval."""

    method: str = "Wilson score"

    def p_above(self, threshold: float) -> float:
        if not 0 < threshold < 1:
            return 0.5 if self.value == threshold else float(self.value < threshold)
        return _tail(self.value - threshold, math.sqrt(threshold * (1 - threshold) / self.n))

    def p_below(self, threshold: float) -> float:
        return Proportion(self.n - self.k, self.n).p_above(1 - threshold)


@dataclass(frozen=True)
class Tail(_Share):
    """`k` of `n` images beyond a limit, judged by the exact binomial test (Clopper and Pearson 1934),
    as counts near 0 are.

    >>> Tail(0, 459).p_below(0.01) < 0.01 < Tail(0, 458).p_below(0.01)  # 0.99^459 < 0.01: Wilks 1941
    True
    """

    method: str = "exact binomial"

    def p_above(self, threshold: float) -> float:
        return _binomial_tail(self.k, self.n, threshold)

    def p_below(self, threshold: float) -> float:
        return _binomial_tail(self.n - self.k, self.n, 1 - threshold)


@dataclass(frozen=True)
class TwoProportions:
    """`k1/n1 - k0/n0` of independent samples: Newcombe's hybrid of two Wilson intervals, inverted to p-values."""

    k1: int
    n1: int
    k0: int
    n0: int
    method: str = "Newcombe, unpaired"

    @property
    def value(self) -> float:
        return self.k1 / self.n1 - self.k0 / self.n0

    @property
    def se(self) -> float:
        return math.hypot(Proportion(self.k1, self.n1).se, Proportion(self.k0, self.n0).se)

    def p_above(self, threshold: float) -> float:
        if self.value <= threshold:
            return 1.0 if self.value < threshold else 0.5
        low, high = 0.0, _Z_MAX
        for _ in range(36):
            middle = (low + high) / 2
            low, high = (middle, high) if self.lower(middle) > threshold else (low, middle)
        return NormalDist().cdf(-low)

    def p_below(self, threshold: float) -> float:
        return self.swapped.p_above(-threshold)

    @property
    def swapped(self) -> TwoProportions:
        return TwoProportions(self.k0, self.n0, self.k1, self.n1)

    def lower(self, z: float) -> float:
        """The lower bound that reaches out `z` standard normal deviations."""
        level = math.erf(z / math.sqrt(2))
        return newcombe((self.k1, self.n1), (self.k0, self.n0), level)[0] if level > 0 else self.value


@dataclass(frozen=True)
class PairedProportions:
    """`(worse - better) / n`: images that only one of two generators got right, on shared latents and labels.

    At threshold 0 the exact McNemar test on the discordant pairs, elsewhere Tango's score test.
    """

    worse: int  # right before, wrong now
    better: int  # wrong before, right now
    n: int
    method: str = "McNemar, paired"

    @property
    def value(self) -> float:
        return (self.worse - self.better) / self.n

    @property
    def se(self) -> float:
        return math.sqrt(max(self.worse + self.better - self.n * self.value**2, 0.0)) / self.n

    def p_above(self, threshold: float) -> float:
        if threshold == 0:
            return fair_coin_tail(self.worse, self.worse + self.better)
        return NormalDist().cdf(-self._tango(threshold))

    def p_below(self, threshold: float) -> float:
        return PairedProportions(self.better, self.worse, self.n).p_above(-threshold)

    def _tango(self, delta: float) -> float:
        if not -1 < delta < 1:
            return math.copysign(math.inf, -delta)
        a = 2 * self.n
        b = -self.worse - self.better + (2 * self.n - self.worse + self.better) * delta
        c = -self.better * delta * (1 - delta)
        q = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)  # the constrained rate of "better"
        variance = self.n * (2 * q + delta * (1 - delta))
        gap = self.worse - self.better - self.n * delta
        return gap / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, gap)


def _binomial_tail(k: int, n: int, p: float) -> float:
    """P(X >= k) for X ~ Binomial(n, p), exact."""
    if not 0 < p < 1:
        return 1.0 if k <= 0 or p >= 1 else 0.0
    return 1.0 if k <= 0 else beta_cdf(p, k, n - k + 1)


def fair_coin_tail(k: int, n: int) -> float:
    """P(X >= k) for X ~ Binomial(n, 1/2), exact.

    >>> round(fair_coin_tail(3, 3), 12), fair_coin_tail(0, 0)
    (0.125, 1.0)
    """
    if k <= 0:
        return 1.0
    if 2 * k <= n:
        return 1.0 - fair_coin_tail(n - k + 1, n)  # by symmetry, so that the sum below always shrinks
    term = math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2))
    total = 0.0
    while k <= n and term > 1e-18 * total:
        total += term
        term *= (n - k) / (k + 1)
        k += 1
    return min(total, 1.0)


def interval(estimate: Estimate, alpha: float) -> tuple[float, float]:
    """One-sided bounds at level `alpha` each: `alpha = 0.025` makes the usual 95 % interval.

    >>> [round(bound, 3) for bound in interval(Normal(0.0, 1.0, "unpaired"), 0.025)]
    [-1.96, 1.96]
    """
    if isinstance(estimate, Normal) and estimate.df is None:
        reach = z_of(alpha) * estimate.se
        return estimate.value - reach, estimate.value + reach
    if isinstance(estimate, TwoProportions):
        return estimate.lower(z_of(alpha)), -estimate.swapped.lower(z_of(alpha))
    if isinstance(estimate, Tail):
        return clopper_pearson(estimate.k, estimate.n, 1 - 2 * alpha)
    if isinstance(estimate, Proportion):
        return wilson(estimate.k, estimate.n, 1 - 2 * alpha)
    return _bound(estimate.p_above, estimate, alpha, -1), _bound(estimate.p_below, estimate, alpha, +1)


def z_of(alpha: float) -> float:
    """The z with a one-sided tail of `alpha`."""
    return -NormalDist().inv_cdf(alpha)


def _bound(p_value, estimate: Estimate, alpha: float, sign: int) -> float:
    """The threshold at which the p-value crosses `alpha`, by bracketing and bisection."""
    step = max(estimate.se, 1e-9)
    while p_value(estimate.value + sign * step) > alpha and step < 1e12:
        step *= 2
    near, far = 0.0, step
    for _ in range(60):
        middle = (near + far) / 2
        near, far = (near, middle) if p_value(estimate.value + sign * middle) <= alpha else (middle, far)
    return estimate.value + sign * far


def _tail(gap: float, se: float, df: float | None = None) -> float:
    """P(noise >= gap) for noise of this standard error; without noise, certainty."""
    if se <= 0:
        return 0.0 if gap > 0 else 1.0
    if df is None:
        return NormalDist().cdf(-gap / se)
    return student_cdf(-gap / se, df)
