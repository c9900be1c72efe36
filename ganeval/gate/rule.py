"""One rule of the gate: what is promised of one metric, and what no generator could ever fail or ever keep.

Such a rule is refused when it is read, for a gate that is always green is none: a limit is checked against what the
metric can be (`ganeval.gate.ranges`), a margin against the width of that; where a metric has no bound, against numbers
that no measurement of images comes near.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ganeval.errors import WrongInputError
from ganeval.gate.ranges import Range, range_of
from ganeval.runs.parsing import as_float

WORST_SHARE = 0.01  # "the worst 1 % of images"
MOST = 1e12  # beyond every distance between embeddings of images
Place = tuple[str | int, ...]
Problem = tuple[str, str]  # the key of the rule, and the sentence


class GateConfigError(WrongInputError):
    """A configuration of the gate that is wrong or cannot mean what it says; exit code 2.

    at: where in the gate's table it stands, for example `("rule", 0, "max")`.
    """

    def __init__(self, message: str, at: Place = ()) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One promise about one metric.

    metric: a score of the evaluation ("fid"), or a number inside its details ("class_balance.missing").
    margin_abs, margin_rel: the loss that is tolerated; the larger of the two counts.
    floor_abs, floor_rel: a loss below this is never called a regression, however certain; default margin / 4.
    max, min: absolute limits, judged on the bound of the value's interval, not on the value.
    hard: limits without statistics, for counts ("no class may be missing").
    per_class_margin_abs, per_class_min: the same for each class of a metric that is a proportion.
    image_max, image_min: a limit for single images, of a metric with one value per image; the share `image_share` of
        them may lie beyond it (the worst 1 %), which is judged by an exact binomial test.
    """

    metric: str
    margin_abs: float | None = None
    margin_rel: float | None = None
    floor_abs: float | None = None
    floor_rel: float | None = None
    max: float | None = None
    min: float | None = None
    hard: bool = False
    per_class_margin_abs: float | None = None
    per_class_min: float | None = None
    image_max: float | None = None
    image_min: float | None = None
    image_share: float | None = None

    def __post_init__(self) -> None:
        for key, sentence in problems(self):
            raise GateConfigError(f"The rule for {self.metric!r}: {sentence}", (key,))
        of_classes = self.per_class_min is not None or self.per_class_margin_abs is not None
        if not (self.compares or self.limited or of_classes or self.of_images):
            raise GateConfigError(
                f"The rule for {self.metric!r} can never fail: give it margin_abs, margin_rel, max, min, image_max or "
                "image_min."
            )
        if self.hard and (self.compares or not self.limited):
            raise GateConfigError(f"The hard rule for {self.metric!r} needs max or min and takes no margins.")

    @property
    def compares(self) -> bool:
        """Whether the rule needs a baseline."""
        return self.margin_abs is not None or self.margin_rel is not None

    @property
    def limited(self) -> bool:
        return self.max is not None or self.min is not None

    @property
    def of_images(self) -> bool:
        """Whether it looks at single images."""
        return self.image_max is not None or self.image_min is not None

    @property
    def may_be_beyond(self) -> float:
        """The share of images that may lie beyond `image_max` or `image_min`."""
        return WORST_SHARE if self.image_share is None else self.image_share

    @property
    def needs_baseline(self) -> bool:
        return self.compares or self.per_class_margin_abs is not None

    def margin(self, base: float) -> float:
        """The tolerated loss, in the metric's unit: near zero a relative margin means nothing, so the larger counts."""
        return max(self.margin_abs or 0.0, (self.margin_rel or 0.0) * abs(base))

    def floor(self, base: float) -> float:
        if self.floor_abs is None and self.floor_rel is None:
            return self.margin(base) / 4
        return max(self.floor_abs or 0.0, (self.floor_rel or 0.0) * abs(base))


def problems(rule: Rule) -> Iterator[Problem]:
    """Every key of a rule whose number cannot be meant."""
    known = range_of(rule.metric)
    yield from _sizes(rule)
    yield from limits(rule, known)
    yield from _margins(rule, known)
    yield from _class_limits(rule)
    yield from _image_limits(rule, known)


def _sizes(rule: Rule) -> Iterator[Problem]:
    for key in ("max", "min", "per_class_min", "image_max", "image_min"):
        value = getattr(rule, key)
        if value is not None and not abs(as_float(value)) <= MOST:
            yield key, f"{key} = {_shown(value)} is no limit that a score can reach; write the value you want to hold."
    for key in ("margin_abs", "floor_abs", "per_class_margin_abs"):
        value = getattr(rule, key)
        if value is not None and not 0 <= as_float(value) <= MOST:
            yield (
                key,
                f"{key} = {_shown(value)}; expected a number >= 0 that a loss can reach, in the metric's own unit.",
            )
    for key in ("margin_rel", "floor_rel"):
        value = getattr(rule, key)
        if value is not None and not 0 <= as_float(value) <= 1:
            yield (
                key,
                f"{key} = {_shown(value)}; expected a number >= 0 and at most 1: write 0.05 for 5 % of the baseline.",
            )


def limits(rule: Rule, known: Range) -> Iterator[Problem]:
    """Limits that no value in this range can fail, or none can hold."""
    low, high = rule.min, rule.max
    if high is not None and high >= known.high - known.room:
        yield "max", _never(rule, known, "max", "below", known.high)
    if low is not None and low <= known.low + known.room:
        yield "min", _never(rule, known, "min", "above", known.low)
    if high is not None and high < known.low:
        yield (
            "max",
            f"{rule.metric} lies in {known}, so max = {_shown(high)} can never hold. Set it above {known.low:g}.",
        )
    if low is not None and low > known.high:
        yield (
            "min",
            f"{rule.metric} lies in {known}, so min = {_shown(low)} can never hold. Set it below {known.high:g}.",
        )
    if low is not None and high is not None and low > high:
        yield "min", f"min = {_shown(low)} is above max = {_shown(high)}, so no value can hold both. Swap them."


def _never(rule: Rule, known: Range, key: str, side: str, end: float) -> str:
    value = getattr(rule, key)
    inside = value < end if key == "max" else value > end
    near = f" by more than {known.room:.0e}: fewer images than millions cannot tell it from that" if inside else ""
    return f"{rule.metric} lies in {known}, so {key} = {_shown(value)} can never fail. Set it {side} {end:g}{near}."


def _margins(rule: Rule, known: Range) -> Iterator[Problem]:
    if known.better == "target" and rule.compares:
        key = "margin_abs" if rule.margin_abs is not None else "margin_rel"
        yield key, f"{rule.metric} has a target, not a direction: gate it with min and max instead of a margin."
    for key in ("margin_abs", "floor_abs"):
        value = getattr(rule, key)
        if value is not None and value >= known.high - known.low - known.room:
            yield (
                key,
                f"{rule.metric} lies in {known}, so with {key} = {value:g} no loss can fail. Write a smaller one.",
            )
    for key in ("margin_rel", "floor_rel"):
        value = getattr(rule, key)
        if value is not None and value >= 1 - known.room and known.better == "higher" and known.low >= 0:
            yield (
                key,
                (
                    f"{rule.metric} cannot lose more than all of it, so {key} = {value:g} can never fail. "
                    "Write 0.05 for 5 %."
                ),
            )
    for key in ("floor_abs", "floor_rel"):
        if getattr(rule, key) is not None and not rule.compares:
            yield key, f"{key} does nothing without a margin. Add margin_abs or margin_rel, or leave it out."


def _class_limits(rule: Rule) -> Iterator[Problem]:
    low, margin, share = rule.per_class_min, rule.per_class_margin_abs, Range(0, 1)
    if low is not None and not share.room < low <= 1:
        yield (
            "per_class_min",
            f"A class has a share in [0, 1], so per_class_min = {_shown(low)} means nothing. Write 0.9 for 90 %.",
        )
    if margin is not None and margin >= 1 - share.room:
        yield (
            "per_class_margin_abs",
            (
                f"A class has a share in [0, 1], so per_class_margin_abs = {_shown(margin)} can never fail. Write 0.05 "
                "for 5 points."
            ),
        )


def _image_limits(rule: Rule, known: Range) -> Iterator[Problem]:
    share = rule.image_share
    if share is not None and not 0 < as_float(share) < 1 - Range(0, 1).room:
        yield "image_share", f"image_share = {_shown(share)} is no share strictly between 0 and 1. Write 0.01 for 1 %."
    if share is not None and not rule.of_images:
        yield "image_share", "image_share does nothing without image_max or image_min. Add one, or leave it out."
    if rule.image_max is not None and rule.image_max >= known.high - known.room:
        yield (
            "image_max",
            f"No image has a {rule.metric} above {known.high:g}, so image_max can never fail. Set it lower.",
        )
    if rule.image_min is not None and rule.image_min <= known.low + known.room:
        yield (
            "image_min",
            f"No image has a {rule.metric} below {known.low:g}, so image_min can never fail. Set it higher.",
        )


def _shown(value: float) -> str:
    """Short also for an integer of a thousand digits."""
    return f"{value:g}" if math.isfinite(as_float(value)) else str(as_float(value))
