"""The sanity suite for fidelity and diversity metrics: fifteen situations whose answer is known.

The situations are those of Raisa, van Breugel and van der Schaar 2025, "Position: All current generative fidelity and
diversity metrics are flawed" (arXiv:2505.22450), with their thresholds: a bell must be 0.2 high, a flat line may vary
by 0.05. Each situation moves one thing (a mean, a mode, a dimension) and asks for the shape of the metric's answer.

The tests run a small version.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.core.files import write_atomic
from ganeval.errors import GanevalError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics import METRICS
from studies.page import RESULTS, markdown_table, render_document
from studies.sanity import newer_forms

Rows = NDArray[np.float64]
Point = tuple[float, Rows, Rows]  # what was moved, real rows, fake rows
Curve = tuple[NDArray[np.float64], NDArray[np.float64]]  # what was moved, the metric's values

FIDELITY = ("precision", "density", "clipped_density", "prd_precision", "symmetric_precision", "alpha_precision")
DIVERSITY = ("recall", "coverage", "clipped_coverage", "prd_recall", "beta_recall")
NEWER = {**newer_forms.FIDELITY, **newer_forms.DIVERSITY}  # judged, not in the library
OURS = FIDELITY + DIVERSITY
HIGH, STRAY, FLAT = 0.2, 0.1, 0.05  # the authors' thresholds


@dataclass(frozen=True)
class Check:
    """One situation: the points along its axis, and the shape that a metric of either kind must show."""

    name: str
    asks: str
    points: Callable[[int, int, np.random.Generator], Iterator[Point]]  # (n, dimensions, rng)
    fidelity: Callable[[Curve], bool]
    diversity: Callable[[Curve], bool]
    dimensions: tuple[int, ...] = (1, 8, 64)


def bell(middle: float) -> Callable[[Curve], bool]:
    """High at `middle`, at least 0.2 lower at both ends."""

    def shape(curve: Curve) -> bool:
        x, y = curve
        peak = y[np.argmin(np.abs(x - middle))]
        ends_low = min(y[0], y[-1]) - y.min() <= STRAY
        return bool(peak - max(y[0], y[-1]) >= HIGH and y.max() - peak <= STRAY and ends_low)

    return shape


def falls(curve: Curve) -> bool:
    """From its maximum on the left to its minimum on the right, at least 0.2."""
    y = curve[1]
    return bool(y[0] - y[-1] >= HIGH and y.max() - y[0] <= STRAY and y[-1] - y.min() <= STRAY)


def rises(curve: Curve) -> bool:
    return falls((curve[0], curve[1][::-1]))


def falls_early(curve: Curve) -> bool:
    """Falls, and by half of the way already by 0.1: a metric that only moves at the very end is of no use."""
    y = curve[1]
    return falls(curve) and bool(y[0] - y[len(y) // 2] >= STRAY)


def flat(curve: Curve) -> bool:
    return bool(np.ptp(curve[1]) <= FLAT)


def zero(curve: Curve) -> bool:
    return bool(np.abs(curve[1]).max() <= FLAT)


def settles(curve: Curve) -> bool:
    """Flat from the middle of the axis on."""
    return bool(np.ptp(curve[1][len(curve[1]) // 2 :]) <= FLAT)


def either(*shapes: Callable[[Curve], bool]) -> Callable[[Curve], bool]:
    return lambda curve: any(shape(curve) for shape in shapes)


def rises_then_flat(curve: Curve) -> bool:
    """Up to the fifth mode it rises, beyond it is flat: inventing modes loses no diversity."""
    y = curve[1]
    return rises((curve[0][:5], y[:5])) and bool(np.ptp(y[4:]) <= STRAY)


def flat_then_falls(curve: Curve) -> bool:
    y = curve[1]
    return bool(np.ptp(y[:5]) <= STRAY) and falls((curve[0][4:], y[4:]))


def _mean(n: int, d: int, rng: np.random.Generator) -> Iterator[Point]:
    reach = {1: 6.0, 8: 3.0, 64: 1.0}[d]
    real = rng.normal(size=(n, d))
    for shift in np.linspace(-reach, reach, 9):
        yield shift, real, rng.normal(size=(n, d)) + shift


def _outlier(side: str) -> Callable[[int, int, np.random.Generator], Iterator[Point]]:
    def points(n: int, d: int, rng: np.random.Generator) -> Iterator[Point]:
        reach = {1: 6.0, 8: 3.0, 64: 1.0}[d]
        far = np.full((1, d), reach)
        for shift, real, fake in _mean(n, d, rng):
            yield (
                shift,
                np.concatenate([real, far]) if side == "real" else real,
                np.concatenate([fake, far]) if side == "fake" else fake,
            )

    return points


def _deviation(n: int, d: int, rng: np.random.Generator) -> Iterator[Point]:
    reach = {1: 3.0, 8: 1.0, 64: 0.5}[d]
    real = rng.normal(size=(n, d))
    for power in np.linspace(-reach, reach, 9):
        yield power, real, rng.normal(size=(n, d)) * 10**power


def _mixture(n: int, weights: NDArray, d: int, rng: np.random.Generator) -> Rows:
    centres = np.linspace(0, 10, 10)
    scale = {1: 1 / 6, 8: 1 / 3, 64: 1.0}[d]
    return centres[rng.choice(10, n, p=weights / weights.sum())][:, None] + rng.normal(size=(n, d)) * scale


def _drop_together(n: int, d: int, rng: np.random.Generator) -> Iterator[Point]:
    real = _mixture(n, np.ones(10), d, rng)
    for dropped in np.linspace(0, 1, 9):
        yield dropped, real, _mixture(n, np.array([1.0, *[1 - dropped] * 9]), d, rng)


def _drop_in_turn(n: int, d: int, rng: np.random.Generator) -> Iterator[Point]:
    real = _mixture(n, np.ones(10), d, rng)
    for dropped in range(10):
        yield dropped, real, _mixture(n, (np.arange(10) < 10 - dropped).astype(float), d, rng)


def _invent(n: int, _d: int, rng: np.random.Generator) -> Iterator[Point]:
    """Five real modes in the plane; the generator has one to ten, those beyond five invented."""
    angle = np.arange(10) * 2.399963  # golden angle: spread out, no two neighbours close
    centres = (6 + 2 * np.arange(10))[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)

    def draw(k: int) -> Rows:
        return centres[rng.integers(0, k, n)] + rng.normal(size=(n, 2)) * 0.25

    real = draw(5)
    for modes in range(1, 11):
        yield modes, real, draw(modes)


def _sphere(n: int, d: int, rng: np.random.Generator) -> Iterator[Point]:
    def surface() -> Rows:
        rows = rng.normal(size=(n, d))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    real = surface()
    for radius in np.linspace(0.1, 1.9, 9):
        yield radius, real, radius * surface()


def _cube(vary_real: bool) -> Callable[[int, int, np.random.Generator], Iterator[Point]]:  # noqa: FBT001 - two checks
    def points(n: int, d: int, rng: np.random.Generator) -> Iterator[Point]:
        start = 1 - 0.2 ** (1 / d)  # cubes that share a fifth of their volume
        for size in np.geomspace(n / 4, 4 * n, 5).astype(int):
            yield size, rng.uniform(size=(size if vary_real else n, d)), rng.uniform(start, start + 1, (size, d))

    return points


def _torus(swap: bool) -> Callable[[int, int, np.random.Generator], Iterator[Point]]:  # noqa: FBT001 - two checks
    def ball(n: int, rng: np.random.Generator) -> Rows:
        rows = rng.normal(size=(n, 3))
        return 0.8 * rng.uniform(size=(n, 1)) ** (1 / 3) * rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def ring(n: int, rng: np.random.Generator) -> Rows:
        around, along = rng.uniform(0, 2 * np.pi, (2, n))
        radius = 0.1 * np.sqrt(rng.uniform(size=n))
        out = 1 + radius * np.cos(around)
        return np.stack([out * np.cos(along), out * np.sin(along), radius * np.sin(around)], axis=1)

    def points(n: int, _d: int, rng: np.random.Generator) -> Iterator[Point]:
        real = ring(n, rng) if swap else ball(n, rng)
        for size in np.geomspace(n / 4, 4 * n, 5).astype(int):
            yield size, real, ball(size, rng) if swap else ring(size, rng)

    return points


def _one_or_two(n: int, d: int, rng: np.random.Generator) -> Iterator[Point]:
    for apart in np.linspace(0, 5, 6):
        real = rng.normal(size=(n, d)) + rng.choice([-apart / 2, apart / 2], n)[:, None]
        yield apart, real, rng.normal(size=(n, d)) * np.sqrt(1 + apart**2)


def _scaling(n: int, _d: int, rng: np.random.Generator) -> Iterator[Point]:
    for power in np.linspace(-3, 3, 7):
        scale = np.array([1.0, 10**power])
        yield power, rng.normal(size=(n, 2)) * scale, (rng.normal(size=(n, 2)) + np.array([6.0, 0.0])) * scale


def _pareto(n: int, _d: int, rng: np.random.Generator) -> Iterator[Point]:
    def heavy() -> Rows:
        return np.stack([rng.normal(size=n), 1 + rng.pareto(1.01, n)], axis=1)

    real = heavy()
    for shift in np.linspace(-6, 6, 9):
        yield shift, real, heavy() + np.array([shift, 0.0])


def _one_disjoint(n: int, _d: int, rng: np.random.Generator) -> Iterator[Point]:
    for extra in (1, 4, 16, 64, 256, 1000):
        fake = rng.normal(size=(n, extra + 1))
        fake[:, 0] += 6
        yield extra, rng.normal(size=(n, extra + 1)), fake


def _discrete(which: str) -> Callable[[int, int, np.random.Generator], Iterator[Point]]:
    def points(n: int, _d: int, rng: np.random.Generator) -> Iterator[Point]:
        for power in np.linspace(0, 3, 7):
            real, fake = (10**power * rng.normal(size=(n, 1)) for _ in range(2))
            yield power, np.round(real) if which == "real" else real, np.round(fake) if which == "fake" else fake

    return points


CHECKS = (
    Check("mean", "the fakes' mean moves away", _mean, bell(0), bell(0)),
    Check("mean, outlier among the fakes", "the same with one far fake", _outlier("fake"), bell(0), bell(0)),
    Check("mean, outlier among the real", "the same with one far real row", _outlier("real"), bell(0), bell(0)),
    Check("deviation", "the fakes' spread grows", _deviation, falls, either(rises, bell(0))),
    Check("modes dropped in turn", "one mode after the other goes", _drop_in_turn, flat, falls_early),
    Check("modes dropped together", "nine of ten modes fade", _drop_together, flat, falls_early),
    Check("modes invented", "one to ten modes, five of them real", _invent, flat_then_falls, rises_then_flat, (2,)),
    Check("sphere", "a shell's radius grows past the real one", _sphere, bell(1), either(rises, bell(1)), (2, 16, 128)),
    Check("cubes, n of both", "a fifth of the volume is shared, n grows", _cube(vary_real=True), settles, settles),
    Check("cubes, n of the fakes", "the same, only the fakes grow in number", _cube(vary_real=False), settles, settles),
    Check("ball and ring", "two shapes that never touch", _torus(swap=False), zero, zero, (3,)),
    Check("ring and ball", "the same exchanged", _torus(swap=True), zero, zero, (3,)),
    Check("one or two modes", "two real modes part, the fakes bridge them", _one_or_two, falls, either(falls, flat)),
    Check("scaling", "disjoint in one axis, the other is scaled", _scaling, zero, zero, (2,)),
    Check("heavy tail", "the mean moves beside a Pareto axis", _pareto, bell(0), bell(0), (2,)),
    Check("one disjoint axis", "disjoint in one of many axes", _one_disjoint, zero, zero, (1,)),
    Check("rounded fakes", "fakes are whole numbers of a growing scale", _discrete("fake"), settles, settles, (1,)),
    Check("rounded real", "real rows are", _discrete("real"), settles, settles, (1,)),
)


def measure(check: Check, metrics: tuple[str, ...], n: int, seed: int = 0) -> dict[tuple[str, int], Curve]:
    """The curve of each metric in each number of dimensions; a point without a value is NaN."""
    curves: dict[tuple[str, int], Curve] = {}
    for d in check.dimensions:
        axis, values = [], {name: [] for name in metrics}
        for x, real, fake in check.points(n, d, np.random.default_rng([seed, d])):
            pair = Pair(Features.given(torch.from_numpy(real)), Features.given(torch.from_numpy(fake)), seed=seed)
            if set(metrics) & set(NEWER):
                pair.neighbours(newer_forms.COVER_OF)  # the longest lists first: one sweep is enough for all
            axis.append(float(x))
            for name in metrics:
                values[name].append(_value(NEWER.get(name) or METRICS[name], pair))
        curves |= {(name, d): (np.array(axis), np.array(v)) for name, v in values.items()}
    return curves


def _value(metric: Callable[[Pair], float], pair: Pair) -> float:
    try:
        return float(metric(pair))
    except GanevalError:
        return float("nan")


def passes(check: Check, metric: str, curve: Curve) -> bool:
    """Whether the curve has the shape that is asked of a metric of its kind; a missing value is a failure."""
    shape = check.fidelity if metric in (*FIDELITY, *newer_forms.FIDELITY) else check.diversity
    return bool(np.isfinite(curve[1]).all()) and shape(curve)


def table(n: int, seed: int = 0) -> dict[str, dict[str, str]]:
    """check -> metric -> "2/3": in how many dimensions it passes."""
    rows: dict[str, dict[str, str]] = {}
    for check in CHECKS:
        curves = measure(check, (*OURS, *NEWER), n, seed)
        rows[check.name] = {
            m: f"{sum(passes(check, m, curves[m, d]) for d in check.dimensions)}/{len(check.dimensions)}"
            for m in (*OURS, *NEWER)
        }
    return rows


def render(rows: dict[str, dict[str, str]], n: int, seconds: float) -> str:
    parts = [
        WHAT.format(n=n),
        _grid(rows, OURS),
        READING,
        "## Newer forms, judged by the same table",
        NEWS,
        _grid(rows, tuple(NEWER)),
        "What each passes in all dimensions where nothing of its kind in the library does:",
        "\n".join(_news(rows)),
    ]
    said = f"Seed 0, {seconds:.0f} CPU-seconds."
    return render_document(
        "Which fidelity and diversity metrics pass which sanity check", f"sanity --n {n}", parts, said=said
    )


def _grid(rows: dict[str, dict[str, str]], metrics: tuple[str, ...]) -> str:
    lines = [(check.name, check.asks, *(_cell(rows[check.name][m]) for m in metrics)) for check in CHECKS]
    passed = [f"**{sum(_full(rows[c.name][m]) for c in CHECKS)}/{len(CHECKS)}**" for m in metrics]
    heads = ("situation", "what is moved", *metrics)
    return markdown_table(heads, [*lines, ("**passed in all dimensions**", "", *passed)])


def _news(rows: dict[str, dict[str, str]]) -> Iterator[str]:
    """For each newer form the situations that it passes and nothing of its kind in the library does."""
    for name in NEWER:
        kind = FIDELITY if name in newer_forms.FIDELITY else DIVERSITY
        alone = [c for c, row in rows.items() if _full(row[name]) and not any(_full(row[m]) for m in kind)]
        yield f"- `{name}`: {', '.join(alone) or 'nothing'}"


def _full(cell: str) -> bool:
    done, of = cell.split("/")
    return done == of


def _cell(cell: str) -> str:
    return "yes" if _full(cell) else "no" if cell.startswith("0") else cell


WHAT = """Fifteen situations (eighteen with their mirrored forms) of Raisa, van Breugel and van der Schaar 2025
(arXiv:2505.22450), whose right answer is known, with the authors' thresholds. n = {n} rows a side (a quarter to four
times that where n is what moves). "yes" means the right shape in every number of dimensions that was tried (1, 8, 64,
or what the situation fixes); "2/3" in two of three; "no" in none."""
READING = """**How to read it.** No metric passes everything; the paper says so of all it tried, and ours are no
exception. Before you trust a number, find the situation that resembles your worry, and read the column; `ganeval
doctor` asks the same of your own images.

`symmetric_precision`, `alpha_precision` and `beta_recall` came into the library by this table: the first two see a
shell of fakes that has grown past the real one, the third is not fooled by scaled axes, and nothing else here
passed those."""
NEWS = """`studies/sanity/newer_forms.py` has their definitions and sources. They are not in the library: what they
pass is passed there already. TopP and TopR move with the draws of their bootstraps: with other draws TopP passed
the scaled axis and failed the cubes."""


def main(*, n: int = 1000, out: Path = RESULTS) -> Path:
    """Put every situation to every metric, and write `out/sanity.md`.

    Args:
        n: rows a side.
        out: folder of the page.
    """
    started = time.process_time()
    rows = table(n)
    return write_atomic(out / "sanity.md", render(rows, n, time.process_time() - started))
