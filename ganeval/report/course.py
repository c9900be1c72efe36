"""How a training ended, where it ended badly: it diverged, or it failed. The card says so, whatever was measured
before.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from ganeval.records.story import Story
from ganeval.records.text import count
from ganeval.runs.record import Curve, RunRecord

LASTING = 3  # values at the end of a loss that are no numbers: fewer may be a gap of the log
_EVENT = re.compile(r"nan at step ([\d.e+]+)(?:: .*)?", re.IGNORECASE)


def bad_end(run: RunRecord) -> Story | None:
    """What the card says of a training that diverged or failed; None where nothing is known of such an end."""
    step = _logged_end(run)
    step = _end_of_losses(run) if step is None else step
    if step is not None:
        return Story("bad", f"diverged at {run.step_unit} {count(step)}", ())
    return Story("bad", "failed", ()) if run.status == "failed" else None


def _logged_end(run: RunRecord) -> float | None:
    """The trainer's own word for it, if the training did not go on after it; the reason stands among the events."""
    events = [match for note in run.notes if (match := _EVENT.fullmatch(note))]
    return float(events[-1][1]) if run.status == "failed" and events else None


def _end_of_losses(run: RunRecord) -> float | None:
    """Which loss it was is a hint's to say."""
    least = 1 if run.status == "failed" else LASTING
    ends = [_lost(curve, least) for tag, curve in run.curves.items() if "loss" in tag.lower()]
    return min((end for end in ends if end is not None), default=None)


def _lost(curve: Curve, least: int) -> float | None:
    """The step since which all values of a quantity that had been a number are none; None where its last one is one."""
    finite = [math.isfinite(value) for value in curve.values]
    lost = _count_from_end(finite)
    return curve.steps[len(finite) - lost] if any(finite) and lost >= least else None


def _count_from_end(finite: Sequence[bool]) -> int:
    return next((n for n, fine in enumerate(reversed(finite)) if fine), len(finite))
