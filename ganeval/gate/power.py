"""How many images resolve a difference, and what difference so many images resolve.

Everything rests on `se(n) = noise / sqrt(n)`: `noise` is the per-image standard deviation of a difference, measured
(the gate reads it off a comparison). Of a share the noise changes with the share itself: see
`ganeval.numerics.share_power`; `proportion_noise` is that of two equal shares, which is what it takes to prove that
nothing changed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ganeval.errors import WrongInputError
from ganeval.gate.estimates import z_of
from ganeval.numerics.beta import beta_cdf
from ganeval.numerics.share_power import MOST

POWER = 0.8


def detectable(n: int, noise: float, alpha: float = 0.01, power: float = POWER) -> float:
    """The smallest true difference (same unit as `noise`) that n images find with this power, one-sided at `alpha`.

    >>> detectable(100, noise=1.0, alpha=0.05) == reach(0.05) / 10
    True
    """
    _require(1 <= n <= MOST, f"n must lie between 1 and {MOST}; got {n}.")
    _known(noise)
    return reach(alpha, power) * noise / math.sqrt(n)


def required_n(difference: float, noise: float, alpha: float = 0.01, power: float = POWER) -> int:
    """The n at which `difference` is found with this power.

    >>> required_n(0.5, noise=1.0, alpha=0.05)
    25
    """
    _require(0 < difference < math.inf, f"A difference to find must be positive and finite; got {difference}.")
    _known(noise)
    return max(1, math.ceil((reach(alpha, power) * noise / difference) ** 2))


def tail_n(share: float, seen: float = 0.0, alpha: float = 0.01, power: float = POWER) -> int | None:
    """Images that prove "fewer than `share` lie beyond the limit" when the share `seen` really does;
    None where none do.

    The exact binomial test of the gate's image_max and image_min. With `seen` = 0: log(alpha) / log(1 - share), as
    Wilks 1941 (doi:10.1214/aoms/1177731788) has it.

    >>> tail_n(0.01), tail_n(0.01, seen=0.002), tail_n(0.01, seen=0.01)
    (459, 1001, None)
    """
    _require(
        0 < share < 1, f"The share of images that may be beyond the limit lies strictly between 0 and 1; got {share}."
    )
    _require(0 <= seen <= 1, f"The share that really is beyond the limit lies in [0, 1]; got {seen}.")
    reach(alpha, power)
    if seen >= share:
        return None
    most = _first(lambda k: _at_most(k, _least_n(k, share, alpha), seen) >= power)
    return None if most is None else _least_n(most, share, alpha)


def _least_n(k: int, share: float, alpha: float) -> int:
    """The fewest images of which k beyond the limit still prove the share: P(X <= k) <= alpha."""

    def proves(n: int) -> bool:
        return n > k and _at_most(k, n, share) <= alpha

    high = max(k + 1, 1)
    while not proves(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if proves(middle) else (middle, high)
    return high


def _at_most(k: int, n: int, p: float) -> float:
    """P(X <= k) for X ~ Binomial(n, p), exact."""
    return 1.0 if k >= n or p <= 0 else beta_cdf(1 - p, n - k, k + 1)


def _first(true: Callable[[int], bool]) -> int | None:
    """The first k from 0 on of which it is true; past it, it stays so up to steps of whole counts."""
    if true(0):
        return 0
    high = 1
    while not true(high):
        high *= 2
        if high > MOST:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if true(middle) else (middle, high)
    return high


def proportion_noise(p: float, paired_agreement: float | None = None) -> float:
    """Per-image noise of a difference of two proportions that are both `p`.

    Unpaired: sqrt(2 p (1 - p)). Paired: sqrt(1 - agreement), the share of images that only one side gets right.
    """
    _require(0 < p < 1, f"A proportion must lie strictly between 0 and 1; got {p}. Pass 0.97 for 97 %.")
    if paired_agreement is None:
        return math.sqrt(2 * p * (1 - p))
    _require(0 <= paired_agreement <= 1, f"An agreement must lie in [0, 1]; got {paired_agreement}.")
    return math.sqrt(1 - paired_agreement)


def reach(alpha: float, power: float = POWER) -> float:
    """Standard errors between "no difference" and a difference that is found with this power."""
    _require(0 < alpha < 1, f"alpha must lie strictly between 0 and 1; got {alpha}.")
    _require(0 < power < 1, f"power must lie strictly between 0 and 1; got {power}.")
    return z_of(alpha) + z_of(1 - power)


def _known(noise: float) -> None:
    _require(0 < noise < math.inf, f"The noise is a standard deviation per image, positive and finite; got {noise}.")


def _require(true: bool, message: str) -> None:  # noqa: FBT001 -- reads as a sentence at every call
    if not true:
        raise WrongInputError(message)
