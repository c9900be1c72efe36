"""The paired gate on exports of three trained generators: false alarms of healthy ones, faults that it catches.

Each generator is drawn in full precision and in every variant with the same latents. A run of the gate looks at a
random part of both, the same rows; the parts of one pool overlap, so runs are not independent, but each image pair is.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.core.compute import Compute
from ganeval.core.files import write_atomic
from ganeval.features.extraction import extract
from ganeval.features.rows import Features
from ganeval.gate.judge import judge
from ganeval.gate.presets import preset
from ganeval.gate.rules import GateConfig
from ganeval.images.generated import modules_of
from ganeval.images.imageset import ImageSet
from ganeval.measure.functions import evaluate
from ganeval.records.scores import Evaluation
from reference_models.plumbing.options import Options
from reference_models.plumbing.sampling import Sampler
from reference_models.plumbing.system import SYSTEMS, open_sampler
from studies.page import RESULTS, machine, markdown_table, render_document
from studies.paired.variants import Variant, faults, healthy
from studies.trained import trained

DATA, PROFILE, JUDGE = "digits", "demo", "digits"
NAMES = ("vae", "projection_cgan", "ddpm")
METRICS = ("mse", "ssim", "agreement")
RUNS, FAULTY_RUNS, N, POOL, FAULTY_POOL = 100, 5, 700, 1400, 800
SEED, DRAW = 0, 1  # of training, of the latents
QUIETLY = Compute(device="cpu", cache=False, progress=False)


@dataclass(frozen=True)
class Line:
    """What the gate said of one variant of one generator."""

    generator: str
    variant: Variant
    reds: int
    greens: int
    runs: int
    first: Evaluation
    alike: float  # share of images that are bit-identical


def main(
    *,
    out: Path = RESULTS,
    runs: Path = Path("runs"),
    names: tuple[str, ...] = NAMES,
    n: int = N,
    draw: int = DRAW,
    quick: bool = False,
) -> Path:
    """Write `out/paired.md`.

    Args:
        out: folder of the page.
        runs: where trainings are looked for and kept.
        names: the generators.
        n: images of one run of the gate.
        draw: seed of the latents and of the parts; the preset's limits were set on those of 0.
        quick: one generator, parts of 300 pairs, ten runs a variant.
    """
    scale = 0.1 if quick else 1.0
    names, n = (names[:1], 300) if quick else (names, n)
    lines: list[Line] = []
    for done, name in enumerate(names, 1):
        lines += _lines(name, runs, n, scale, draw)
        write_atomic(out / "paired.md", page(lines, n, names[:done], draw))  # what an interrupted study leaves
    return out / "paired.md"


def _lines(name: str, runs: Path, n: int, scale: float, draw: int) -> list[Line]:
    config = SYSTEMS[name].profiles[PROFILE]
    run = trained(runs, name, DATA, config, SEED, Options(device="cpu", threads=1))
    sampler = open_sampler(run.path, device="cpu")
    modules = modules_of(sampler.draw)
    step = math.pi / 2 / config.nfe if hasattr(config, "nfe") else None
    sizes = [max(n, round(size * scale)) for size in (POOL, FAULTY_POOL)]
    original = _pool(sampler, None, sizes[0], draw)
    found = []
    for variant in [*healthy(modules), *faults(modules, step=step)]:
        size, asked = (sizes[0], RUNS) if variant.healthy else (sizes[1], FAULTY_RUNS)
        sys.stderr.write(f"{name}: {variant.name}\n")
        other = _pool(sampler, variant, size, draw)
        found.append(_judged(name, variant, original, other, n, round(asked * scale), draw))
    return found


def _pool(sampler: Sampler, variant: Variant | None, size: int, draw: int) -> Features:
    """The first `size` images of the sequence, every class in turn, as the judge sees them."""
    labels = np.arange(size) % sampler.classes
    if variant is None:
        images = sampler(labels, draw)
    else:
        with variant.change():
            images = replace(sampler, draw=_in_batches(sampler, variant.batch))(labels, draw)
    return extract(ImageSet.from_array(images, labels=labels), JUDGE, compute=QUIETLY)


def _in_batches(sampler: Sampler, size: int):
    def draw(z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        parts = zip(z.split(size), labels.split(size), strict=True)
        return torch.cat([sampler.draw(rows, asked) for rows, asked in parts])

    return draw


def _judged(name: str, variant: Variant, original: Features, other: Features, n: int, runs: int, draw: int) -> Line:
    config, rng = GateConfig(rules=preset("paired")), np.random.default_rng(draw)
    words, first = [], None
    for _ in range(max(runs, 1)):
        rows = np.sort(rng.choice(len(other), n, replace=False))
        evaluation = evaluate(
            original.take(rows), other.take(rows), paired=True, metrics=METRICS, floor=False, cache=False
        )
        words.append(judge([evaluation], config).verdict)
        first = first or evaluation
    assert first is not None
    red = sum(verdict.exit_code in (1, 3) for verdict in words)
    green = sum(verdict.verdict in ("ok", "improved") for verdict in words)
    a, b = (_images(features)[: len(other)] for features in (original, other))
    return Line(name, variant, red, green, len(words), first, float((a == b).all(axis=(1, 2, 3)).mean()))


def _images(features: Features) -> NDArray[np.uint8]:
    assert features.images is not None
    return features.images.array()


def page(lines: Sequence[Line], n: int, names: Sequence[str], draw: int = DRAW) -> str:
    good, bad = ([line for line in lines if line.variant.healthy is kind] for kind in (True, False))
    said = (
        f"On {machine()}: {', '.join(names)} on {DATA}, profile `{PROFILE}`, training seed {SEED}, latents of seed "
        f"{draw} (the limits were set on those of 0); the preset `paired` with "
        f"alpha = 0.01, n = {n}, judge `{JUDGE}`-cnn. Healthy variants: {good[0].runs} runs on random parts of "
        f"{POOL:,} pairs; faults: {bad[0].runs} runs on parts of {FAULTY_POOL:,}."
    )
    reds, runs = sum(line.reds for line in good), sum(line.runs for line in good)
    caught, broken = sum(line.reds for line in bad), sum(line.runs for line in bad)
    result = (
        f"False alarms: {reds} of {runs} runs of healthy variants were red, and {sum(line.greens for line in good)} "
        f"were proved ok. Faults: {caught} of {broken} runs were red."
    )
    legend = (
        "Red: exit code 1 (a limit broken with certainty) or 3 (no value: the pairs are no closer than shuffled ones). "
        "Values are those of the first run, each with its standard error."
    )
    parts = [
        result,
        "A build that asks for identical images would have been red wherever *identical* is below 100 %.",
        "## Healthy variants",
        _table(good),
        "## Faults",
        _table(bad),
        legend,
    ]
    return render_document("The paired gate on exports", "paired", parts, said=said)


def _table(lines: Sequence[Line]) -> str:
    heads = ("generator", "variant", "red", "ok", "identical", "mse of shuffled", "ssim", "worst ssim", "agreement")
    return markdown_table(heads, [_cells(line) for line in lines])


def _cells(line: Line) -> tuple[str, ...]:
    scores = line.first.scores
    mse, ssim = scores["mse"], scores["ssim"]
    share = f"{mse.details['of_shuffled']:.2g} ± {mse.details['of_shuffled_se']:.1g}" if mse.ok else "not pairs"
    worst = f"{line.first.per_sample['ssim.similarity'].min():.3f}" if ssim.ok else ""
    shown = [str(scores[name]).replace("+-", "±") if scores[name].ok else "" for name in ("ssim", "agreement")]
    return (
        line.generator,
        line.variant.name,
        f"{line.reds} of {line.runs}",
        f"{line.greens} of {line.runs}",
        f"{line.alike:.1%}",
        share,
        shown[0],
        worst,
        shown[1],
    )
