"""`ganeval doctor`: which metrics see which fault, on the user's own data and extractor, at the user's n.

Real images are split into a reference, a held-out set and healthy "fakes"; faults are then put into healthy fakes, and
every metric is asked. A metric sees a fault when it gets worse by more than three times its noise, measured on healthy
fakes; it is blind when it does not move, and fooled when it gets better.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from tqdm import tqdm

from ganeval.core.compute import HERE, Compute
from ganeval.errors import TooFewSamplesError
from ganeval.features.extraction import load_extractor
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.measure.measure import scores_of
from ganeval.metrics import METRICS, Metric
from ganeval.numerics.share_power import ShareTest
from ganeval.numerics.strata import is_binary
from ganeval.records.protocol import Protocol
from ganeval.records.scores import Better, Score, render_value

SEEN = 3.0  # noise widths beyond which a change counts
HEALTHY = 5  # disjoint healthy sets from which the noise is measured, where the data suffice
LEAST = 60

Fault = Callable[[NDArray[np.uint8], NDArray[np.int64] | None, np.random.Generator], tuple[Any, Any]]


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
    """Put faults into real images and see which metrics notice.

    protocol: `real` images, with labels where label metrics are to be tested; the networks behind the metrics; `n` rows
    of every set (by default 2,000, and less where the data do not suffice for three disjoint sets); the seed. resolve:
    the relative difference for which `n_to_resolve` is given.

    Raises: TooFewSamplesError below 180 images.
    """
    images, seed = image_set(protocol.real), protocol.seed
    n = min(protocol.n or 2000, len(images) // 3)
    if n < LEAST:
        raise TooFewSamplesError(
            f"The doctor needs {3 * LEAST} real images or more, and n = {LEAST} or more; {images.source} has "
            f"{len(images)}, which makes n = {n}."
        )
    rng = np.random.default_rng(seed)
    reference, heldout, *healthy = _disjoint(images, n, min(2 + HEALTHY, len(images) // n), rng)
    names = tuple(m.name for m in METRICS if not m.slow and not m.needs & {"generator", "embed"})
    asked = protocol.with_(real=reference, train=reference, heldout=heldout, metrics=names, n=None, options={})
    total = len(healthy) + len(FAULTS) + 1
    with tqdm(total=total, desc="doctor", disable=not (compute.progress and _interactive())) as bar:

        def look(fakes: ImageSet | None) -> dict[str, Score]:
            bar.update()
            return {} if fakes is None else _measured(fakes, asked, replace(compute, progress=False))

        measured = [look(fakes) for fakes in healthy]
        base = {name: _Noise.of([m[name] for m in measured if name in m]) for name in measured[0]}
        findings: list[Finding] = []
        for name, fault in FAULTS.items():
            found = look(_faulty(fault, name, healthy[0], reference, np.random.default_rng([seed, 1])))
            findings += [_finding(METRICS[m], name, base[m], found.get(m)) for m in base]
        ruined = look(_noise_images(healthy[0], rng))
    baselines = tuple(_baseline(name, noise, ruined.get(name), n, resolve) for name, noise in base.items())
    notes = (_swap_note(reference, _collapsed(healthy[0], rng), asked, compute), *_n_note(images, n))
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


def _faulty(
    fault: Fault, name: str, healthy: ImageSet, reference: ImageSet, rng: np.random.Generator
) -> ImageSet | None:
    if name == "copies of the reference":
        return reference
    if healthy.labels is None and name in NEED_LABELS:
        return None
    pixels, labels = fault(healthy.array(), healthy.labels, rng)
    return ImageSet.from_array(pixels, source=name, labels=labels, class_names=healthy.class_names)


def drop_class(pixels: Any, labels: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    """The first class is gone; others are drawn again to keep n, a little shifted so that they are no exact copies."""
    kept = np.flatnonzero(labels != np.unique(labels)[0])
    lacking = len(labels) - len(kept)
    again = rng.choice(kept, lacking)
    moved = np.roll(pixels[again], 1, axis=3)
    return np.concatenate([pixels[kept], moved]), np.concatenate([labels[kept], labels[again]])


def shift(pixels: Any, labels: Any, _rng: np.random.Generator) -> tuple[Any, Any]:
    """Two pixels to the right (one on images under 16 pixels), edges repeated."""
    by = 2 if pixels.shape[3] >= 16 else 1
    moved = np.concatenate([np.repeat(pixels[..., :1], by, axis=3), pixels[..., :-by]], axis=3)
    return moved, labels


def blur(pixels: Any, labels: Any, _rng: np.random.Generator) -> tuple[Any, Any]:
    """Gaussian blur, sigma 1/28 of the width but at least 0.7 pixels."""
    sigma = max(pixels.shape[3] / 28, 0.7)
    return gaussian_filter(pixels.astype(np.float32), (0, 0, sigma, sigma)).round().astype(np.uint8), labels


def add_noise(pixels: Any, labels: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    """Gaussian noise of standard deviation 25 of 255 on every pixel, cut to the range."""
    noisy = pixels + rng.normal(0, 25, pixels.shape)
    return noisy.round().clip(0, 255).astype(np.uint8), labels


def relabel(pixels: Any, labels: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    """One label in ten is another one."""
    changed = labels.copy()
    rows = rng.permutation(len(labels))[: len(labels) // 10]
    k = int(labels.max()) + 1
    changed[rows] = (labels[rows] + rng.integers(1, max(k, 2), len(rows))) % k
    return pixels, changed


def collapse(pixels: Any, labels: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    """Fifty images, repeated with a pixel's worth of noise; classes in their old shares as far as fifty allow."""
    rows = np.resize(rng.permutation(len(pixels))[:50], len(pixels))
    noisy = pixels[rows] + rng.normal(0, 1.0, pixels.shape)
    return noisy.round().clip(0, 255).astype(np.uint8), None if labels is None else labels[rows]


def copies(pixels: Any, labels: Any, _rng: np.random.Generator) -> tuple[Any, Any]:
    """Stands for the reference images themselves, which `_faulty` puts in its place."""
    return pixels, labels


FAULTS: Mapping[str, Fault] = {
    "a class dropped": drop_class,
    "collapsed to 50 images": collapse,
    "copies of the reference": copies,
    "shifted": shift,
    "blurred": blur,
    "noise added": add_noise,
    "1 label in 10 wrong": relabel,
}
NEED_LABELS = frozenset({"a class dropped", "1 label in 10 wrong"})


def _noise_images(like: ImageSet, rng: np.random.Generator) -> ImageSet:
    pixels = rng.integers(0, 256, (len(like), *like.shape), dtype=np.uint8)
    return ImageSet.from_array(pixels, source="random pixels", labels=like.labels, class_names=like.class_names)


def _collapsed(images: ImageSet, rng: np.random.Generator) -> ImageSet:
    pixels, labels = collapse(images.array(), images.labels, rng)
    return ImageSet.from_array(pixels, source="collapsed", labels=labels)


def _swap_note(reference: ImageSet, collapsed: ImageSet, protocol: Protocol, compute: Compute) -> str:
    """Fidelity and diversity must change places when real and fake do."""
    names = ("precision", "recall")
    asked = protocol.with_(metrics=names, train=None, heldout=None)
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
            f"only {sets} healthy set{'s' if sets > 1 else ''} of {n} could be drawn from {len(images)} images: noise is "
            "the metrics' own error."
        ),
    )


def render(diagnosis: Diagnosis) -> str:
    """The table: a metric a line, a fault a column, and what it cannot see below."""
    faults = list(dict.fromkeys(f.fault for f in diagnosis.findings))
    cells = {(f.metric, f.fault): f for f in diagnosis.findings}
    head = ["metric", "real vs real", "random pixels", f"n for {diagnosis.resolve:.0%}", *faults]
    lines = [head]
    for base in diagnosis.baselines:
        marks = [_mark(cells[base.metric, fault]) for fault in faults]
        needed = "" if base.n_to_resolve is None else f"{base.n_to_resolve:,}"
        destroyed = "" if base.destroyed is None else f"{base.destroyed:.4g}"
        lines.append([base.metric, render_value(base.healthy, base.noise or None), destroyed, needed, *marks])
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    table = "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)
    title = f"{diagnosis.real}, {diagnosis.extractor}, n = {diagnosis.n:,}"
    legend = "+ sees it (noise widths)   . blind   ! fooled: calls it better   blank: no value"
    return "\n".join([title, "", table, "", legend, *diagnosis.notes])


def _mark(finding: Finding) -> str:
    if finding.z is None:
        return ""
    sign = {"seen": "+", "blind": ".", "fooled": "!"}[finding.verdict]
    return sign if abs(finding.z) > 1e6 else f"{sign} {abs(finding.z):.0f}"


def _interactive() -> bool:
    return sys.stderr.isatty() and not os.environ.get("CI")
