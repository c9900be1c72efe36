"""`ganeval doctor`: which metrics see which fault, on the user's own data and extractor, at the user's n.

Real images are split into a reference, a held-out set and healthy "fakes"; faults are then put into healthy fakes, and
every metric is asked. A metric sees a fault when it gets worse by more than three times its noise, measured on healthy
fakes; it is blind when it does not move, and fooled when it gets better.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ganeval.core.compute import HERE, Compute
from ganeval.core.machine import quiet
from ganeval.errors import GanevalError, TooFewSamplesError, UndefinedError
from ganeval.features.extraction import load_extractor
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.measure.faults import FAULTS, Fault
from ganeval.measure.measure import chosen_metrics, require_how, scores_of
from ganeval.metrics import METRICS, Metric
from ganeval.numerics.share_power import ShareTest
from ganeval.numerics.strata import is_binary
from ganeval.records.protocol import Protocol
from ganeval.records.scores import Better, Score, render_value

SEEN = 3.0  # noise widths beyond which a change counts
HEALTHY = 5  # disjoint healthy sets from which the noise is measured, where the data suffice
LEAST = 60

WIDTH = 120  # of a terminal that the table is folded for


@dataclass(frozen=True)
class Finding:
    """What one metric made of one fault."""

    metric: str
    fault: str
    value: float | None
    z: float | None  # noise widths that the metric got worse by; negative: better
    verdict: str  # seen, blind, fooled, none


@dataclass(frozen=True)
class Baseline:
    """One metric on healthy fakes (real against real at n) and on pure noise, and the n that resolves a difference."""

    metric: str
    healthy: float
    noise: float  # standard deviation of the metric at this n
    destroyed: float | None  # value for images of random pixels
    n_to_resolve: int | None  # fakes a side to find a difference of `resolve`, two-sided 5 %, power 80 %


@dataclass(frozen=True)
class Diagnosis:
    """All findings; `str()` is the table for people, `to_json()` the document for machines."""

    real: str
    extractor: str
    n: int
    resolve: float
    baselines: tuple[Baseline, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"schema": "ganeval.diagnosis/1", **asdict(self)}

    def __str__(self) -> str:
        return render(self)


def doctor(protocol: Protocol, compute: Compute = HERE, *, resolve: float = 0.05) -> Diagnosis:
    """Put every fault of `ganeval.measure.faults` into real images and see which metrics notice.

    protocol: `real` images, with labels where label metrics are to be tested; the networks behind the metrics; the
    metrics (by default every one that is quick); `n` rows of every set (by default 2,000, and less where the data do
    not suffice for three disjoint sets); the seed. resolve: the relative difference of which `n_to_resolve` is given.

    Raises: TooFewSamplesError below 180 images.
    """
    require_how(protocol, compute)
    images, seed = image_set(protocol.real), protocol.seed
    n = min(protocol.n or 2000, len(images) // 3)
    if n < LEAST:
        raise TooFewSamplesError(
            f"The doctor needs {3 * LEAST} real images or more, and n = {LEAST} or more; {images.source} has "
            f"{len(images)}, which makes n = {n}."
        )
    rng = np.random.default_rng(seed)
    reference, heldout, *healthy = _disjoint(images, n, min(2 + HEALTHY, len(images) // n), rng)
    names = tuple(m.name for m, _ in chosen_metrics(protocol) if not m.needs & {"generator", "embed"})
    if not names:
        raise UndefinedError(
            f"The doctor looks at sets of images; {', '.join(protocol.metrics)} asks a generator. Name others."
        )
    asked = protocol.with_(real=reference, train=reference, heldout=heldout, metrics=names, n=None)
    total = len(healthy) + len(FAULTS) + 1
    with tqdm(total=total, desc="doctor", disable=not compute.progress or quiet()) as bar:

        def look(fakes: ImageSet | None) -> dict[str, Score]:
            bar.update()
            return {} if fakes is None else _measured(fakes, asked, replace(compute, progress=False))

        measured = [look(fakes) for fakes in healthy]
        base = {name: _Noise.of([m[name] for m in measured if name in m]) for name in measured[0]}
        findings: list[Finding] = []
        for fault in FAULTS.values():
            found = look(_faulty(fault, healthy[0], reference, np.random.default_rng([seed, 1])))
            findings += [_finding(METRICS[m], fault.name, base[m], found.get(m)) for m in base]
        ruined = look(_noise_images(healthy[0], rng))
    baselines = tuple(_baseline(name, noise, ruined.get(name), n, resolve) for name, noise in base.items())
    collapsed = FAULTS["collapse"](healthy[0].array(), healthy[0].labels, rng)
    notes = (_swap_note(reference, _same_but(healthy[0], collapsed, "collapsed"), asked, compute), *_n_note(images, n))
    return Diagnosis(images.source, _networks(protocol), n, resolve, baselines, tuple(findings), notes)


def _networks(protocol: Protocol) -> str:
    named = dict.fromkeys(filter(None, (protocol.extractor or protocol.classifier or "inception", protocol.classifier)))
    return " and ".join(load_extractor(network).name for network in named)


def _measured(fakes: ImageSet, protocol: Protocol, compute: Compute) -> dict[str, Score]:
    _, found = scores_of(fakes, protocol, compute)
    return {m.name: score for m, _, score in found if isinstance(score, Score) and math.isfinite(score)}


@dataclass(frozen=True)
class _Noise:
    """A metric's centre and spread on healthy fakes: the spread over sets, or its own error where there is one set."""

    centre: float
    spread: float
    share: bool = False  # a share of the fakes, so that its noise follows from its value

    @classmethod
    def of(cls, scores: list[Score]) -> _Noise:
        values = np.array([float(s) for s in scores])
        claimed = [s.se for s in scores if s.se is not None]
        own = float(np.mean(claimed)) if claimed else 0.0
        between = float(values.std(ddof=1)) if len(values) > 2 else 0.0
        return cls(float(values.mean()), max(own, between), all(map(_is_share, scores)))


def _is_share(score: Score) -> bool:
    """Whether it is the share of fakes with some property, which each of them has or has not."""
    rows = score.per_sample.get(score.linear)
    return rows is not None and is_binary(rows)


def _finding(metric: Metric, fault: str, base: _Noise, score: Score | None) -> Finding:
    if score is None:
        return Finding(metric.name, fault, None, None, "none")
    z, verdict = judge_change(metric.better, base.centre, base.spread, float(score), score.se)
    return Finding(metric.name, fault, float(score), z, verdict)


def judge_change(better: Better, healthy: float, spread: float, value: float, se: float | None) -> tuple[float, str]:
    """(z, verdict): by how many noise widths `value` is worse than `healthy`, and seen, blind or fooled.

    The width is the root of both variances, `spread` of the healthy value and `se` of the other (by default the same).

    >>> judge_change("lower", 1.0, 0.3, 3.0, 0.4), judge_change("higher", 0.5, 0.1, 0.5, None)
    ((4.0, 'seen'), (0.0, 'blind'))
    """
    worse = value - healthy if better == "lower" else healthy - value
    if better == "target":
        worse = abs(value - healthy)
    width = math.hypot(spread, se or spread)
    z = worse / width if width > 0 else math.copysign(math.inf, worse) if abs(worse) > 1e-9 else 0.0
    verdict = "seen" if z > SEEN else "fooled" if z < -SEEN else "blind"
    return (z if math.isfinite(z) else math.copysign(1e9, z)), verdict


def _baseline(name: str, noise: _Noise, ruined: Score | None, n: int, resolve: float) -> Baseline:
    difference = abs(noise.centre) * resolve
    needed = None
    if noise.share and difference > 0:
        needed = ShareTest(noise.centre, alpha=0.025).required_n(difference, power=0.8)
    elif noise.spread > 0 and difference > 0:
        needed = math.ceil(n * (2.8 * math.sqrt(2) * noise.spread / difference) ** 2)  # 2.8 = z(.975) + z(.8)
    return Baseline(name, noise.centre, noise.spread, None if ruined is None else float(ruined), needed)


def _disjoint(images: ImageSet, n: int, parts: int, rng: np.random.Generator) -> list[ImageSet]:
    order = rng.permutation(len(images))
    return [images.take(np.sort(order[i * n : (i + 1) * n])) for i in range(parts)]


def _faulty(fault: Fault, healthy: ImageSet, train: ImageSet, rng: np.random.Generator) -> ImageSet | None:
    """None where the fault needs what these images lack: labels, a second class."""
    try:
        return _same_but(healthy, fault(healthy.array(), healthy.labels, rng, train=train), fault.name)
    except GanevalError:
        return None


def _same_but(like: ImageSet, pixels: NDArray[np.uint8], source: str) -> ImageSet:
    return ImageSet.from_array(pixels, source=source, labels=like.labels, class_names=like.class_names)


def _noise_images(like: ImageSet, rng: np.random.Generator) -> ImageSet:
    pixels = rng.integers(0, 256, (len(like), *like.shape), dtype=np.uint8)
    return _same_but(like, pixels, "random pixels")


def _swap_note(reference: ImageSet, collapsed: ImageSet, protocol: Protocol, compute: Compute) -> str:
    """Fidelity and diversity must change places when real and fake do."""
    names = ("precision", "recall")
    asked = protocol.with_(metrics=names, options={}, train=None, heldout=None)
    there = _measured(collapsed, asked.with_(real=reference), compute)
    back = _measured(reference, asked.with_(real=collapsed), compute)
    if set(there) != set(names) or set(back) != set(names):
        return "swap of real and fake: not computed (precision or recall has no value here)"
    right = there["precision"] > there["recall"] and back["precision"] < back["recall"]
    return (
        f"swap of real and fake: collapsed fakes have precision {there['precision']:.3f}, recall "
        f"{there['recall']:.3f}; swapped {back['precision']:.3f}, {back['recall']:.3f}: "
        + ("they change places, as they must." if right else "they do NOT change places; do not trust them here.")
    )


def _n_note(images: ImageSet, n: int) -> tuple[str, ...]:
    sets = len(images) // n - 2
    if sets >= 3:
        return ()
    return (
        (
            f"only {sets} healthy set{'s' if sets > 1 else ''} of {n} could be drawn from {len(images)} images: noise "
            "is the metrics' own error."
        ),
    )


def render(diagnosis: Diagnosis) -> str:
    """The tables: a metric a line, a fault a column, folded to the width of a terminal; then what each fault is."""
    faults = list(dict.fromkeys(f.fault for f in diagnosis.findings))
    marks = {(f.metric, f.fault): _mark(f) for f in diagnosis.findings}
    names = [base.metric for base in diagnosis.baselines]
    columns = [
        ["real vs real", *(render_value(b.healthy, b.noise or None) for b in diagnosis.baselines)],
        ["random pixels", *("" if b.destroyed is None else f"{b.destroyed:.4g}" for b in diagnosis.baselines)],
        [
            f"n for {diagnosis.resolve:.0%}",
            *("" if b.n_to_resolve is None else f"{b.n_to_resolve:,}" for b in diagnosis.baselines),
        ],
        *([fault, *(marks[name, fault] for name in names)] for fault in faults),
    ]
    title = f"{diagnosis.real}, {diagnosis.extractor}, n = {diagnosis.n:,}"
    legend = "+ sees it (noise widths)   . blind   ! fooled: calls it better   blank: no value"
    notes = [part for note in diagnosis.notes for part in textwrap.wrap(note, WIDTH)]
    return "\n".join([title, "", *_folded(["metric", *names], columns), legend, "", *_explained(faults), "", *notes])


def _folded(first: Sequence[str], columns: Sequence[Sequence[str]]) -> list[str]:
    """The lines of one table after the other, each with the first column and as many others as fit into WIDTH."""
    lines: list[str] = []
    block = [first]
    for column in [*columns, None]:
        if column is None or sum(_width(c) + 2 for c in [*block, column]) - 2 > WIDTH:
            lines += [*_lines(block), ""]
            block = [first]
        if column is not None:
            block = [*block, column]
    return lines


def _width(column: Sequence[str]) -> int:
    return max(len(text) for text in (*_head(column[0]), *column[1:]))


def _head(name: str) -> tuple[str, str]:
    """Two lines, the first one broken after a hyphen or a space.

    >>> _head("mirrored-copies"), _head("blur")
    (('mirrored-', 'copies'), ('', 'blur'))
    """
    for mark in "- ":
        before, found, after = name.partition(mark)
        if found:
            return before + found.strip(), after
    return "", name


def _lines(block: Sequence[Sequence[str]]) -> list[str]:
    cells = [[*_head(column[0]), *column[1:]] for column in block]
    rows = zip(
        *([text.ljust(_width(c)) for text in column] for c, column in zip(block, cells, strict=True)), strict=True
    )
    return ["  ".join(row).rstrip() for row in rows]


def _explained(faults: Sequence[str]) -> list[str]:
    widest = max(map(len, faults))
    return [
        line
        for name in faults
        for line in textwrap.wrap(
            f"{name.ljust(widest)}  {FAULTS[name].sentence} ({FAULTS[name].how_much})",
            WIDTH,
            subsequent_indent=" " * (widest + 2),
        )
    ]


def _mark(finding: Finding) -> str:
    if finding.z is None:
        return ""
    sign = {"seen": "+", "blind": ".", "fooled": "!"}[finding.verdict]
    return sign if abs(finding.z) > 1e6 else f"{sign} {abs(finding.z):.0f}"
