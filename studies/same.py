"""How often the claim "the same" is wrong at its margin, and how often it is made of equal sets.

Populations are large finite pools of embeddings, so that their squared MMD is known. The other population is the first
with a share of its rows from another one (a mixture), and the share sets the distance: MMD^2 of the mixture is share^2
times that of its parts, so the margin itself, half of it and twice it can be hit exactly.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.core.files import write_atomic
from ganeval.features.extraction import extract
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.images import image_set
from ganeval.metrics.same import Z_ONE_SIDED, same
from ganeval.numerics.intervals import wilson
from ganeval.numerics.kernels import gaussian, kernel_sums, median_distance
from studies.page import RESULTS, machine, markdown_table, render_document

Z_STRICT = 2.3263478740408408  # one-sided 99 %
LIKE, SETS, SIZES, POOL = 250, 100, (600,), 10_000
FACTORS = (0.0, 0.5, 1.0, 2.0)  # true distances, in units of the margin
Rows = NDArray[np.float64]
World = Callable[[], tuple[Rows, Rows]]  # a population and what is mixed into it


def main(*, out: Path = RESULTS, sets: int = SETS, sizes: tuple[int, ...] = SIZES, quick: bool = False) -> Path:
    """Write `out/same.md`.

    Args:
        out: folder of the page.
        sets: pairs of samples for each line.
        sizes: images of each of both samples.
        quick: 20 pairs of 500 images.
    """
    sets, sizes = (20, (500,)) if quick else (sets, sizes)
    lines = []
    for name, world in WORLDS.items():
        population, other = world()
        for n in sizes:
            sys.stderr.write(f"{name}, n = {n}\n")
            lines += [(name, str(n), *line) for line in _lines(population, other, n, sets)]
    heads = (
        "population, mixed in",
        "n",
        "true distance",
        "mean",
        "sd",
        "stated error",
        "claimed the same",
        "at level 1 %",
        "claimed different",
    )
    said = (
        f"On {machine()}: {sets} pairs of samples a line, margin 1 at `like` = {LIKE}, one-sided level 5 %, as the "
        "gate has it also 1 %; seeds [n, line]. Distances are in units of the margin, claims with 95 % Wilson "
        "intervals."
    )
    legend = (
        "At a true distance of 1 or more every claim of *the same* is an error, at 1 or less every claim of "
        "*different*: neither may come more often than in 5 %. At 0 the share of *the same* is the power of the claim."
    )
    return write_atomic(
        out / "same.md",
        render_document(
            "The claim that two sets are the same",
            f"same --sets {sets} --sizes {' '.join(map(str, sizes))}",
            [legend, markdown_table(heads, lines)],
            said=said,
        ),
    )


def _lines(population: Rows, other: Rows, n: int, sets: int) -> list[tuple[str, ...]]:
    share = _share_at_margin(population, other)
    return [_line(population, other, share * math.sqrt(factor), factor, n, sets) for factor in FACTORS]


def _share_at_margin(population: Rows, other: Rows) -> float:
    real, fake = (torch.from_numpy(rows[:5000]) for rows in (population, other))
    sums = kernel_sums(real, fake, gaussian(median_distance(real)))
    return math.sqrt(2 * (1 - sums.real_real) / LIKE / sums.mmd2)


def _line(population: Rows, other: Rows, share: float, factor: float, n: int, sets: int) -> tuple[str, ...]:
    rng = np.random.default_rng([n, round(10 * factor)])
    scores = [_score(population, other, share, n, rng) for _ in range(sets)]
    values = np.array([float(score) for score in scores])
    errors = np.array([score.se for score in scores], dtype=float)
    alike = int((values + Z_ONE_SIDED * errors < 1).sum())
    strictly = int((values + Z_STRICT * errors < 1).sum())
    apart = int((values - Z_ONE_SIDED * errors > 1).sum())
    stated = math.sqrt(float((errors**2).mean()))
    return (
        f"{factor:g}",
        f"{values.mean():.3f}",
        f"{values.std(ddof=1):.3f}",
        f"{stated:.3f}",
        _claims(alike, sets),
        _claims(strictly, sets),
        _claims(apart, sets),
    )


def _score(population: Rows, other: Rows, share: float, n: int, rng: np.random.Generator):
    real = population[rng.integers(0, len(population), n)]
    fake = population[rng.integers(0, len(population), n)]
    foreign = rng.random(n) < share
    fake[foreign] = other[rng.integers(0, len(other), int(foreign.sum()))]
    return same(Pair(Features.given(real), Features.given(fake)), like=LIKE)


def _claims(k: int, n: int) -> str:
    low, high = wilson(k, n)
    return f"{k / n:.1%} [{low:.1%}, {high:.1%}]"


def _gauss(axis: int, shift: float) -> World:
    def world() -> tuple[Rows, Rows]:
        rng, spread = np.random.default_rng(0), np.linspace(2, 0.2, 16)
        rows, other = (rng.normal(size=(POOL, 16)) * spread for _ in range(2))
        other[:, axis] += shift
        return rows, other

    return world


def _digits() -> tuple[Rows, Rows]:
    """Digits by their judge, and one class of them: what a share of collapsed images does."""
    images = image_set("digits:train")
    seen = extract(images, "digits").embeddings.double().numpy()
    return seen, seen[images.labels == 0]


WORLDS: dict[str, World] = {
    "Gauss, wide axis shifted": _gauss(0, 3.0),
    "Gauss, narrow axis shifted": _gauss(15, 3.0),
    "digits-cnn on digits, zeros": _digits,
}
