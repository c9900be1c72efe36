"""Collecting curves from logs of any length in bounded memory."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ganeval.runs.record import Curve

LIMIT = 8192  # points of a curve that are kept at least, once there are more


@dataclass
class Points:
    """(step, value) pairs as they are read. Beyond 2 * LIMIT of them each four become their smallest and largest.

    >>> points = Points()
    >>> for i in range(100_000): points.add(i, 1e9 if i == 77_777 else 0.0)
    >>> curve = points.curve()
    >>> len(curve.steps) <= 2 * LIMIT, max(curve.values), curve.steps[-1]
    (True, 1000000000.0, 99999.0)
    """

    steps: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, step: float, value: float) -> None:
        """A step that is no finite number has no place on a curve and is left out."""
        if not math.isfinite(step):
            return
        self.steps.append(float(step))
        self.values.append(float(value))
        if len(self.steps) > 2 * LIMIT:
            self._thin()

    def cut(self, step: float) -> None:
        """Forget what was logged beyond `step`: a resumed run writes it again."""
        kept = [(s, v) for s, v in zip(self.steps, self.values, strict=True) if s <= step]
        self.steps, self.values = [s for s, _ in kept], [v for _, v in kept]

    def curve(self) -> Curve:
        """In order of steps; of two values at one step the one logged last."""
        last = dict(zip(self.steps, self.values, strict=True))
        order = sorted(last)
        return Curve(tuple(order), tuple(last[step] for step in order))

    def _thin(self) -> None:
        keep: list[int] = []
        for start in range(0, len(self.steps) - 1, 4):
            group = range(start, min(start + 4, len(self.steps) - 1))
            bad = [i for i in group if not math.isfinite(self.values[i])]
            fine = [i for i in group if math.isfinite(self.values[i])]
            ends = {min(fine, key=self.values.__getitem__), max(fine, key=self.values.__getitem__)} if fine else set()
            keep += sorted(ends | set(bad[:1]))
        keep.append(len(self.steps) - 1)
        self.steps, self.values = [self.steps[i] for i in keep], [self.values[i] for i in keep]


def curves_of(points: dict[str, Points]) -> dict[str, Curve]:
    """The curves by tag, in order of tags, without empty ones."""
    return {tag: points[tag].curve() for tag in sorted(points) if points[tag].steps}
