"""From evidence to words: every check of every rule, adjusted together, becomes one of six verdicts.

    improved      the gain is real
    ok            the loss is proved to be smaller than the margin (non-inferiority), or the images are the same ones
    regressed     else: the loss is real (p of "no loss" <= alpha after Holm) and larger than the floor
    inconclusive  none of these can be said with so many images
    incomparable  the two numbers do not mean the same
    error         there is no number, or no standard error to judge it by

Each of the three claims is kept at the family's alpha by itself: over all rules (Holm) and all looks (interim analyses,
which share alpha equally).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ganeval.core.wording import ended
from ganeval.errors import GanevalError, IncomparableError
from ganeval.gate.compare import (
    Difference,
    class_differences,
    difference,
    level,
    require_comparable,
    require_direction,
    seeds_difference,
    unchanged,
)
from ganeval.gate.entry import Entry, Look
from ganeval.gate.estimates import Estimate, Proportion, Tail, interval
from ganeval.gate.luck import luck_advice, luck_of
from ganeval.gate.multiplicity import adjust, sharpest_alpha
from ganeval.gate.power import reach, tail_n
from ganeval.gate.question import Question, Sides
from ganeval.gate.rules import GateConfig, Rule, Scope
from ganeval.gate.verdict import Check, RuleVerdict, Word, worst
from ganeval.records.scores import render_value


def decide(sides: Sides, config: GateConfig, looks: int = 1, look: int = 1) -> list[RuleVerdict]:
    """The verdict of every rule at one look of `looks`."""
    asked = [_questions(rule, sides, config) for rule in config.rules]
    questions = [q for parts in asked for q in parts if isinstance(q, Question)]
    judged = iter(_judge(questions, config, looks))
    verdicts: list[RuleVerdict] = []
    for rule, parts in zip(config.rules, asked, strict=True):
        checks = tuple(next(judged) if isinstance(part, Question) else part for part in parts)
        verdicts.append(_rule_verdict(rule, sides, checks, look))
    return verdicts


def _questions(rule: Rule, sides: Sides, config: GateConfig) -> list[Question | Check]:
    entry = sides.now.entries.get(rule.metric)
    if entry is None or entry.value is None:
        entry = entry or sides.now.entries.get(rule.metric.partition(".")[0])
        status = "not measured" if entry is None or entry.value is not None else entry.status
        return [Check("value", "error", f"{rule.metric} has no value: {ended(status)}")]
    parts: list[Question | Check] = []
    for what, made in (
        ("difference", _differences(rule, entry, sides, config.scope)),
        ("limit", _of_every_run(_limits, rule, sides)),
        ("class", _of_every_run(_classes, rule, sides)),
        ("images", _of_every_run(_tails, rule, sides)),
    ):
        try:
            parts += made
        except IncomparableError as error:
            parts.append(Check(what, "incomparable", str(error)))
        except GanevalError as error:
            parts.append(Check(what, "error", str(error)))
    return parts


def _of_every_run(
    made: Callable[[Rule, Look, Sides], Iterator[Question | Check]], rule: Rule, sides: Sides
) -> Iterator[Question | Check]:
    """What is asked of one run by itself, asked of each training seed; all but the first are named by their number."""
    for number, look in enumerate((sides.now, *sides.now_seeds), 1):
        for part in made(rule, look, sides):
            yield part if number == 1 else replace(part, what=f"{part.what}, run {number}")


def _limits(rule: Rule, look: Look, sides: Sides) -> Iterator[Question | Check]:  # noqa: ARG001 - as `_classes`
    if rule.max is None and rule.min is None:
        return
    entry = _valued(rule.metric, look)
    for what, limit, sign in (("max", rule.max, 1), ("min", rule.min, -1)):
        if limit is None:
            continue
        if rule.hard:
            yield _hard(rule.metric, what, entry, limit, sign)
            continue
        yield _limit_question(what, level(entry, rule.metric), limit, sign, entry.n or 0)


def _tails(rule: Rule, look: Look, sides: Sides) -> Iterator[Question | Check]:  # noqa: ARG001 - as `_classes`
    """The worst images: how many lie beyond the limit of a single one."""
    limits = (("max", rule.image_max, 1), ("min", rule.image_min, -1))
    for what, limit, sign in limits if rule.of_images else ():
        if limit is None:
            continue
        values = look.linear(rule.metric)
        if values is None or look.entries[rule.metric].linear == "influence":
            raise GanevalError(f"{rule.metric} has no value for single images, so image_{what} cannot be judged.")
        beyond, share = sign * (values - limit) > 0, rule.may_be_beyond
        tail = Tail(int(beyond.sum()), len(values))
        row = int((sign * values).argmax())
        head = (
            f"{tail.k} of {tail.n} images have {rule.metric} {'above' if sign > 0 else 'below'} {limit:g} (the worst "
            f"is image {row} with {values[row]:.4g}), at most {share:.3g} of them may"
        )
        found = Difference(tail, share, tail.value, tail.n)
        yield Question(f"{what}, single images", found, 0.0, 0.0, null=share, can_improve=False, head=head)


def _limit_question(what: str, value: Estimate, limit: float, sign: int, n: int) -> Question:
    now = value.value
    oriented = value if sign > 0 else _Mirrored(value)
    return Question(what, Difference(oriented, limit, now, n), 0.0, 0.0, null=sign * limit, can_improve=False)


@dataclass(frozen=True)
class _Mirrored:
    """The same evidence about minus the number."""

    of: Estimate

    @property
    def value(self) -> float:
        return -self.of.value

    @property
    def se(self) -> float:
        return self.of.se

    @property
    def method(self) -> str:
        return self.of.method

    def p_above(self, threshold: float) -> float:
        return self.of.p_below(-threshold)

    def p_below(self, threshold: float) -> float:
        return self.of.p_above(-threshold)


def _hard(metric: str, what: str, entry: Entry, limit: float, sign: int) -> Check:
    assert entry.value is not None
    beyond = sign * (entry.value - limit)
    words = f"{metric} is {entry.value:g}; the hard limit is {what} {limit:g}."
    return Check(
        what,
        "regressed" if beyond > 0 else "ok",
        words,
        delta=beyond,
        base=limit,
        now=entry.value,
        n=entry.n,
        method="hard",
    )


def _differences(rule: Rule, entry: Entry, sides: Sides, scope: Scope) -> Iterator[Question | Check]:
    if not rule.compares:
        return
    if scope == "recipe" and sides.against is not None:
        yield _seeds_question(rule, entry, sides)
        return
    for what, look in (("difference", sides.against), ("difference to the anchor", sides.anchor)):
        if look is None:
            continue
        _require_promised(rule.metric, look)
        yield _compared(what, rule, look, sides.now)


def _require_promised(metric: str, look: Look) -> None:
    if metric not in look.entries or look.entries[metric].value is None:
        raise IncomparableError(f"The baseline has no {metric}. Update the baseline.")


def _compared(what: str, rule: Rule, then: Look, now: Look) -> Question | Check:
    base, value = then.entries[rule.metric].value, now.entries[rule.metric].value
    assert base is not None
    assert value is not None
    require_direction(rule.metric, then.entries[rule.metric], now.entries[rule.metric])
    if unchanged(then, now, base, value, rule.margin(base)):
        return _same(what, base, value, rule.margin(base), now.entries[rule.metric].n)
    found = difference(then, now, rule.metric)
    return Question(what, found, rule.margin(found.base), rule.floor(found.base))


def _same(what: str, base: float, value: float, margin: float, n: int | None) -> Check:
    sentence = f"{base:.4g} -> {value:.4g}: the images are those of the baseline, bit for bit."
    return Check(
        what,
        "ok",
        sentence,
        delta=0.0,
        interval=(0.0, 0.0),
        base=base,
        now=value,
        margin=margin,
        n=n,
        method="identical images",
        paired=True,
    )


def _seeds_question(rule: Rule, entry: Entry, sides: Sides) -> Question:
    metric = rule.metric
    assert sides.against is not None
    for look in (sides.against, *sides.now_seeds):
        if metric not in look.entries or look.entries[metric].value is None:
            raise IncomparableError(
                f"Not every run has a value of {metric}, nor has it the baseline. Evaluate all of them."
            )
        require_comparable(metric, look.entries[metric], entry)
    then = (sides.train_values or {}).get(metric) or _values([sides.against], metric)
    now = _values([sides.now, *sides.now_seeds], metric)
    estimate = seeds_difference(then, now, entry.better, (sides.train_sd or {}).get(metric))
    base = sum(then) / len(then)
    return Question(
        "difference of recipes",
        Difference(estimate, base, sum(now) / len(now), entry.n or 0),
        rule.margin(base),
        rule.floor(base),
        trainings=True,
        luck=luck_of(now, [look.entries[metric].se for look in (sides.now, *sides.now_seeds)], then),
    )


def _values(looks: Sequence[Look], metric: str) -> list[float]:
    found = [look.entries[metric].value for look in looks if metric in look.entries]
    return [value for value in found if value is not None]


def _valued(metric: str, look: Look) -> Entry:
    entry = look.entries.get(metric)
    if entry is None or entry.value is None:
        raise GanevalError(f"Not every run has a value of {metric}. Evaluate all of them.")
    return entry


def _classes(rule: Rule, look: Look, sides: Sides) -> Iterator[Question | Check]:
    if rule.per_class_min is None and rule.per_class_margin_abs is None:
        return
    entry = _valued(rule.metric, look)
    if not entry.by_class:
        raise GanevalError(f"{rule.metric} has no table of classes; per-class rules need one, as classifier_score has.")
    if rule.per_class_min is not None:
        for name, (hits, n) in entry.by_class.items():
            if n:
                yield _limit_question(f"min, class {name}", Proportion(hits, n), rule.per_class_min, -1, n)
    if rule.per_class_margin_abs is not None and sides.against is not None:
        _require_promised(rule.metric, sides.against)
        margin = rule.per_class_margin_abs
        for name, found in class_differences(sides.against, look, rule.metric).items():
            what = f"difference, class {name}"
            if unchanged(sides.against, look, found.base, found.now, margin):
                yield _same(what, found.base, found.now, margin, found.n)
            else:
                yield Question(what, found, margin, margin / 4)


def _judge(questions: Sequence[Question], config: GateConfig, looks: int) -> Iterator[Check]:
    claims: list[Callable[[Question], float]] = [lambda q: q.p_worse, lambda q: q.p_ok, lambda q: q.p_better]
    columns = [adjust([claim(q) for q in questions], config.correction, looks) for claim in claims]
    sharpest = sharpest_alpha(config.alpha, len(questions), config.correction, looks)
    for question, *p_values in zip(questions, *columns, strict=True):
        yield _check(question, config.alpha, sharpest, *p_values)


def _check(q: Question, alpha: float, sharpest: float, p_worse: float, p_ok: float, p_better: float) -> Check:
    delta = q.evidence.value - q.null
    low, high = interval(q.evidence, 0.025)
    word: Word = "inconclusive"
    if p_better <= alpha:
        word = "improved"
    elif p_ok <= alpha:
        word = "ok"
    elif p_worse <= alpha and delta > q.floor:
        word = "regressed"
    resolved = reach(sharpest) * q.evidence.se
    check = Check(
        q.what,
        word,
        "",
        delta=delta,
        interval=(low - q.null, high - q.null),
        base=q.found.base,
        now=q.found.now,
        margin=q.margin,
        floor=q.floor,
        p_worse=p_worse,
        p_ok=p_ok,
        p_better=p_better,
        n=q.found.n,
        method=q.evidence.method,
        paired=q.found.paired,
        detectable=resolved or None,
        n_needed=_n_needed(q, resolved, sharpest),
    )
    return replace(check, sentence=_sentence(check, q))


def _n_needed(q: Question, resolved: float, alpha: float) -> int | None:
    """n grows with the square of the precision that is missing; None where no n can help or none is needed."""
    if isinstance(q.evidence, Tail):
        return tail_n(q.null, min(q.evidence.value, q.null), alpha=alpha)
    if q.trainings:
        return None  # more images are no more trainings: `luck_advice` says how many of these
    room = q.margin if q.can_improve else -(q.evidence.value - q.null)
    if room <= 0 or not q.found.n or resolved <= 0:
        return None
    return math.ceil(q.found.n * (resolved / room) ** 2)


def _sentence(check: Check, q: Question) -> str:
    assert check.delta is not None
    assert check.interval is not None
    difference = render_value(check.delta, q.evidence.se)
    bounds = f"95 % [{check.interval[0]:.3g}, {check.interval[1]:.3g}]"
    if q.head:
        head = f"{q.head}, {bounds} of the excess"
    elif not q.can_improve:
        head = f"{check.now:.4g} against {check.what} {check.base:.4g}: {difference} beyond the limit, {bounds}"
    else:
        head = f"{check.base:.4g} -> {check.now:.4g}, loss {difference}, {bounds}, margin {check.margin:.3g}"
    return ". ".join(filter(None, (head, *_advice(check, q), q.found.note))) + (
        "" if q.found.note.endswith(".") else "."
    )


def _advice(check: Check, q: Question) -> Iterator[str]:
    if check.verdict != "inconclusive":
        return
    if q.can_improve and check.detectable is not None:
        yield f"With n = {check.n}, a loss of {check.detectable:.3g} can be seen"
    if q.luck is not None:
        yield luck_advice(q.luck, q.margin)
    if check.n_needed is not None:
        yield f"Use about {about(check.n_needed)} images to decide"


def about(n: int) -> str:
    """Three digits are enough for advice.

    >>> about(33472), about(200)
    ('33,500', '200')
    """
    return f"{round(n, 3 - len(str(n))):,}"


def _rule_verdict(rule: Rule, sides: Sides, checks: tuple[Check, ...], look: int) -> RuleVerdict:
    word = worst([check.verdict for check in checks]) if checks else "incomparable"
    entry = sides.now.entries.get(rule.metric, Entry(None))
    draft = RuleVerdict(
        rule.metric, word, "", checks, value=entry.value, se=entry.se, n=entry.n, better=entry.better, look=look
    )
    headline = draft.headline
    sentence = headline.sentence if headline else f"There is nothing to compare {rule.metric} with."
    return replace(draft, sentence=sentence)
