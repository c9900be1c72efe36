"""Two or more generators against each other without a gate: differences with intervals, and what they allow to say.

Each side is compared with the first. The arithmetic is the gate's (`ganeval.gate.compare`): paired image by image where
both sides were drawn from the same latents, Welch's t over seeds where a side is a recipe, else two independent samples
against one fixed reference. "Not told apart" is said unless p <= alpha after Holm over every metric of every side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from markupsafe import Markup

from ganeval.core.registry import unknown_name
from ganeval.core.wording import plural
from ganeval.errors import GanevalError, IncomparableError, UnknownNameError, guarded, printable
from ganeval.gate.compare import (
    Difference,
    NoErrorKnownError,
    difference,
    require_comparable,
    seeds_difference,
    unchanged,
)
from ganeval.gate.contenders import Side, sides_of
from ganeval.gate.entry import Look
from ganeval.gate.estimates import Normal, interval
from ganeval.gate.multiplicity import adjust
from ganeval.gate.protocol import gate_protocol, protocol_differences
from ganeval.records.cell import badge, table
from ganeval.records.headline import by_question, headline
from ganeval.records.markdown import cell
from ganeval.records.numbers import render_value
from ganeval.records.scores import Evaluation, ScoreRecord
from ganeval.records.signature import Signature, in_words
from ganeval.records.text import change, ends, listed, name, number

SCHEMA = "ganeval.comparison/1"
ALPHA = 0.05
Word = Literal["better", "worse", "moved", "not told apart", "identical images", "no error known"]
LEVELS = {"better": "good", "worse": "bad", "moved": "warn"}
HEADS = ("metric", "against", "before", "now", "difference", "95 % interval", "p", "")


@dataclass(frozen=True)
class Told:
    """One metric of one side against the first side; `delta` is now minus before, in the metric's own units."""

    metric: str
    side: str
    base: float
    now: float
    delta: float
    better: str
    interval: tuple[float, float] | None = None  # 95 %, of delta, not adjusted
    p: float | None = None  # two-sided, adjusted over everything that is compared here
    word: Word = "not told apart"
    paired: bool = False
    method: str = ""
    note: str = ""


@dataclass(frozen=True)
class Comparison:
    """What `compare` found: a line for each metric of each side, and what could not be compared, with the reason."""

    base: str
    sides: tuple[str, ...]  # the others, in the order in which they were named
    lines: tuple[Told, ...]
    refused: tuple[str, ...] = ()
    alpha: float = ALPHA

    def __repr__(self) -> str:
        return f"<Comparison {'; '.join(printable(text, 300) for text in self.sentences)}>"

    def __str__(self) -> str:
        return "\n".join([*_aligned([HEADS, *map(_texts, self.lines)]), "", *self._said])

    @property
    def sentences(self) -> tuple[str, ...]:
        """One for each side: which metrics are better, worse, and not told apart."""
        return tuple(self._sentence(side) for side in self.sides)

    def _sentence(self, side: str) -> str:
        words: dict[str, list[str]] = {}
        for line in self.lines:
            if line.side == side:
                words.setdefault(line.word, []).append(line.metric)
        order = ("better", "worse", "moved", "not told apart", "identical images", "no error known")
        said = "; ".join(f"{word} in {listed(words[word])}" for word in order if word in words)
        return f"{side} against {self.base}: {said}."

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known of single lines, and why they are not compared image by image where
        latents are missing.
        """
        found: dict[str, list[str]] = {}
        for line in self.lines:
            if line.note and ("latents" in line.note or not line.note.startswith("unpaired")):
                found.setdefault(f"{line.side}: {line.note.rstrip('.')}.", []).append(line.metric)
        return tuple(note if len(names) > 1 else f"{names[0]} of {note}" for note, names in found.items())

    @property
    def _said(self) -> tuple[str, ...]:
        return (*self.sentences, *self.refused, *self.notes, self.footnote)

    @property
    def footnote(self) -> str:
        return (
            f"Differences are now minus before, with 95 % intervals. Better and worse hold at alpha {self.alpha:g} "
            f"over {plural(len(self.lines), 'line')} (Holm); not told apart does not mean equal."
        )

    def to_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **asdict(self), "sentences": list(self.sentences)}

    def to_markdown(self) -> str:
        rows = "".join(f"| {' | '.join(map(cell, _texts(line)))} |\n" for line in self.lines)
        said = "".join(f"\n{cell(text)}\n" for text in self._said)
        return f"| {' | '.join(HEADS)} |\n|{'---|' * len(HEADS)}\n{rows}{said}"

    def _repr_html_(self) -> str:
        rows = (
            (
                name(told.metric),
                name(told.side),
                number(told.base),
                number(told.now),
                change(told.delta, told.interval),
                ends(told.interval),
                _p(told.p),
                badge(LEVELS.get(told.word, "none"), told.word),
            )
            for told in self.lines
        )
        parts = [table(HEADS, rows), *(Markup("<p>{}</p>").format(name(text)) for text in self._said)]
        return str(Markup("<div>{}</div>").format(Markup("").join(parts)))


@guarded
def compare(
    first: Any, *others: Any, metrics: Sequence[str] = (), full: bool = False, alpha: float = ALPHA
) -> Comparison:
    """Each of `others` against `first`, metric by metric.

    A side is an `Evaluation`, a list of them (the seeds of one recipe), a result file, a run, or a folder of runs or
    result files. metrics: only these; by default the headline, with `full` all that every side has.

    Raises: IncomparableError where the sides were measured differently, or where no metric is left to compare.

    >>> from ganeval.records.scores import Evaluation, Passport, ScoreRecord
    >>> def an(name, kid):
    ...     passport = Passport(name, "", 500, 64, "given", "", "")
    ...     record = ScoreRecord("kid", "ok", kid, 0.01, (kid - 0.02, kid + 0.02), 500)
    ...     return Evaluation(name, "2026-01-01", replace(passport, source="real"), passport, {"kid": record})
    >>> compare(an("old", 0.30), an("new", 0.20))
    <Comparison new against old: better in kid.>
    >>> compare(an("old", 0.21), an("new", 0.20)).lines[0].word
    'not told apart'
    """
    base, *rest = sides_of([first, *others])
    _require_alike([base, *rest])
    found: list[tuple[Told, float | None]] = []
    refused: dict[str, list[str]] = {}
    for side in rest:
        for metric in _shared(base, side, metrics, full=full):
            try:
                found.append(_told(base, side, metric))
            except IncomparableError as error:
                refused.setdefault(f"{side.name}: {error}", []).append(metric)
    reasons = tuple(f"{listed(names)} of {reason}" for reason, names in refused.items())
    if not found:
        raise IncomparableError(f"No metric is left to compare. {' '.join(reasons) or 'The sides share none.'}")
    return Comparison(base.name, tuple(side.name for side in rest), tuple(_judged(found, alpha)), reasons, alpha)


def _require_alike(sides: Sequence[Side]) -> None:
    """One reference, one network, one classifier for all; else nothing that follows would mean anything."""
    first = sides[0].seeds[0]
    for side in sides:
        for one in side.seeds:
            gaps = protocol_differences(gate_protocol(first), gate_protocol(one))
            if gaps:
                raise IncomparableError(
                    f"{side.name} was measured differently from {sides[0].name}: {'; '.join(gaps)}. Measure both "
                    "alike: the same --real, --extractor and --classifier."
                )


def _shared(base: Side, side: Side, metrics: Sequence[str], *, full: bool) -> list[str]:
    """The metrics to compare: those that every seed of both sides has a value of, by question."""
    seeds = [*base.seeds, *side.seeds]
    known = {key: record for key, record in seeds[-1].scores.items() if all(_valued(one, key) for one in seeds)}
    for metric in metrics:
        if metric not in known:
            raise UnknownNameError(unknown_name("metric that every side has a value of", metric, known))
    if metrics:
        return list(dict.fromkeys(metrics))
    return [record.name for _, group in (by_question(known) if full else headline(known)) for record in group]


def _valued(evaluation: Evaluation, metric: str) -> bool:
    record = evaluation.scores.get(metric)
    return record is not None and record.ok and not record.only_a_bound


def _told(base: Side, side: Side, metric: str) -> tuple[Told, float | None]:
    """The difference and its unadjusted two-sided p-value; None where no error is known."""
    records = [one.scores[metric] for one in (*base.seeds, *side.seeds)]
    for record in records:
        _require_same_number(records[0], record)
    looks = [_undirected(Look.of(one)) for one in (*base.seeds, *side.seeds)]
    for look in looks:
        require_comparable(metric, looks[0].entries[metric], look.entries[metric])
    then, now = looks[: len(base.seeds)], looks[len(base.seeds) :]
    bases, values = ([float(look.entries[metric].value or 0.0) for look in part] for part in (then, now))
    told = Told(metric, side.name, _mean(bases), _mean(values), _mean(values) - _mean(bases), records[0].better)
    if len(looks) == 2 and unchanged(then[0], now[0], told.base, told.now, 0.0):
        return replace(told, word="identical images", interval=(0.0, 0.0), paired=True, method="identical images"), None
    try:
        found = _difference(then, now, metric, bases, values)
    except NoErrorKnownError:
        return replace(told, word="no error known"), None
    estimate = found.estimate
    if estimate.se <= 0 and not found.paired:  # seeds without any spread say nothing about the next one
        return replace(told, word="no error known"), None
    p = min(1.0, 2 * min(estimate.p_above(0.0), estimate.p_below(0.0)))
    return replace(
        told, interval=interval(estimate, 0.025), paired=found.paired, method=estimate.method, note=found.note
    ), p


def _difference(then: list[Look], now: list[Look], metric: str, bases: list[float], values: list[float]) -> Difference:
    if len(then) == len(now) == 1:
        return difference(then[0], now[0], metric)
    estimate: Normal = seeds_difference(bases, values, "lower")
    return Difference(estimate, _mean(bases), _mean(values), len(values))


def _require_same_number(one: ScoreRecord, other: ScoreRecord) -> None:
    """Two numbers mean the same where their signatures say so."""
    any_n = not (one.biased_in_n or other.biased_in_n)
    keys = Signature.parse(one.signature).differences(Signature.parse(other.signature), any_n=any_n)
    if keys or one.version != other.version:
        raise IncomparableError(
            f"not compared, for they differ in {in_words(keys or ['v'])}. Measure both alike, with one version of "
            "ganeval."
        )


def _undirected(look: Look) -> Look:
    """Every entry as if less were better, so that a difference is now minus before whichever way is better."""
    return replace(look, entries={key: replace(entry, better="lower") for key, entry in look.entries.items()})


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _judged(found: Sequence[tuple[Told, float | None]], alpha: float) -> Iterator[Told]:
    """The words, at one level for everything that is compared."""
    if not 0 < alpha < 1:
        raise GanevalError(f"alpha must lie between 0 and 1; got {alpha!r}. Leave it out for {ALPHA}.")
    adjusted = iter(adjust([p for _, p in found if p is not None]))
    for told, p in found:
        yield told if p is None else _worded(told, next(adjusted), alpha)


def _worded(told: Told, p: float, alpha: float) -> Told:
    word: Word = "not told apart"
    if p <= alpha:
        word = (
            "moved"
            if told.better == "target"
            else "better"
            if (told.delta < 0) == (told.better == "lower")
            else "worse"
        )
    return replace(told, p=p, word=word)


def _texts(told: Told) -> tuple[str, ...]:
    se = None if told.interval is None else (told.interval[1] - told.interval[0]) / 4
    shown = render_value(told.delta, se).partition(" +- ")[0]
    bounds = "" if told.interval is None else f"{told.interval[0]:.3g} to {told.interval[1]:.3g}"
    word = f"{told.word} (paired)" if told.paired and told.word != "identical images" else told.word
    return told.metric, told.side, f"{told.base:.4g}", f"{told.now:.4g}", shown, bounds, _p(told.p), word


def _p(p: float | None) -> str:
    return "" if p is None else "< 0.0001" if p < 1e-4 else f"{p:.2g}"


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines]
