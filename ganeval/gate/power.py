"""How many images resolve a difference, and what difference so many images resolve.

Everything rests on `se(n) = noise / sqrt(n)`: `noise` is the per-image standard deviation of a difference, measured (the
gate reads it off a comparison) or known (a proportion).
"""

from __future__ import annotations

import math

from ganeval.errors import WrongInputError
from ganeval.gate.estimates import z_of

POWER = 0.8


def detectable(n: int, noise: float, alpha: float = 0.01, power: float = POWER) -> float:
    """The smallest true difference (same unit as `noise`) that n images find with this power, one-sided at `alpha`.

    >>> round(100 * detectable(1000, proportion_noise(0.97), alpha=0.05), 2)
    1.9
    """
    _require(n >= 1, f"n must be at least 1; got {n}.")
    return reach(alpha, power) * noise / math.sqrt(n)


def required_n(difference: float, noise: float, alpha: float = 0.01, power: float = POWER) -> int:
    """The n at which `difference` is found with this power.

    >>> required_n(0.019, proportion_noise(0.97), alpha=0.05)
    997
    """
    _require(difference > 0, f"A difference to find must be positive; got {difference}.")
    return max(1, math.ceil((reach(alpha, power) * noise / difference) ** 2))


def proportion_noise(p: float, paired_agreement: float | None = None) -> float:
    """Per-image noise of a difference of two proportions near `p`.

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


def _require(true: bool, message: str) -> None:  # noqa: FBT001 -- reads as a sentence at every call
    if not true:
        raise WrongInputError(message)
