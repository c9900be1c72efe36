"""The founding study's two networks on BreastMNIST, read again from its own tables; label 0 is malignant (MedMNIST).

The study took label 0 for healthy. It wrote of its first network that 21 healthy patients were called ill, and of the
second, trained on balanced data, that its accuracy "stayed the same". Read with the right labels the first network
missed 21 of 42 cancers, and the second found 32. What had changed between them was four things at once: 252 added
images (which `np.resize` had garbled), the share of malignant images, the augmentation, and the normalisation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ganeval.gate.power import detectable, proportion_noise
from ganeval.numerics.intervals import mcnemar, newcombe, wilson

Matrix = tuple[tuple[int, int], tuple[int, int]]  # rows true, columns called: (malignant, normal or benign)

BEFORE: Matrix = ((21, 21), (5, 109))
AFTER: Matrix = ((32, 10), (23, 91))
ALPHA = 0.05  # two-sided


@dataclass(frozen=True)
class Reading:
    """What a 2x2 table says; rates in [0, 1], intervals Wilson's, 95 %."""

    matrix: Matrix

    @property
    def malignant(self) -> tuple[int, int]:
        """Found, of all malignant."""
        return self.matrix[0][0], sum(self.matrix[0])

    @property
    def healthy(self) -> tuple[int, int]:
        """Cleared, of all that are not malignant."""
        return self.matrix[1][1], sum(self.matrix[1])

    @property
    def right(self) -> tuple[int, int]:
        return self.malignant[0] + self.healthy[0], self.malignant[1] + self.healthy[1]

    @property
    def balanced_accuracy(self) -> float:
        return (_rate(self.malignant) + _rate(self.healthy)) / 2

    @property
    def precision(self) -> float:
        """The share of malignant among those called malignant."""
        return self.matrix[0][0] / (self.matrix[0][0] + self.matrix[1][0])

    @property
    def f1(self) -> float:
        recall = _rate(self.malignant)
        return 2 * self.precision * recall / (self.precision + recall)

    @property
    def mcc(self) -> float:
        """Matthews' correlation of truth and call, [-1, 1] (doi:10.1016/0005-2795(75)90109-9)."""
        (tp, fn), (fp, tn) = self.matrix
        return (tp * tn - fp * fn) / math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))


def change(before: tuple[int, int], after: tuple[int, int]) -> tuple[float, float]:
    """The interval of a change of rate (successes, n), as if the two were independent: Newcombe's, 95 %."""
    return newcombe(after, before)


def mcnemar_bounds(before: tuple[int, int], after: tuple[int, int]) -> tuple[float, float]:
    """The smallest and the largest p-value of McNemar's test that two rates on the same images allow.

    The study gives no pairs. If `gained` images turned right and `lost` wrong, gained - lost is known, lost is not.
    """
    (right, n), (now, _) = before, after
    rise = now - right
    overlap = min(right, n - now) if rise >= 0 else min(n - right, now)  # images that may have changed the other way
    p = [mcnemar(abs(rise) + back, back) for back in range(overlap + 1)]
    return min(p), max(p)


def smallest_differences(n: int, rate: float, agreements: Sequence[float]) -> dict[str, float]:
    """The smallest true difference of two rates near `rate` that n images find with 80 % power, two-sided at 5 %.

    For independent images, and for one model against another on the same images that agree on a share of them.
    """
    alone = {"independent": detectable(n, proportion_noise(rate), alpha=ALPHA / 2)}
    paired = {f"{a:.0%} agreed": detectable(n, proportion_noise(rate, a), alpha=ALPHA / 2) for a in agreements}
    return {**alone, **paired}


def rate_text(counts: tuple[int, int]) -> str:
    """ "50.0 % [35.5, 64.5] (21 of 42)": percent, Wilson's interval, counts."""
    low, high = wilson(*counts)
    return f"{100 * _rate(counts):.1f} % [{100 * low:.1f}, {100 * high:.1f}] ({counts[0]} of {counts[1]})"


def _rate(counts: tuple[int, int]) -> float:
    return counts[0] / counts[1]
