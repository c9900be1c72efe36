"""How many images resolve a difference, and what difference so many images resolve.

Everything rests on `se(n) = noise / sqrt(n)`: `noise` is the per-image standard deviation of a difference, measured
(the gate reads it off a comparison). Of a share the noise changes with the share itself: see
`ganeval.numerics.share_power`; `proportion_noise` is that of two equal shares, which is what it takes to prove that
nothing changed.
"""

from __future__ import annotations

import math

from ganeval.errors import WrongInputError
from ganeval.gate.estimates import z_of
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
