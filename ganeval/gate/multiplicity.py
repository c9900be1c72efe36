"""Many tests, one promise: Holm over rules, an equal share of alpha for each look.

Holm 1979 (Scand. J. Statist. 6:65) keeps the chance of *any* false rejection at alpha, whatever the dependence between
the metrics. Looks spend alpha equally (Bonferroni): simple, valid for any stopping rule, and little is lost at four
looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ganeval.numerics.intervals import holm

Correction = Literal["holm", "bonferroni", "none"]


def adjust(p_values: Sequence[float], correction: Correction = "holm", looks: int = 1) -> list[float]:
    """Adjusted p-values: compare each with the family's alpha.

    >>> adjust([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    >>> adjust([0.01, 0.04], "bonferroni", looks=2)
    [0.04, 0.16]
    """
    spent = [p * looks for p in p_values]
    m = len(spent)
    if correction == "none":
        return [min(1.0, p) for p in spent]
    if correction == "bonferroni":
        return [min(1.0, m * p) for p in spent]
    return holm(spent)


def sharpest_alpha(alpha: float, tests: int, correction: Correction = "holm", looks: int = 1) -> float:
    """The level at which the *first* rejection has to happen: what power calculations must use."""
    return alpha / looks / (1 if correction == "none" else max(tests, 1))
