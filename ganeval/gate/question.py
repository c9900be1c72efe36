"""One test of a gate before its verdict, and the sides that it is about."""

from __future__ import annotations

from dataclasses import dataclass

from ganeval.gate.compare import Difference
from ganeval.gate.entry import Look
from ganeval.gate.estimates import Estimate
from ganeval.numerics.components import Components


@dataclass(frozen=True)
class Sides:
    """What is compared at one look. `against` is None without a baseline."""

    now: Look
    against: Look | None = None
    anchor: Look | None = None
    now_seeds: tuple[Look, ...] = ()
    train_values: dict[str, tuple[float, ...]] | None = None
    train_sd: dict[str, float] | None = None


@dataclass(frozen=True)
class Question:
    """One test before its verdict: evidence, the null threshold, and the threshold below which all is well."""

    what: str
    found: Difference
    margin: float
    floor: float
    null: float = 0.0
    can_improve: bool = True
    head: str = ""  # what its sentence begins with, where that is not a value against a limit
    trainings: bool = False  # whether it is about trainings of two recipes, and not about images
    luck: Components | None = None  # what the training seed does to the number, where that is known

    @property
    def evidence(self) -> Estimate:
        return self.found.estimate

    @property
    def p_worse(self) -> float:
        return self.evidence.p_above(self.null)

    @property
    def p_ok(self) -> float:
        return self.evidence.p_below(self.null + self.margin)

    @property
    def p_better(self) -> float:
        return self.evidence.p_below(self.null) if self.can_improve else 1.0
