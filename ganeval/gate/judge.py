"""The gate as one function: a candidate, a configuration, a baseline -> a `Verdict`. Reads no files, writes none.

A candidate is a list of evaluations (one run; or several training seeds), or a function that draws n images and
measures them. Of the latter more images are drawn while a rule is undecided: n, 4n, 16n, ... up to `max_n`. A rule's
first decision stands. alpha is shared equally between the planned looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ganeval.core.registry import unknown_name
from ganeval.core.wording import few
from ganeval.errors import GanevalError
from ganeval.gate.baseline import Baseline
from ganeval.gate.decide import decide
from ganeval.gate.entry import Look
from ganeval.gate.protocol import gate_protocol, other_fingerprints, protocol_differences, protocol_hash
from ganeval.gate.question import Sides
from ganeval.gate.ranges import range_of
from ganeval.gate.rule import limits
from ganeval.gate.rules import GateConfig, GateConfigError, Rule
from ganeval.gate.verdict import Check, Exit, RuleVerdict, Verdict, Word, worst
from ganeval.records.scores import FINGERPRINTS, Evaluation

Sampler = Callable[[int], Evaluation]
FIRST_LOOK = 4000
ANEW = {
    "baseline": "ganeval gate ... --update-baseline --reason '...'",
    "anchor": "write a baseline of the anchored generator, and name it as the anchor",
}
OPEN: tuple[Word, ...] = ("inconclusive",)


@dataclass(frozen=True)
class Against:
    """What a candidate is compared with, and why something is missing."""

    baseline: Baseline | None = None
    anchor: Baseline | None = None
    missing: str = ""  # the sentence about a baseline that is not there
    nothing: str = ""  # the sentence about a candidate that is not there
    broken: str = ""  # the sentence about one that is there and cannot be read: never tolerated


@dataclass(frozen=True)
class Judged:
    verdict: Verdict
    evaluations: tuple[Evaluation, ...]  # one per look, or one per seed; empty when none succeeded


def judge(candidate: Sequence[Evaluation] | Sampler, config: GateConfig, against: Against = Against()) -> Judged:
    """Decide. Problems of the candidate become verdicts; a configuration that cannot be right raises."""
    if not config.rules:
        return _nothing(config, "The configuration has no rules, so nothing was judged. Add a [[gate.rule]].")
    if callable(candidate):
        return _judge_sampler(candidate, config, against)
    if not candidate:
        return _nothing(config, against.nothing or "There is no evaluation to judge. Name a run or a generator.")
    require_one_or_recipe(len(candidate), config)
    _require_meant(config.rules, candidate[0], against)
    rules = decide(_sides(candidate, against, candidate[0].fake.n), config)
    rules = _refuse(rules, config.rules, candidate, against)
    return Judged(_verdict(config, against, rules, candidate[:1], looks=1), tuple(candidate))


def require_one_or_recipe(runs: int, config: GateConfig) -> None:
    """Several runs are one question only as training seeds of one recipe; else every run has a gate of its own."""
    if runs > 1 and config.scope != "recipe":
        raise GateConfigError(
            f"{runs} runs were named, and one gate judges one run. Gate each by itself, or pass --scope recipe if they "
            "are training seeds of one recipe."
        )


def _judge_sampler(draw: Sampler, config: GateConfig, against: Against) -> Judged:
    first = against.baseline.looks[0].n if against.baseline else FIRST_LOOK
    sizes = config.sizes(first)
    rules: list[RuleVerdict] = []
    taken: list[Evaluation] = []
    for look, n in enumerate(sizes, start=1):
        try:
            evaluation = draw(n)
        except GanevalError as error:
            return _failed(config, against, rules, taken, look, n, str(error), len(sizes))
        except Exception as error:  # noqa: BLE001 -- a user's generator may raise anything; it becomes a verdict
            return _failed(config, against, rules, taken, look, n, f"{type(error).__name__}: {error}", len(sizes))
        _require_meant(config.rules, evaluation, against)
        taken.append(evaluation)
        fresh = decide(_sides([evaluation], against, n), config, looks=len(sizes), look=look)
        rules = _merge(rules, _refuse(fresh, config.rules, [evaluation], against))
        if not _worth_more(rules):
            break
    return Judged(_verdict(config, against, rules, taken[-1:], looks=len(sizes)), tuple(taken))


def _worth_more(rules: Iterable[RuleVerdict]) -> bool:
    """More images help an inconclusive rule, unless a rule has failed already."""
    words = {rule.verdict for rule in rules}
    return "inconclusive" in words and "regressed" not in words


def _merge(before: list[RuleVerdict], now: list[RuleVerdict]) -> list[RuleVerdict]:
    """A first decision stands; an open rule takes the new look, unless that cannot be compared."""
    if not before:
        return now
    return [
        old if old.verdict not in OPEN or new.verdict == "incomparable" else new
        for old, new in zip(before, now, strict=True)
    ]


def _failed(
    config: GateConfig,
    against: Against,
    rules: list[RuleVerdict],
    taken: list[Evaluation],
    look: int,
    n: int,
    reason: str,
    looks: int,
) -> Judged:
    sentence = f"The generator failed at look {look} (n = {n}): {reason}"
    failed = Check("generator", "error", sentence)
    drafts = rules or [RuleVerdict(rule.metric, "inconclusive", "") for rule in config.rules]
    rules = [
        replace(rule, verdict="error", sentence=sentence, checks=(*rule.checks, failed))
        if rule.verdict in OPEN
        else rule
        for rule in drafts
    ]
    return Judged(_verdict(config, against, rules, taken[-1:], looks=looks), tuple(taken))


def _sides(seeds: Sequence[Evaluation], against: Against, n: int) -> Sides:
    base, anchor = against.baseline, against.anchor
    return Sides(
        now=Look.of(seeds[0]),
        against=base and base.at(n),
        anchor=anchor and anchor.at(n),
        now_seeds=tuple(map(Look.of, seeds[1:])),
        train_values=dict(base.train_values) if base else None,
        train_sd=dict(base.train_sd) if base else None,
    )


def _refuse(
    rules: list[RuleVerdict], asked: Sequence[Rule], candidates: Sequence[Evaluation], against: Against
) -> list[RuleVerdict]:
    """Where the protocol differs, or there is no baseline, every rule that compares says so instead of deciding."""
    reason = against.broken or against.missing or _otherwise(candidates, against)
    if not reason:
        return rules
    return [
        _incomparable(rule, reason) if ask.needs_baseline and rule.verdict != "error" else rule
        for rule, ask in zip(rules, asked, strict=True)
    ]


def _otherwise(candidates: Sequence[Evaluation], against: Against) -> str:
    """The sentence about two things that were not measured alike; "" where all were."""
    first, *others = map(gate_protocol, candidates)
    for which, side in (("baseline", against.baseline), ("anchor", against.anchor)):
        if side and (gaps := protocol_differences(side.protocol, first)):
            kinds = (side.environment.get(FINGERPRINTS, 1), candidates[0].environment.get(FINGERPRINTS, 1))
            if why := other_fingerprints(side.protocol, first, kinds):
                return f"The {which} {why}. Measure it anew with the images that you trust: {ANEW[which]}."
            return (
                f"The {which} was measured differently: {'; '.join(gaps)}. Measure both alike, or update the {which}."
            )
    for other in others:
        if gaps := protocol_differences(first, other):
            return f"The runs were measured differently: {'; '.join(gaps)}. Evaluate all of them alike."
    return ""


def _incomparable(rule: RuleVerdict, reason: str) -> RuleVerdict:
    limits = tuple(check for check in rule.checks if check.what.partition(",")[0] in ("max", "min"))
    checks = (*limits, Check("difference", "incomparable", reason))
    word = worst([check.verdict for check in checks])
    return replace(rule, checks=checks, verdict=word, sentence=next(c.sentence for c in checks if c.verdict == word))


def _require_meant(rules: Sequence[Rule], evaluation: Evaluation, against: Against) -> None:
    """Refuse rules that, of what was measured, no generator can fail or keep."""
    _require_known_metrics(rules, evaluation, against)
    classes = len(evaluation.fake.class_names)
    for rule in rules:
        known = range_of(rule.metric).of(classes=classes, images=evaluation.fake.n)
        for key, sentence in limits(rule, known):
            raise GateConfigError(f"The rule for {rule.metric!r}: {sentence}", (key,))


def _require_known_metrics(rules: Sequence[Rule], evaluation: Evaluation, against: Against) -> None:
    entries = Look.of(evaluation).entries
    known = {*entries, *(against.baseline.metrics if against.baseline else ())}
    valueless = {name for name, entry in entries.items() if entry.value is None}  # what lies inside them is not known
    for rule in rules:
        if rule.metric not in known and rule.metric.partition(".")[0] not in valueless:
            raise GateConfigError(
                f"A rule names a metric that nothing measured. {unknown_name('metric', rule.metric, known)}"
            )


def _verdict(
    config: GateConfig, against: Against, rules: list[RuleVerdict], measured: Sequence[Evaluation], looks: int
) -> Verdict:
    unused = _unused(config, against.baseline)
    word = worst([rule.verdict for rule in rules])
    code, sentence = _exit(config, against, rules, unused)
    last = measured[-1] if measured else None
    notes = [note for side in (against.baseline, against.anchor) if side and (note := side.note)]
    notes += _asked_of_whom(config.rules, last)
    if unused and config.on_unused != "pass":
        notes.append(_unread(unused))
    return Verdict(
        name=config.name or (last.name if last else ""),
        created=last.created if last else "",
        verdict=word,
        exit_code=code,
        sentence=sentence,
        rules=tuple(rules),
        notes=tuple(notes),
        metrics=_metrics(last),
        protocol_hash=protocol_hash(gate_protocol(last)) if last else "",
        baseline=_about(against.baseline),
        settings=_settings(config, looks),
        candidate={"name": last.name, "step": last.step, "n": last.fake.n} if last else {},
    )


def _asked_of_whom(rules: Sequence[Rule], evaluation: Evaluation | None) -> list[str]:
    """What must be said where nobody looks for copies, because the training images are not known."""
    about = [rule.metric for rule in rules if range_of(rule.metric.partition(".")[0]).about_copies]
    if about or evaluation is None or evaluation.sets.get("train") or evaluation.protocol.get("paired"):
        return []
    return ["Copies were not looked for: no training images were named. Name them, for example train = 'hoda:train'."]


def _exit(config: GateConfig, against: Against, rules: Sequence[RuleVerdict], unused: Sequence[str]) -> tuple[int, str]:
    strict = config.on_missing if against.missing else config.on_incomparable
    by_word = {word: [r.metric for r in rules if r.verdict == word] for word in (rule.verdict for rule in rules)}
    causes: list[tuple[Word, Exit, bool, str]] = [
        ("regressed", Exit.REGRESSED, True, "regressed"),
        ("error", Exit.ERROR, True, "could not be judged"),
        (
            "incomparable",
            Exit.NO_BASELINE,
            bool(against.broken) or strict == "fail",
            "cannot be compared with the baseline",
        ),
        ("inconclusive", Exit.INCONCLUSIVE, config.on_inconclusive == "fail", "need more images to decide"),
    ]
    for word, code, fails, phrase in causes:
        if fails and by_word.get(word):
            return code, f"{few(by_word[word])}: {phrase}."
    if unused and config.on_unused == "fail":
        return Exit.NO_BASELINE, _unread(unused)
    return Exit.OK, f"No rule failed{_rest(by_word)}"


def _unread(unused: Sequence[str]) -> str:
    return f"No rule reads these metrics of the baseline: {few(unused)}."


def _rest(by_word: Mapping[str, Sequence[str]]) -> str:
    """What a sentence without a failure must add: that some rules are not decided."""
    if by_word.get("incomparable"):
        return "; some cannot be compared with the baseline."
    return "; some need more images to decide." if by_word.get("inconclusive") else "."


def _unused(config: GateConfig, baseline: Baseline | None) -> list[str]:
    return [name for name in baseline.metrics if name not in config.metrics] if baseline else []


def _metrics(evaluation: Evaluation | None) -> dict[str, Mapping[str, Any]]:
    if evaluation is None:
        return {}
    return {
        name: {"value": r.value, "se": r.se, "n": r.n, "better": r.better, "status": r.status}
        for name, r in evaluation.scores.items()
    }


def _about(baseline: Baseline | None) -> dict[str, Any]:
    if baseline is None:
        return {}
    keys = ("name", "created", "reason")
    return {**{key: getattr(baseline, key) for key in keys}, "commit": baseline.source.get("commit")}


def _settings(config: GateConfig, looks: int) -> dict[str, Any]:
    return {"alpha": config.alpha, "correction": config.correction, "looks": looks, "scope": config.scope}


def _nothing(config: GateConfig, sentence: str) -> Judged:
    return Judged(Verdict(config.name, "", "error", Exit.NOTHING, sentence, settings=_settings(config, 1)), ())
