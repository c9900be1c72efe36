"""Where one more healthy training lies, after a few of them: a prediction interval.

For n independent draws of a normal distribution with mean m and standard deviation s (n - 1 in the denominator), the
next one lies in m +- t s sqrt(1 + 1 / n) with probability 1 - alpha, t the quantile 1 - alpha / 2 of Student's
distribution with n - 1 degrees of freedom (Hahn 1969, "Factors for calculating two-sided prediction intervals"). With
few seeds t is large, so a band of three seeds is wide, which is what three seeds know.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from ganeval.errors import TooFewSamplesError

LEVEL = 0.99  # of healthy trainings lie inside, for each value by itself
FEWEST = 5  # seeds; a one-sided limit of five lies 4.1 of their standard deviations from the mean, of three 8.0


@dataclass(frozen=True)
class Band:
    """From `low` to `high`, infinite on a side that cannot be bad."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        if math.isinf(self.low):
            return f"at most {self.high:.4g}"
        return f"at least {self.low:.4g}" if math.isinf(self.high) else f"{self.low:.4g} to {self.high:.4g}"


def prediction_band(values: Sequence[float], better: str = "", level: float = LEVEL) -> Band:
    """The band of one more value like these, open on the side that is `better` ("higher", "lower").

    One-sided bands hold `level` as well, so they use the quantile 1 - alpha.

    >>> str(prediction_band([0.98, 0.99, 1.0], "higher"))
    'at least 0.9096'
    """
    n = len(values)
    if n < 2:
        raise TooFewSamplesError(f"A band needs at least two trainings; got {n}. Train more seeds.")
    tail = 1 - level if better else (1 - level) / 2
    reach = float(student.ppf(1 - tail, n - 1) * np.std(values, ddof=1) * math.sqrt(1 + 1 / n))
    mean = float(np.mean(values))
    return Band(-math.inf if better == "lower" else mean - reach, math.inf if better == "higher" else mean + reach)
