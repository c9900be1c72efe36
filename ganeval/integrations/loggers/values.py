"""What every tracker is told of an evaluation: plain numbers under plain names."""

from __future__ import annotations

from numbers import Integral

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


def step_of(evaluation: Evaluation, step: int | None) -> int:
    """The step that was passed, else the evaluation's own; a tracker without one would draw everything at one place."""
    if isinstance(step, bool) or not isinstance(step, (Integral, type(None))) or (step is not None and step < 0):
        raise WrongInputError(
            f"step must be a whole number from 0; got {step!r}. Pass the number of generator updates."
        )
    chosen = evaluation.step if step is None else int(step)
    if chosen is None:
        raise WrongInputError("The evaluation has no step and none was passed. Call log(evaluation, step).")
    return chosen
