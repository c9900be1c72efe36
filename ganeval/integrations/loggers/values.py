"""What every tracker is told of an evaluation: plain numbers under plain names."""

from __future__ import annotations

from typing import Any

from ganeval.core.options import checked_whole
from ganeval.errors import WrongInputError
from ganeval.records.scores import Evaluation

PREFIX = "ganeval/"


def values_of(evaluation: Evaluation, prefix: str = PREFIX) -> dict[str, float]:
    """`NAME`, and where they are known `NAME_se`, `NAME_low`, `NAME_high` (95 %) and `NAME_floor`, under `prefix`.

    A metric without a number is left out: a tracker would draw anything else as a value.

    >>> from ganeval.records.scores import Passport, ScoreRecord
    >>> passport = Passport("x", "", 9, 2, "given", "", "")
    >>> values_of(Evaluation("x", "", passport, passport, {"kid": ScoreRecord("kid", "ok", 0.5, 0.1)}))
    {'ganeval/kid': 0.5, 'ganeval/kid_se': 0.1}
    """
    if not isinstance(evaluation, Evaluation):
        raise WrongInputError(
            f"log takes an evaluation; got {type(evaluation).__name__}. Pass what ganeval.evaluate or measure returned."
        )
    found: dict[str, float] = {}
    for name, record in sorted(evaluation.scores.items()):
        low, high = record.interval or (None, None)
        floor = None if record.floor is None else record.floor.value
        parts = {"": record.value, "_se": record.se, "_low": low, "_high": high, "_floor": floor}
        if record.ok:
            found |= {f"{prefix}{name}{end}": float(value) for end, value in parts.items() if value is not None}
    return found


def checked_prefix(prefix: Any) -> str:
    """What names begin with."""
    if not isinstance(prefix, str):
        raise WrongInputError(f"prefix must be text, such as 'ganeval/'; got {prefix!r:.60}. Pass '' for none.")
    return prefix


def step_of(evaluation: Evaluation, step: int | None) -> int:
    """The step that was passed, else the evaluation's own; a tracker without one would draw everything at one place."""
    chosen = evaluation.step if step is None else checked_whole(step, "step", 0)
    if chosen is None:
        raise WrongInputError("The evaluation has no step and none was passed. Call log(evaluation, step).")
    return chosen
