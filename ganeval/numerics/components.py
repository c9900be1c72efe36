"""Variance components of a nested design: trainings, and sets of samples within each (Searle,
Casella and McCulloch 1992, ch. 3).

y_ij = mean + a_i + e_ij, i = 1 .. N trainings, j = 1 .. K_i sets. The variance of the trainings' means is that of a
plus that of e over K; what e is comes from repeated sets, or, with one set each, from the standard errors that came
with the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ganeval.errors import TooFewSamplesError, WrongInputError

LEVEL = 0.95
MOST = 10_000  # trainings that anybody would count to


@dataclass(frozen=True)
class Components:
    """Variances of training seed and of sampling, with 95 % intervals;
    `mean` over trainings with its standard error.
    """

    mean: float
    se: float
    training: float
    training_interval: tuple[float, float]
    sampling: float
    sampling_interval: tuple[float, float] | None  # None where it was taken from standard errors
    trainings: int
    sets: int

    def of_mean(self, trainings: int, sets: int) -> float:
        """The variance of a mean over so many trainings with so many sets each."""
        return (self.training + self.sampling / sets) / trainings

    def trainings_for(self, difference: float, sets: int, alpha: float = 0.05, power: float = 0.8) -> int | None:
        """Trainings a side with which a two-sided t test finds `difference` between two recipes; None beyond `MOST`."""
        from scipy.special import stdtrit

        if not 0 < difference < math.inf:
            raise WrongInputError(f"A difference to find must be positive and finite; got {difference}.")
        for n in range(2, MOST):
            reach = float(stdtrit(2 * n - 2, 1 - alpha / 2) + stdtrit(2 * n - 2, power))
            if reach * math.sqrt(2 * self.of_mean(n, sets)) <= difference:
                return n
        return None


def components(values: Sequence[Sequence[float]], errors: Sequence[Sequence[float | None]]) -> Components:
    """From the values of each training's sets, and their standard errors, which count where no training has two sets.

    Intervals: chi-square for sampling; for training that of the sum less the sampling part, widened for the error of
    that (Ting et al. 1990, doi:10.1080/00949659008811243, without its cross terms).
    Raises: TooFewSamplesError below two trainings, or where nothing tells what sampling does.

    >>> found = components([[1.0, 3.0], [5.0, 7.0]], [[None, None], [None, None]])
    >>> found.sampling, found.training  # means 2 and 6 vary by 8, of which sets make 2 / 2
    (2.0, 7.0)
    """
    if len(values) < 2:
        raise TooFewSamplesError(
            f"What a training seed does is seen between trainings; got {len(values)}. Train the recipe again with "
            "other seeds: two say a little, five say something."
        )
    sizes = np.array([len(part) for part in values], dtype=float)
    means = np.array([np.mean(part) for part in values])
    harmonic = len(sizes) / float((1 / sizes).sum())
    sampling, df = _sampling(values, errors)
    total, part = float(means.var(ddof=1)), sampling / harmonic
    low, high = _training_interval(total, len(values) - 1, part, df)
    return Components(
        mean=float(means.mean()),
        se=math.sqrt(total / len(values)),
        training=max(0.0, total - part),
        training_interval=(low, high),
        sampling=sampling,
        sampling_interval=_chi_square(sampling, df) if df else None,
        trainings=len(values),
        sets=int(sizes.sum()),
    )


def _sampling(values: Sequence[Sequence[float]], errors: Sequence[Sequence[float | None]]) -> tuple[float, int]:
    """The variance between sets of one training, and its degrees of freedom;
    0 where it is the mean squared error stated.
    """
    df = sum(len(part) - 1 for part in values)
    if df:
        return sum(float(np.var(part)) * len(part) for part in values) / df, df
    stated = [error for part in errors for error in part if error is not None]
    if len(stated) < len(values):
        raise TooFewSamplesError(
            "Each training has one set of samples and not every number has a standard error, so nothing tells sampling "
            "from training. Evaluate every training on two sets or more (other --seed)."
        )
    return float(np.mean(np.square(stated))), 0


def _training_interval(total: float, df: int, part: float, part_df: int) -> tuple[float, float]:
    low, high = _chi_square(total, df)
    least, most = _chi_square(part, part_df) if part_df else (part, part)
    middle = total - part
    return (
        max(0.0, middle - math.hypot(total - low, most - part)),
        max(0.0, middle + math.hypot(high - total, part - least)),
    )


def _chi_square(variance: float, df: int) -> tuple[float, float]:
    """The 95 % interval of a variance with `df` degrees of freedom."""
    from scipy.special import chdtri

    tail = (1 - LEVEL) / 2
    return variance * df / float(chdtri(df, tail)), variance * df / float(chdtri(df, 1 - tail))
