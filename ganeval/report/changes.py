"""What each number is held against: the gate's baseline, else the run beside it, else an earlier run or evaluation.

Only numbers that mean the same are subtracted, metric by metric. The interval of a difference is Zou and Donner's
(2008, "MOVER"): the distances from each estimate to the ends of its own interval, squared and added, so it keeps what
Wilson intervals know about the edges of [0, 1]. It treats the two sets of images as independent; the gate, which has
the images, may pair them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from ganeval.records.scores import Evaluation, ScoreRecord
from ganeval.records.signature import in_words
from ganeval.report.comparability import differences
from ganeval.report.view import RunView

Interval = tuple[float, float]
NO_DIFFERENCE = "no clear difference"
_GATE_WORDS = {
    "improved": ("▲ improved", "good"),
    "ok": ("✔ ok", "good"),
    "inconclusive": ("? inconclusive", "warn"),
    "regressed": ("✘ regressed", "bad"),
    "incomparable": ("≠ incomparable", "bad"),
    "error": ("! error", "bad"),
}


@dataclass(frozen=True)
class Change:
    """One number against its base: `delta` is now minus then; the interval is of 95 % and None where none is known."""

    base: float
    base_se: float | None
    delta: float
    interval: Interval | None
    word: str
    level: str  # good, bad, warn or none


@dataclass(frozen=True)
class Changes:
    """All numbers of one evaluation against one base; `against` names it for people."""

    against: str = ""
    kind: str = ""  # baseline, beside, run or step
    by_metric: Mapping[str, Change] = field(default_factory=dict)
    unlike: Mapping[str, str] = field(default_factory=dict)  # metrics that are not subtracted: in what they differ


def changes_of(run: RunView, runs: Sequence[RunView], beside: RunView | None = None) -> Changes:
    """The last numbers of `run` against the gate's baseline, the run `beside` it, an earlier run or an earlier step."""
    now = run.evaluation
    if now is None:
        return Changes()
    judged = _judged(run.verdict or {}, now)
    if judged.by_metric:
        return judged
    chosen = [] if beside is None else [(beside.label, "beside", beside.evaluation)]
    earlier = [(other.label, "run", other.evaluation) for other in runs if other.index < run.index]
    before = [(f"{run.record.step_unit} {e.step}", "step", e) for e in run.record.evaluations[:-1]]
    for bases in (chosen, earlier, before):
        found = [_against(now, then, label, kind) for label, kind, then in reversed(bases) if then is not None]
        best = max(found, key=lambda changes: len(changes.by_metric), default=Changes())
        if best.by_metric:
            return best
    return Changes()


def _against(now: Evaluation, then: Evaluation, label: str, kind: str) -> Changes:
    """All differences of metrics that may be compared; of the others the words that say why not."""
    pairs = {name: (record, then.scores[name]) for name, record in now.scores.items() if name in then.scores}
    pairs = {name: pair for name, pair in pairs.items() if pair[0].ok and pair[1].ok}
    unlike = {name: in_words(keys) for name, (new, old) in pairs.items() if (keys := differences(new, old))}
    found = {name: difference(*pair) for name, pair in pairs.items() if name not in unlike}
    return Changes(label, kind, {name: change for name, change in found.items() if change}, unlike)


def difference(now: ScoreRecord, then: ScoreRecord) -> Change | None:
    """Now minus then, in words only as far as the interval goes; None where one of them is no number but a bound or a
    reason.
    """
    if now.value is None or then.value is None or now.only_a_bound or then.only_a_bound:
        return None
    delta = now.value - then.value
    interval = _mover(now.value, now.interval, then.value, then.interval)
    word, level = _reading(interval, now.better)
    return Change(then.value, then.se, delta, interval, word, level)


def _mover(now: float, mine: Interval | None, then: float, theirs: Interval | None) -> Interval | None:
    """
    >>> _mover(3.0, (2.0, 4.0), 1.0, (0.0, 2.0))  # symmetric: the root of the sum of squares
    (0.5857864376269049, 3.414213562373095)
    """
    if mine is None or theirs is None:
        return None
    below = math.hypot(now - mine[0], theirs[1] - then)
    above = math.hypot(mine[1] - now, then - theirs[0])
    return now - then - below, now - then + above


def _reading(interval: Interval | None, better: str) -> tuple[str, str]:
    if interval is None:
        return "no error known", "none"
    if interval[0] <= 0 <= interval[1]:
        return NO_DIFFERENCE, "none"
    if better == "target":
        return "moved", "warn"
    return ("▲ better", "good") if (interval[1] < 0) == (better == "lower") else ("▼ worse", "bad")


def _judged(verdict: Mapping[str, Any], now: Evaluation) -> Changes:
    """The differences that the gate measured, where it judged this very evaluation."""
    baseline = verdict.get("baseline")
    if verdict.get("created") != now.created:
        return Changes()
    found: dict[str, Change] = {}
    for rule in verdict.get("rules") or []:
        record = now.scores.get(rule.get("metric", "")) if isinstance(rule, dict) else None
        if record is None or record.value is None or rule.get("value") != record.value:
            continue
        check = next((c for c in rule.get("checks") or [] if isinstance(c, dict) and c.get("what") == "difference"), {})
        if (change := _of_check(check, record, check.get("verdict", ""))) is not None:
            found[record.name] = change
    return Changes(str(baseline.get("name", "")) if isinstance(baseline, dict) else "", "baseline", found)


def _of_check(check: Mapping[str, Any], record: ScoreRecord, word: Any) -> Change | None:
    """The gate's Δ is oriented (above 0 is worse); here it is turned back into now minus then."""
    base, interval = check.get("base"), check.get("interval")
    if not _real(base) or record.value is None or record.better == "target":
        return None
    turned = None
    if isinstance(interval, list) and len(interval) == 2 and all(map(_real, interval)):
        low, high = interval if record.better == "lower" else (-interval[1], -interval[0])
        turned = (float(low), float(high))
    shown, level = _GATE_WORDS.get(str(word), _GATE_WORDS["error"])
    return Change(float(base), None, record.value - float(base), turned, shown, level)


def _real(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
