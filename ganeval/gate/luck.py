"""How much of a recipe's number is the training seed, and how many trainings decide: `ganeval luck` inside a gate."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ganeval.numerics.components import Components, components


def luck_of(now: Sequence[float], errors: Sequence[float | None], then: Sequence[float]) -> Components | None:
    """The variance components of the side with more trainings; None where nothing tells seed and samples apart.

    now, errors: the value and the standard error of each training of the candidate; then: the values of the baseline's
    trainings, whose errors are taken to be the candidate's, for both sides have as many images.
    """
    values = now if len(now) >= len(then) else then
    stated = [error for error in errors if error is not None]
    if len(values) < 2 or not stated:
        return None
    usual = math.sqrt(math.fsum(error**2 for error in stated) / len(stated))
    return components([[value] for value in values], [[usual] for _ in values])


def luck_advice(parts: Components, margin: float) -> str:
    """What decides between two recipes whose difference is not clear yet.

    >>> luck_advice(components([[0.0], [2.0], [4.0]], [[1.0], [1.0], [1.0]]), 2.0)
    'The training seed makes 75 % of the variance: train about 17 times a side to decide (more images would not do)'
    """
    whole = parts.training + parts.sampling
    share = parts.training / whole if whole > 0 else 0.0
    needed = parts.trainings_for(margin, 1) if margin > 0 else None
    most = "more images would not do" if share > 0.5 else "more images help, too"
    how = "over 10,000" if needed is None else f"about {needed}"
    return f"The training seed makes {100 * share:.0f} % of the variance: train {how} times a side to decide ({most})"
