"""Photographs: what two systems reach on CIFAR-10 with little computation, told by three pairs of eyes.

A few CPU-minutes are about a thousandth of what published models were trained with. The page is no leaderboard: it says
how far such a training gets, class by class, and that measuring works in colour without a network connection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganeval.core.files import write_atomic
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.measure.functions import evaluate
from ganeval.records.scores import Evaluation, ScoreRecord
from ganeval.runs.directory import RunDirectory, encode_png, tile
from reference_models.bands.equal_n import K, some
from reference_models.plumbing.options import Options
from reference_models.plumbing.system import SYSTEMS, open_sampler
from studies.page import RESULTS, machine, markdown_table, percent, recipe_text, render_document, with_interval
from studies.trained import finished, train_whole

NAMES = ("projection_cgan", "ddpm")
EYES = ("wavelet", "pixels")
MANIFOLD = ("precision", "recall", "density", "coverage")
METRICS = ("classifier_score", "gan_train", *MANIFOLD, "fid", "fdr", "worst_packet", "copies")
PICTURED = 10  # images of each class
OPTIONS = Options(amp=True, channels_last=True, threads=1, log_every=50, grids=4, sample_per_class=20)


@dataclass(frozen=True, eq=False)
class Shown:
    """A training with the images drawn from it and what they score."""

    name: str
    run: RunDirectory
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    scores: Evaluation
    spaces: Mapping[str, Evaluation]  # `fid` in spaces that learnt nothing


def main(
    *,
    dataset: str = "cifar10",
    runs: Path = Path("runs"),
    out: Path = RESULTS,
    profile: str = "cpu",
    steps: int = 1500,
    seed: int = 0,
    per_class: int = 200,
) -> Path:
    """Write `out/DATASET.md` and a picture of each system, of finished runs below `runs` or of runs trained now.

    Args:
        dataset: cifar10, or another in colour with a judge of the same name.
        runs: where to look for finished runs of this recipe, and where to train them.
        out: folder of the page.
        profile: recipe to train with.
        steps: updates of each training.
        seed: of the trainings, the images drawn and the metrics.
        per_class: generated images of each class.
    """
    shown = []
    for name in NAMES:
        config = replace(SYSTEMS[name].profile(profile), steps=steps)
        run = finished(runs, name, dataset, config, seed) or train_whole(runs, name, dataset, config, seed, OPTIONS)
        shown.append(measured(name, run, dataset, per_class, seed))
        write_atomic(out / f"{dataset}-{name}.png", picture_of(shown[-1]))
    return write_atomic(out / f"{dataset}.md", render_page(shown, dataset, steps))


def measured(name: str, run: RunDirectory, dataset: str, per_class: int, seed: int) -> Shown:
    images, labels = open_sampler(run.path).per_class(per_class, seed)
    fakes = ImageSet.from_array(images, source=name, labels=labels)
    test = some(image_set(f"{dataset}:test"), 2 * len(images), seed)
    options = {key: {"k": K} for key in MANIFOLD}
    scores = evaluate(
        test,
        fakes,
        classifier=dataset,
        train=f"{dataset}:train",
        extractors=EYES,
        metrics=METRICS,
        options=options,
        seed=seed,
    )
    spaces = {eye: evaluate(test, fakes, extractor=eye, metrics=("fid",), seed=seed) for eye in EYES}
    return Shown(name, run, images, labels, scores, spaces)


def picture_of(shown: Shown) -> bytes:
    """The first images of each class, one class a line: not chosen."""
    rows = [np.flatnonzero(shown.labels == label)[:PICTURED] for label in np.unique(shown.labels)]
    return encode_png(tile(shown.images[np.concatenate(rows)].repeat(2, axis=2).repeat(2, axis=3), rows=len(rows)))


def render_page(shown: Sequence[Shown], dataset: str, steps: int) -> str:
    first = shown[0].scores
    minutes = ", ".join(f"{one.name} {float(one.run.info['cpu_seconds']) / 60:.1f} CPU-minutes" for one in shown)
    parts = [
        (
            f"**A short training, and no more.** {minutes}, {steps:,} updates each, far from what these systems can "
            "learn: look at the pictures before the numbers. The last column is what as many real images get in the "
            "generator's place; the distance to it is the result."
        ),
        _scores(shown),
        (
            f"{first.fake.n:,} fakes against {first.real.n:,} test images, seed {first.protocol.get('seed', 0)}; judge "
            f"and features `{first.classifier}`; `fid` is a Frechet distance in that space; `fdr` is the mean over it "
            f"and {' and '.join(EYES)} of how many times as far as other real images the fakes are. Brackets: 95 %."
        ),
        "## In three spaces",
        _spaces(shown),
        (
            "`fid` of the same images in the judge's space and in two that learnt nothing: numbers of different spaces "
            "have different units, and none is the Inception FID of published tables."
        ),
        "## Class by class",
        _classes(shown),
        *(
            part
            for one in shown
            for part in (f"## {one.name}", f"![the first images of each class]({dataset}-{one.name}.png)")
        ),
        "## How it was made",
        "\n".join(_made(one) for one in shown) + f"\n- measured on {machine()}",
    ]
    per_class = len(shown[0].labels) // len(set(shown[0].labels.tolist()))
    command = f"colour --steps {steps} --per-class {per_class}"
    return render_document(f"{dataset}: photographs on a CPU", command, parts)


def _scores(shown: Sequence[Shown]) -> str:
    rows = [_row(f"`{key}`", [one.scores[key] for one in shown]) for key in shown[0].scores.scores]
    return markdown_table(("metric", *(one.name for one in shown), "real images"), rows)


def _row(name: str, found: Sequence[ScoreRecord]) -> list[str]:
    floor = found[0].floor
    return [name, *map(with_interval, found), "" if floor is None else f"{floor.value:.4g}"]


def _spaces(shown: Sequence[Shown]) -> str:
    rows = [_row("the judge's", [one.scores["fid"] for one in shown])]
    rows += [_row(eye, [one.spaces[eye]["fid"] for one in shown]) for eye in EYES]
    return markdown_table(("`fid` in the space", *(one.name for one in shown), "real images"), rows)


def _classes(shown: Sequence[Shown]) -> str:
    """GAN-test and CAS of each class: what is recognised, and what could be learnt from."""
    rows = []
    for index, entry in enumerate(shown[0].scores["classifier_score"].details["classes"]):
        cells = []
        for one in shown:
            cells.append(percent(one.scores["classifier_score"].details["classes"][index]["recall"]))
            cells.append(percent(one.scores["gan_train"].details["recall"].get(str(index))))
        rows.append([str(entry["name"]), *cells])
    heads = (f"{one.name}, {what}" for one in shown for what in ("GAN-test", "CAS"))
    return markdown_table(("class", *heads), rows)


def _made(one: Shown) -> str:
    info = one.run.info
    made = info["environment"]
    return (
        f"- {one.name}: `{info['trained_on']}`, {info['images']:,} images seen, seed {info['seeds']['seed']}, "
        f"{info['cpu_seconds']:.0f} CPU-seconds, torch {made['torch']}, {made.get('processor') or made['machine']}; "
        f"{recipe_text(info['config'])}"
    )
