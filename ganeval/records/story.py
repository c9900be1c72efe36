"""One run in one word and a few sentences: what the numbers of its last evaluation say, with the numbers in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ganeval.records.findings import Finding, findings_of
from ganeval.records.limits import limits_of, size_of
from ganeval.records.score import ScoreRecord
from ganeval.records.text import count


@dataclass(frozen=True)
class Story:
    """`level`: good, warn, bad or none (nothing measured); `word` names it, `sentences` say why. Where no fault was
    found, among `n` images, `limits` says which faults so many cannot show.
    """

    level: str
    word: str
    sentences: tuple[str, ...]
    n: int = 0
    limits: str = ""

    @property
    def badge(self) -> str:
        """The word, with the number of images where it rests on nothing else."""
        return f"{self.word} at n = {count(self.n)}" if self.n else self.word


NAMED = (
    "copied",
    "collapsed",
    "noisy",
    "blurred",
    "unrealistic",
    "artefacts",
    "mislabelled",
)  # kinds that are a word for people


def story_of(scores: Mapping[str, ScoreRecord] | None) -> Story:
    """The findings of one evaluation, worst first; "no fault found" is said only where something was measured."""
    if scores is None:
        return Story("none", "not evaluated", ())
    if not any(record.ok for record in scores.values()):
        return Story("none", "nothing measured", ())
    findings = findings_of(scores)
    if not findings:
        return Story("good", "no fault found", (), size_of(scores), limits_of(scores))
    ordered = sorted(findings, key=lambda finding: finding.level != "bad")
    return Story(ordered[0].level, _word(findings), tuple(dict.fromkeys(finding.text for finding in ordered)))


def _word(findings: list[Finding]) -> str:
    """Of the grave faults the one that causes others; else of the light ones."""
    grave = [finding for finding in findings if finding.level == "bad"]
    kind = (grave or findings)[0].kind
    return kind if kind in NAMED else "look closer"
