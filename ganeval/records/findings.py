"""What the numbers of one evaluation say is wrong: each finding is a kind of fault, a level and a sentence with the
numbers.

A number is held against what real images get in the generator's place (its floor), and counts only where its interval
leaves no doubt. How often images look real says that something is wrong with them; their fine detail says what: noise
adds to it, blur takes it away. Where that was not measured, images of a class tell: noise makes them differ more than
real ones do, blur less.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ganeval.records.score import Z95, Floor, ScoreRecord
from ganeval.records.text import listed, percent, visible

Scores = Mapping[str, ScoreRecord]
SHORT_OF = 0.8  # recall or coverage below this share of what real images get: much is missing
FAR_SHORT_OF = 0.4
UNREAL = 0.85  # precision below this share of what real images get: images do not look real, whatever the reason
WORSE = 0.98  # below this one, too, if how much images differ says why
HALF = 0.5
ALIKE = 0.03  # images of a class differ more or less than real ones if their similarity is off by this share
LABELLED = 0.95  # images that show what was asked for, as a share of what real images get; or
NEARLY = 0.98  # of that share, if so many times more images than among real ones show something else:
WRONG = 3.0
RIGHT = 0.99  # images that show what was asked for, without the classifier's own errors
RARE = 0.25  # a class with less than this share of what it should have
COPIES = 5.0  # times the share of copies that unseen real images show
SURE = 0.01  # p of the worst packet: below it the frequencies of both sets differ
STRONGER, WEAKER = (
    0.1,
    -0.5,
)  # mean of the finest packets' energies, in standard deviations: noise adds to them, blur takes most
LARGE = 0.8  # standard deviations: a large difference (Cohen 1988), if it is also so many times that of real images:
OFTEN = 3.0
REPEATS = 3.0  # times the share of repeated images that real ones show


@dataclass(frozen=True)
class Finding:
    """One fault: its kind is the word on the badge, `level` is "bad" or "warn"."""

    kind: str
    level: str
    text: str


def findings_of(scores: Scores) -> list[Finding]:
    """All findings, in the order in which their kinds name the run: the cause before what follows from it."""
    found = [finding for check in _CHECKS for finding in check(scores)]
    return sorted(found, key=lambda finding: _RANKS.index(finding.kind))


_RANKS = ("copied", "collapsed", "noisy", "blurred", "unrealistic", "artefacts", "mislabelled", "narrow")


def _below(record: ScoreRecord, share: float = 1.0) -> bool:
    """Whether the number is lower than this share of its floor by more than the errors of both explain (95 %)."""
    return _gap(record, share, -1.0) < 0


def _above(record: ScoreRecord, share: float = 1.0) -> bool:
    return _gap(record, share, 1.0) > 0


def _gap(record: ScoreRecord, share: float, sign: float) -> float:
    """Number minus share of floor, moved towards 0 by the half-width of its interval; 0 where one of them is not
    known.
    """
    value, floor, ends = record.value, floor_of(record), record.interval
    if value is None or floor is None or ends is None:
        return 0.0
    half = math.hypot(
        max(ends[1] - value, 0) if sign < 0 else max(value - ends[0], 0),
        Z95 * share * (floor.se or _least_error(floor)),
    )
    gap = value - share * floor.value
    return gap - sign * half if gap * sign > half else 0.0


def floor_of(record: ScoreRecord) -> Floor | None:
    """The floor; of a metric that grows with n only one of no more images, which can but hide a fault."""
    floor = record.floor
    larger = floor is not None and record.biased_in_n and (floor.n or 0) > (record.n or 0)
    return None if larger else floor


def shortfall(record: ScoreRecord) -> float | None:
    """By how much the number may lie below its floor, as far as the errors of both leave it open (95 %)."""
    floor = floor_of(record)
    if record.value is None or record.interval is None or floor is None:
        return None
    half = math.hypot(record.value - record.interval[0], Z95 * (floor.se or _least_error(floor)))
    return max(0.0, floor.value - record.value + half)


def _least_error(floor: Floor) -> float:
    """Of a share that came out as 0 or 1 in a few images, and so shows no error (Agresti and Coull 1998)."""
    n = (floor.n or 0) + 4
    p = (min(max(floor.value, 0.0), 1.0) * (n - 4) + 2) / n
    return math.sqrt(p * (1 - p) / n) if floor.n else 0.0


def measured(e: Scores, name: str) -> ScoreRecord | None:
    """The score of that name, where it has a value."""
    record = e.get(name)
    return record if record is not None and record.ok else None


def _realism(e: Scores) -> list[Finding]:
    """Images that do not look real, and whether noise or blur is what they show."""
    precision = measured(e, "precision")
    if precision is None or precision.floor is None:
        return []
    level = "bad" if _below(precision, HALF) else "warn"
    said = f"only {percent(precision.value)} of its images look real (real images: {percent(precision.floor.value)})"
    kind, why = _look(e) if _below(precision, WORSE) else ("", "")
    if kind:
        return [Finding(kind, level, f"{said}, {why}")]
    return [Finding("unrealistic", level, said)] if _below(precision, UNREAL) else []


def _look(e: Scores) -> tuple[str, str]:
    """Noise or blur, by the energy of fine detail; where it is not known or not clear, by how similar images of a class
    are and how far their embeddings spread; and the sentence's end.
    """
    details = _details(e)
    if details is not None:
        fine, coarse = details
        if fine > STRONGER:
            return "noisy", "and they have more fine detail than real ones, as noise gives"
        blurred = fine < min(WEAKER, coarse)  # what leaves the image takes all detail with it
        return ("blurred", "and they have less fine detail than real ones, as blur leaves") if blurred else ("", "")
    similarity, spread = measured(e, "ms_ssim"), measured(e, "embedding_spread")
    if similarity is not None and _below(similarity, 1 - ALIKE):
        return "noisy", f"and they differ more than real ones do, as noise does {_numbers('similarity', similarity)}"
    if similarity is not None and _above(similarity, 1 + ALIKE):
        return "blurred", f"and they differ less than real ones do, as blur does {_numbers('similarity', similarity)}"
    if spread is not None and _above(spread, 1 + ALIKE):
        return "noisy", f"and they differ more than real ones do, as noise does {_numbers('spread', spread)}"
    return "", ""


def _details(e: Scores) -> tuple[float, float] | None:
    """How much the energy of the finest packets (the last row and column of bands) and of the coarsest one differs,
    fake minus real, in standard deviations; None where no clear difference of any packet was measured.
    """
    record = measured(e, "worst_packet")
    details = record.details if record is not None else {}
    channels = details.get("energy")
    if not isinstance(channels, list) or not isinstance(p := details.get("p_value"), float) or p > SURE:
        return None
    finest = [band for bands in channels for band in (*bands[-1], *(row[-1] for row in bands[:-1]))]
    coarsest = [bands[0][0] for bands in channels]
    return (sum(finest) / len(finest), sum(coarsest) / len(coarsest)) if finest else None


def _frequencies(e: Scores) -> list[Finding]:
    """A pattern over the images that is none of the real ones', such as a checkerboard; noise and blur have words of
    their own.
    """
    record = measured(e, "worst_packet")
    if record is None or record.value is None or (floor := floor_of(record)) is None or _realism(e):
        return []
    packet = _largest_packet(record)
    if packet < max(LARGE, OFTEN * floor.value) or not record.details.get("p_value", 1.0) <= SURE:
        return []
    text = f"a fine pattern sets its images apart (worst_packet {packet:.2f}, of real images {floor.value:.2f})"
    return [Finding("artefacts", "warn", text)]


def _largest_packet(record: ScoreRecord) -> float:
    """The largest difference of a packet, in standard deviations. `worst_packet` itself may be that of the grey values:
    any network draws more of them than scans of few levels have, and nobody sees it.
    """
    pictures = [record.details.get(name) for name in ("energy", "level")]
    bands = [band for found in pictures if isinstance(found, list) for rows in found for row in rows for band in row]
    return max(map(abs, bands), default=0.0)


def _numbers(what: str, record: ScoreRecord) -> str:
    floor = record.floor.value if record.floor else math.nan
    return f"({what} {record.value:.2f}, of real images {floor:.2f})"


def _absent_classes(e: Scores) -> list[Finding]:
    """Classes that are not drawn; of images that do not look real the classifier says nothing about classes."""
    record, precision = measured(e, "class_balance"), measured(e, "precision")
    if record is None or (precision is not None and _below(precision, HALF)):
        return []
    rows = record.details.get("classes", [])
    doubtful = e["missing_classes"].details.get("doubtful", []) if "missing_classes" in e else []
    due = [row for row in rows if row["target"] > 0]
    gone = [visible(row["name"]) for row in due if row["count"] == 0]
    misread = [
        visible(row["name"])
        for row in due
        if row["count"] and row["name"] in doubtful and row["interval"][1] < HALF * row["target"]
    ]
    said = {*gone, *misread}
    rare = [row for row in due if visible(row["name"]) not in said and row["interval"][1] < RARE * row["target"]]
    found: list[Finding] = []
    if gone:
        found.append(Finding("collapsed", "bad", f"never generates {listed(gone)} ({len(gone)} of {len(due)} classes)"))
    if misread:
        text = (
            f"almost never generates {listed(misread)}: the classifier's own errors explain the few images seen there"
        )
        found.append(Finding("collapsed", "bad", text))
    if rare:
        names = [f"{visible(row['name'])} ({percent(row['share'])})" for row in rare]
        found.append(Finding("collapsed", "bad", f"rarely generates {listed(names)}"))
    return found


def _labels(e: Scores) -> list[Finding]:
    record = measured(e, "classifier_score")
    if record is None or record.interval is None:
        return []
    floor = floor_of(record)
    wrong = _mislabelled(record) if floor else record.interval[1] < LABELLED * LABELLED
    if floor is not None and floor.against == "train":  # on images that it has learnt a classifier may never err
        wrong = wrong and (record.details.get("corrected_interval") or record.interval)[1] < RIGHT
    level = "bad" if record.interval[1] < 0.7 else "warn"
    text = f"only {percent(record.value)} of the images show the requested class"
    said = f" (real images: {percent(floor.value)})" if floor else ""
    return [Finding("mislabelled", level, text + said)] if wrong else []


def _mislabelled(record: ScoreRecord) -> bool:
    """Whether many images show another class than was asked for; or some, but many times as many as among real ones."""
    return _below(record, LABELLED) or (_below(record, NEARLY) and _above(_complement(record), WRONG))


def _complement(record: ScoreRecord) -> ScoreRecord:
    """Of a share the share of all others, and so its interval and its floor."""
    value, floor, ends = 1 - (record.value or 0.0), record.floor, record.interval
    return replace(
        record,
        value=value,
        interval=None if ends is None else (1 - ends[1], 1 - ends[0]),
        floor=None if floor is None else replace(floor, value=1 - floor.value),
    )


_BREADTH = {
    "recall": "of the real images are of a kind that it draws",
    "coverage": "of the real images have a generated image near them",
}


def _breadth(e: Scores) -> list[Finding]:
    """Too little of the real variety. Where its images look real all the same, it draws few things well: collapse."""
    precision = measured(e, "precision")
    found: list[Finding] = []
    for name, what in _BREADTH.items():
        record = measured(e, name)
        if record is None or record.floor is None or not _below(record, SHORT_OF):
            continue
        far = _below(record, FAR_SHORT_OF) and not (precision and _below(precision, UNREAL))
        kind = "collapsed" if far else "narrow"
        text = f"only {percent(record.value)} {what} (real images: {percent(record.floor.value)})"
        found.append(Finding(kind, "bad" if far else "warn", text))
    return found


def _repeats(e: Scores) -> list[Finding]:
    """The more images, the more of them find another one near: the floor of fewer images is raised in proportion."""
    record = measured(e, "duplicates")
    if record is None or record.interval is None:
        return []
    floor = record.floor
    more = max(1.0, (record.n or 0) / floor.n) if floor and floor.n else 1.0
    usual = max(floor.value * more if floor else 0.01, 0.01)
    if record.interval[0] <= REPEATS * usual:
        return []
    many = record.interval[0] > HALF and all(finding.kind != "blurred" for finding in _realism(e))
    text = f"{percent(record.value)} of the images repeat another one (real images: {percent(usual)})"
    return [Finding("collapsed" if many else "narrow", "bad" if many else "warn", text)]


def copies_of(e: Scores) -> ScoreRecord | None:
    """`changed_copies` says what unseen images would get; without it `copies`, whose limit leaves them 1 % or more."""
    changed = measured(e, "changed_copies")
    return measured(e, "copies") if changed is None else changed


def _copies(e: Scores) -> list[Finding]:
    changed, record = measured(e, "changed_copies"), copies_of(e)
    if record is None or record.interval is None:
        return []
    heldout, least = record.details.get("heldout"), 0.01 if changed is None else 0.0
    usual = max(heldout if heldout is not None else record.floor.value if record.floor else 0.0, least)
    if record.interval[0] <= COPIES * usual:
        return []
    what = "copies of training images" if changed is None else "training images, as they are or changed a little"
    text = f"{percent(record.value)} are {what} (unseen real images: {percent(usual)})"
    return [Finding("copied", "bad", text)]


_CHECKS: tuple[Callable[[Scores], list[Finding]], ...] = (
    _copies,
    _realism,
    _frequencies,
    _absent_classes,
    _labels,
    _breadth,
    _repeats,
)
