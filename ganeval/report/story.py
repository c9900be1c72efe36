"""One run in one sentence: what the numbers of its last evaluation say in plain words, with the numbers in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ganeval.records.scores import Evaluation
from ganeval.report.text import listed, percent, visible

SHORT_OF = 0.8  # recall or coverage below this share of what real images get: much is missing
RARE = 0.25  # a class with less than this share of what it should have
COPIES = 5.0  # times the share of copies that unseen real images show
REPEATS = 3.0  # times the share of repeated images that real ones show


@dataclass(frozen=True)
class Story:
    """`level`: good, warn, bad or none (nothing measured); `word` names it, `sentences` say why."""

    level: str
    word: str
    sentences: tuple[str, ...]


def story_of(evaluation: Evaluation | None) -> Story:
    """The findings of one evaluation, worst first; "no fault found" is said only where something was measured."""
    if evaluation is None:
        return Story("none", "not evaluated", ())
    findings = sorted((f for check in _CHECKS for f in check(evaluation)), key=lambda f: f[0] != "bad")
    sentences = tuple(text for _, text in findings)
    if not any(record.ok for record in evaluation.scores.values()):
        return Story("none", "nothing measured", ())
    if any(level == "bad" for level, _ in findings):
        return Story("bad", "collapsed" if _absent_classes(evaluation) else "faulty", sentences)
    if findings:
        return Story("warn", "look closer", sentences)
    return Story("good", "no fault found", ())


Finding = tuple[str, str]


def _absent_classes(e: Evaluation) -> list[Finding]:
    record = e.scores.get("class_balance")
    rows = record.details.get("classes", []) if record and record.ok else []
    doubtful = e.scores["missing_classes"].details.get("doubtful", []) if "missing_classes" in e.scores else []
    due = [row for row in rows if row["target"] > 0]
    gone = [visible(row["name"]) for row in due if row["count"] == 0]
    misread = [visible(row["name"]) for row in due if row["count"] and row["name"] in doubtful]
    said = {*gone, *misread}
    rare = [row for row in due if visible(row["name"]) not in said and row["interval"][1] < RARE * row["target"]]
    found: list[Finding] = []
    if gone:
        found.append(("bad", f"never generates {listed(gone)} ({len(gone)} of {len(due)} classes)"))
    if misread:
        found.append(
            (
                "bad",
                f"almost never generates {listed(misread)}: the classifier's own errors explain the few that it saw",
            )
        )
    if rare:
        names = [f"{visible(row['name'])} ({percent(row['share'])})" for row in rare]
        found.append(("bad", f"rarely generates {listed(names)}"))
    return found


def _labels(e: Evaluation) -> list[Finding]:
    record = e.scores.get("classifier_score")
    if record is None or record.value is None or record.value >= 0.9:
        return []
    return [
        (
            "bad" if record.value < 0.7 else "warn",
            f"only {percent(record.value)} of the images show the requested class",
        )
    ]


_BREADTH = {
    "recall": "of the real images are within the reach of the generator",
    "coverage": "of the real images have a generated image near them",
}


def _breadth(e: Evaluation) -> list[Finding]:
    found: list[Finding] = []
    for name, what in _BREADTH.items():
        record = e.scores.get(name)
        if record is None or record.value is None or record.floor is None or record.interval is None:
            continue
        if record.interval[1] < SHORT_OF * record.floor.value:
            level = "bad" if record.interval[1] < 0.4 * record.floor.value else "warn"
            found.append((level, f"only {percent(record.value)} {what} (floor: {percent(record.floor.value)})"))
    return found


def _repeats(e: Evaluation) -> list[Finding]:
    record = e.scores.get("duplicates")
    if record is None or record.value is None or record.interval is None:
        return []
    usual = max(record.floor.value if record.floor else 0.01, 0.01)
    if record.interval[0] <= REPEATS * usual:
        return []
    level = "bad" if record.value > 0.5 else "warn"
    return [(level, f"{percent(record.value)} of the images repeat another one (real images: {percent(usual)})")]


def _copies(e: Evaluation) -> list[Finding]:
    record = e.scores.get("copies")
    if record is None or record.interval is None or record.value is None:
        return []
    usual = max(record.details.get("heldout") or 0.0, 0.01)
    if record.interval[0] <= COPIES * usual:
        return []
    return [("bad", f"{percent(record.value)} are copies of training images (unseen real images: {percent(usual)})")]


_CHECKS: tuple[Callable[[Evaluation], list[Finding]], ...] = (_absent_classes, _labels, _breadth, _repeats, _copies)
