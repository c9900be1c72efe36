"""What happened: a word for each rule, one exit code, and every number behind them, JSON-ready
(`ganeval.verdict/1`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import IntEnum
from typing import Any, Literal, Self

from markupsafe import Markup

from ganeval.errors import printable
from ganeval.records.cell import badge, table
from ganeval.records.text import change, ends, name, number

SCHEMA = "ganeval.verdict/1"
Word = Literal["improved", "ok", "inconclusive", "regressed", "incomparable", "error"]
WORST_FIRST: tuple[Word, ...] = ("regressed", "error", "incomparable", "inconclusive", "ok", "improved")
SYMBOL: Mapping[str, str] = {
    "improved": "▲",
    "ok": "✔",
    "inconclusive": "?",
    "regressed": "✘",
    "incomparable": "≠",
    "error": "!",
}


class Exit(IntEnum):
    """One code for each cause."""

    OK = 0
    REGRESSED = 1
    USAGE = 2
    ERROR = 3
    INCONCLUSIVE = 4
    NO_BASELINE = 5
    NOTHING = 6


@dataclass(frozen=True)
class Check:
    """One test inside a rule: the difference to the baseline, an absolute limit, one class."""

    what: str  # "difference", "max", "min", "difference, class 3", "difference to the anchor"
    verdict: Word
    sentence: str
    delta: float | None = None  # oriented: positive is worse; for a limit, the distance beyond it
    interval: tuple[float, float] | None = None  # 95 %, of delta
    base: float | None = None  # the baseline's value, or the limit
    now: float | None = None
    margin: float | None = None
    floor: float | None = None
    p_worse: float | None = None  # adjusted for all rules and looks
    p_ok: float | None = None
    p_better: float | None = None
    n: int | None = None
    method: str = ""
    paired: bool = False
    detectable: float | None = None  # the loss that this n finds with 80 % power
    n_needed: int | None = None  # to prove "within the margin" were there no difference, with 80 % power


@dataclass(frozen=True)
class RuleVerdict:
    metric: str
    verdict: Word
    sentence: str
    checks: tuple[Check, ...] = ()
    value: float | None = None
    se: float | None = None
    n: int | None = None
    better: str = "lower"
    look: int = 1

    @property
    def headline(self) -> Check | None:
        """The check that made the verdict; the first of equals."""
        return next((check for check in self.checks if check.verdict == self.verdict), None)


@dataclass(frozen=True)
class Verdict:
    """The outcome of a gate. `metrics` holds every number that was measured, also those no rule reads."""

    name: str
    created: str
    verdict: Word
    exit_code: int
    sentence: str
    rules: tuple[RuleVerdict, ...] = ()
    notes: tuple[str, ...] = ()
    metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    protocol_hash: str = ""
    baseline: Mapping[str, Any] = field(default_factory=dict)
    candidate: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        """One line: the word, why, and how many rules there are."""
        said = printable(self.sentence, 160)
        return (
            f"<Verdict {printable(self.name, 60)}: {self.verdict} (exit code {self.exit_code}). {said} "
            f"{len(self.rules)} rules>"
        )

    def _repr_html_(self) -> str:
        """The rules, worst first, as a notebook shows them."""
        rules = sorted(self.rules, key=lambda rule: WORST_FIRST.index(rule.verdict))
        parts = [
            Markup("<p><b>{}</b> {} {}</p>").format(name(self.name), _badge(self.verdict), name(self.sentence)),
            table(("metric", "baseline", "now", "loss", "95 % interval", ""), map(_cells, rules)) if rules else "",
            *(Markup("<p><small>{}</small></p>").format(name(note)) for note in self.notes),
        ]
        return str(Markup("<div>{}</div>").format(Markup("").join(parts)))

    def to_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **asdict(self)}

    def with_(self, **changes: Any) -> Self:
        return replace(self, **changes)


_LEVELS: Mapping[Word, str] = {"improved": "good", "ok": "good", "inconclusive": "warn"}


def _badge(word: Word) -> Markup:
    return badge(_LEVELS.get(word, "bad"), word)


def _cells(rule: RuleVerdict) -> tuple[object, ...]:
    check, now = rule.headline, number(rule.value, rule.se)
    if check is None or check.base is None or check.delta is None:
        return name(rule.metric), "", now, "", "", _badge(rule.verdict)
    loss, bounds = change(check.delta, check.interval), ends(check.interval)
    return name(rule.metric), number(check.base), now, loss, bounds, _badge(rule.verdict)


def worst(words: list[Word]) -> Word:
    """The word for the whole: the worst of its parts; "improved" only where nothing is merely unproved.

    >>> worst(["ok", "improved"]), worst(["ok", "inconclusive", "improved"])
    ('improved', 'inconclusive')
    """
    for word in WORST_FIRST[:4]:
        if word in words:
            return word
    return "improved" if "improved" in words else "ok"
