"""What a person with experience would notice in the curves of one run: NaN, a dead discriminator, a passed best."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ganeval.records.scores import Z95, Evaluation, ScoreRecord
from ganeval.records.signature import Signature
from ganeval.records.text import count
from ganeval.report.charts import tick
from ganeval.runs.record import Curve, RunRecord

SHARE = 0.15  # of the run: how long a symptom must last to be named
NEAR_ZERO = 0.02  # a discriminator loss below it: real and fake are separated almost without error
_D_LOSS = re.compile(r"(^|[/_ ])(loss[/_ ]?d|d[/_ ]?loss|dis_?loss|loss/d/loss)\b", re.IGNORECASE)
_FID = re.compile(r"(?:^|[^a-z])fid(?!el)|frechet", re.IGNORECASE)


@dataclass(frozen=True)
class Hint:
    """One sentence about one quantity; `level` is "bad" or "note"."""

    level: str
    text: str


def hints_of(run: RunRecord) -> list[Hint]:
    """Everything worth saying about the curves and the evaluations of `run`, worst first."""
    hints = [hint for tag, curve in sorted(run.curves.items()) for hint in _of_curve(tag, curve, run.step_unit)]
    hints += _passed_best(run.evaluations, run.step_unit)
    return sorted(hints, key=lambda hint: hint.level != "bad")


def _of_curve(tag: str, curve: Curve, unit: str) -> list[Hint]:
    steps, values = np.asarray(curve.steps), np.asarray(curve.values)
    if not len(values):
        return []
    hints = []
    if len(failed := np.flatnonzero(_impossible(tag, values))):
        hints.append(
            Hint(
                "bad",
                f"{tag} is {tick(float(values[failed[0]]))} at {unit} {count(float(steps[failed[0]]))}: FID cannot be "
                "negative: the measurement failed",
            )
        )
    bad = ~np.isfinite(values)
    if bad.all():
        hints.append(Hint("note", f"{tag} was never a number"))
    elif bad.any():
        times = "" if bad.sum() == 1 else f" ({int(bad.sum())} of {len(values)} values)"
        hints.append(Hint("bad", f"{tag} is NaN or infinite at {unit} {count(steps[bad.argmax()])}{times}"))
    if _D_LOSS.search(tag) and (span := _longest(steps, np.abs(np.where(bad, np.inf, values)) < NEAR_ZERO)):
        hints.append(
            Hint(
                "bad",
                f"{tag} is about 0 from {unit} {count(span[0])} to {count(span[1])}: "
                "the discriminator separates real and fake perfectly, so the generator learns little",
            )
        )
    return hints


def plausible(tag: str, curve: Curve) -> Curve:
    """The curve with NaN in place of values that its quantity cannot have: one of them would set the scale of the
    axis.
    """
    failed = _impossible(tag, np.asarray(curve.values, dtype=np.float64))
    if not failed.any():
        return curve
    kept = (math.nan if wrong else value for value, wrong in zip(curve.values, failed, strict=True))
    return Curve(curve.steps, tuple(kept))


def _impossible(tag: str, values: np.ndarray) -> np.ndarray:
    """Where values are negative by more than rounding although the quantity is a Frechet distance."""
    return (values < -1e-3) & bool(_FID.search(tag))


def _longest(steps: np.ndarray, low: np.ndarray) -> tuple[float, float] | None:
    """First and last step of the longest stretch where `low` holds, if it lasts `SHARE` of the run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], low, [False]]).astype(int)))
    spans = [(float(steps[a]), float(steps[b - 1])) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    if not spans or len(steps) < 8:
        return None
    best = max(spans, key=lambda span: span[1] - span[0])
    return best if best[1] - best[0] >= SHARE * (steps[-1] - steps[0]) else None


def _passed_best(evaluations: Sequence[Evaluation], unit: str) -> list[Hint]:
    """The last evaluation is worse than an earlier one, measured alike, by more than both errors explain."""
    scored = [(e.step, e.scores["fid"]) for e in evaluations if "fid" in e.scores and e.scores["fid"].ok]
    if len(scored) < 2:
        return []
    last_step, last = scored[-1]
    signature = Signature.parse(last.signature)
    scored = [
        one
        for one in scored
        if not signature.differences(Signature.parse(one[1].signature), any_n=not last.biased_in_n)
    ]
    best_step, best = min(scored, key=lambda item: item[1].value or 0.0)
    gap = (last.value or 0.0) - (best.value or 0.0)
    noise = Z95 * np.hypot(last.se or 0.0, best.se or 0.0)
    if best_step == last_step or gap <= noise:
        return []
    return [
        Hint(
            "note",
            f"fid was best at {unit} {count(best_step)} ({_shown(best)}) and is {_shown(last)} at {unit} "
            f"{count(last_step)}: keep the earlier checkpoint",
        )
    ]


def _shown(record: ScoreRecord) -> str:
    return str(record).replace("+-", "±")
