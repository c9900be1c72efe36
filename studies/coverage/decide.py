"""Does an error hold? Yes, no, or not to be decided with so many sets.

Asked are the stated error over the true one, 0.9 to 1.1, and the share of 95 % intervals that cover the mean, 92 to
98 %. Each has an interval of its own: of the ratio a jackknife over sets, of its logarithm; of the share the exact
one of Clopper and Pearson. Both inside: it holds. One outside: it does not. Else more sets are needed.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ganeval.numerics.intervals import clopper_pearson, normal_quantile

RATIO, COVERED = (0.9, 1.1), (0.92, 0.98)
Decision = Literal["yes", "no", "undecided"]


@dataclass(frozen=True)
class Held:
    """What many sets say of one metric's error and interval."""

    sets: int
    mean: float
    ratio: float  # stated over true error
    ratio_interval: tuple[float, float]
    covered: int

    @classmethod
    def of(cls, found: NDArray[np.float64], share: float) -> Held | None:
        """`found` (sets, 4): value, error and both ends of the interval of each set; a set holds `share` of the pool.

        n of N rows vary less than n fresh ones, by sqrt(1 - n / N) in the standard deviation: the deviations of values
        are enlarged by so much. None where the values do not vary.
        """
        values, errors, low, high = found.T
        if len(found) < 3 or values.std() == 0:
            return None
        shrink = math.sqrt(1 - share)
        ratio, error = _ratio(values, errors)
        factor = math.exp(normal_quantile(0.95) * error)
        aims = values + (values.mean() - values) / shrink
        covered = int(((low <= aims) & (aims <= high)).sum())
        ratio *= shrink
        return cls(len(found), float(values.mean()), ratio, (ratio / factor, ratio * factor), covered)

    @property
    def covered_interval(self) -> tuple[float, float]:
        return clopper_pearson(self.covered, self.sets)

    @property
    def decision(self) -> Decision:
        """
        >>> Held(900, 0, 1.0, (0.95, 1.05), 855).decision, Held(100, 0, 1.0, (0.87, 1.15), 95).decision
        ('yes', 'undecided')
        >>> Held(100, 0, 1.3, (1.15, 1.5), 97).decision, Held(100, 0, 1.0, (0.95, 1.05), 80).decision
        ('no', 'no')
        """
        asked = ((self.ratio_interval, RATIO), (self.covered_interval, COVERED))
        if any(high < aim[0] or low > aim[1] for (low, high), aim in asked):
            return "no"
        return "yes" if all(aim[0] <= low and high <= aim[1] for (low, high), aim in asked) else "undecided"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def _ratio(values: NDArray[np.float64], errors: NDArray[np.float64]) -> tuple[float, float]:
    """The root mean square of the errors over the deviation of the values, and the error of its logarithm."""
    n, stated, away = len(values), errors**2, (values - values.mean()) ** 2
    without = (stated.sum() - stated) / (n - 1) / ((away.sum() - away * n / (n - 1)) / (n - 2))
    logs = np.log(without) / 2
    ratio = math.sqrt(float(stated.mean()) / float(values.var(ddof=1)))
    return ratio, math.sqrt((n - 1) / n * float(((logs - logs.mean()) ** 2).sum()))
