"""The systems of the founding studies, done right: one table, one strip of images each, one page.

Each system is trained as its recipe below says (a finished run of that very recipe is taken as it is), asked for fresh
images, and measured against the test split. What has classes is measured by GAN-test, CAS and `label_swap` together with
recall and coverage; what has none by recall, coverage and the distances alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.evaluation import evaluate
from ganeval.files import write_atomic
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.runs.directory import encode_png, tile
from ganeval.runs.readers.native import read_run
from ganeval.runs.record import RunRecord
from ganeval.scores import Evaluation
from reference_models import cdcgan, cgan, dcgan
from reference_models.plumbing.sampling import Sampler
from reference_models.plumbing.session import Options
from reference_models.plumbing.system import SYSTEMS, open_sampler, processor
from reference_models.results.measure import MANIFOLD, OPTIONS, PROTOCOL_N, K, some
from reference_models.results.page import markdown_table, with_interval
from reference_models.results.trained import trained

COMMAND = "python -m reference_models.results classic"
PER_CLASS = 200  # images drawn of each class
PICTURED = 20  # images of a strip
ARITHMETIC = Options(
    device="cpu", amp=True, channels_last=True, threads=1, sample_per_class=200, log_every=50, grids=6, checkpoints=2
)
LABELLED = ("classifier_score", "gan_train", "label_swap")


@dataclass(frozen=True)
class Row:
    """One system on one data set."""

    name: str
    system: str
    dataset: str
    config: Any
    study: str  # what the founding study said of it


# As the profile `cpu` has it, but for the Hoda study's networks, whose steps take twice as long.
ROWS = (
    Row("dcgan", "dcgan", "mnist", SYSTEMS["dcgan"].profile("cpu"), "000, 002: judged by eye, no number"),
    Row("dcgan, stabilised", "dcgan", "mnist", dcgan.VARIANTS["stabilised"], "000: the same, targets above 1"),
    Row("cgan_dense", "cgan_dense", "mnist", SYSTEMS["cgan_dense"].profile("cpu"), "001: judged by eye, no number"),
    Row("cgan, the study's networks", "cgan", "hoda", replace(cgan.VARIANTS["study004"], steps=1500), "004: GAN-test 966 of 1,000 by its own judge, after up to 150 epochs of 80,000 images"),
    Row("cgan", "cgan", "hoda", SYSTEMS["cgan"].profile("cpu"), "004"),
    Row("cdcgan, 64 px", "cdcgan", "hoda", SYSTEMS["cdcgan"].profile("cpu"), "003: called conditional, never saw a label"),
    Row("cdcgan, 64 px, blind", "cdcgan", "hoda", cdcgan.VARIANTS["blind"], "003: that mistake, kept"),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Shown:
    """A finished run, fresh images of it, and what they score at equal n."""

    row: Row
    run: RunRecord
    info: Any  # run.json
    images: NDArray[np.uint8]
    scores: Evaluation


def main(*, runs: Path = Path("runs"), out: Path = Path("docs/results"), seed: int = 0) -> Path:
    """Write `out/classic.md` and `out/classic.png`; trains what is not below `runs` yet (about 25 CPU-minutes).

    Args:
        runs: where to look for finished runs, and where to train.
        out: folder of the page.
        seed: of the trainings and of the images drawn.
    """
    shown = [show(row, runs, seed) for row in ROWS]
    write_atomic(out / "classic.png", render_strips(shown))
    return write_atomic(out / "classic.md", render_page(shown))


def show(row: Row, runs: Path, seed: int) -> Shown:
    run = trained(runs, row.system, row.dataset, row.config, seed, ARITHMETIC)
    record, sampler = read_run(run.path), open_sampler(run.path, device="cpu")
    images, labels = sampler.evenly(PER_CLASS, seed)
    fakes = ImageSet.from_array(
        images, source=record.name, labels=labels, class_names=record.class_names if labels is not None else ()
    )
    real = some(image_set(f"{row.dataset}:test"), PROTOCOL_N, seed)
    labelled = labels is not None
    scores = evaluate(
        real, fakes, classifier=row.dataset, train=f"{row.dataset}:train" if labelled else None, floor=False, cache=False,
        metrics=(*(LABELLED if labelled else ()), *MANIFOLD, "fid", "kid"), options=OPTIONS, seed=seed,
        generator=_relabelled(sampler) if labelled else None, name=record.name, step=int(run.info["step"]),
    )  # fmt: skip
    return Shown(row, record, run.info, images, scores)


def _relabelled(sampler: Sampler) -> Callable[[int, torch.Tensor, torch.Generator], NDArray[np.uint8]]:
    """The sampler as `label_swap` asks it: the seed names the latents, whatever the labels."""
    return lambda _n, labels, rng: sampler(labels.numpy(), rng.initial_seed())


def render_strips(shown: Sequence[Shown]) -> bytes:
    """One strip a system: the first images drawn, two of each class where there are classes."""
    strips = []
    for one in shown:
        step = len(one.images) // PICTURED
        strips.append(one.images[::step][:PICTURED])
    return encode_png(tile(np.concatenate(strips), rows=len(strips)))


def render_page(shown: Sequence[Shown]) -> str:
    parts = [
        "# The founding studies' systems, done right",
        f"Made by `{COMMAND}`. After +- stands one standard error, in brackets a 95 % interval. One seed.",
        "![one row a system, in the order of the table: not chosen](classic.png)",
        "## With classes",
        _labelled([one for one in shown if _asked(one)]),
        "## All of them",
        _unlabelled(shown),
        "## While they trained",
        _course(shown),
        "## How they were made",
        _making(shown),
    ]
    return "\n\n".join(parts) + "\n"


def _asked(one: Shown) -> bool:
    return "classifier_score" in one.scores.scores


def _labelled(shown: Sequence[Shown]) -> str:
    rows = [
        [one.row.name, one.row.dataset, *(with_interval(one.scores[key]) for key in (*LABELLED, "recall", "coverage")),
         one.row.study]
        for one in shown
    ]  # fmt: skip
    ceilings = sorted({
        f"{one.row.dataset} {one.scores['gan_train'].details['ceiling']:.3f}"
        for one in shown if "ceiling" in one.scores["gan_train"].details
    })  # fmt: skip
    heads = (
        "system",
        "data",
        "GAN-test",
        "CAS",
        "`label_swap`",
        f"recall (k = {K})",
        f"coverage (k = {K})",
        "the study",
    )
    return markdown_table(heads, rows) + (
        f"\n\n{len(shown[0].images):,} fakes against {shown[0].scores.real.n:,} test images. CAS of as many real images: "
        f"{', '.join(ceilings)}. `label_swap`: the same latent under two labels must show first the one, then the other "
        "class; what is deaf to its label cannot have more than one half."
    )


def _unlabelled(shown: Sequence[Shown]) -> str:
    keys = ("fid", "kid", *MANIFOLD)
    rows = [
        [one.row.name, one.row.dataset, f"{one.info['images']:,}", f"{one.info['cpu_seconds']:.0f}",
         *(str(one.scores[key]) for key in keys)]
        for one in shown
    ]  # fmt: skip
    return markdown_table(("system", "data", "images seen", "CPU-seconds", *keys), rows) + (
        "\n\n`fid` and `kid` in the features of the zoo's judge of each data set, not of Inception: compare within one data set."
    )


def _course(shown: Sequence[Shown]) -> str:
    """The two losses at a tenth of the way, half of it, and the end, as they were logged."""
    rows = []
    for one in shown:
        cells = []
        for tag in ("loss/d", "loss/g"):
            curve = one.run.curves.get(tag)
            values = (
                [] if curve is None else [curve.values[int(share * (len(curve.values) - 1))] for share in (0.1, 0.5, 1)]
            )
            cells.append(" · ".join(f"{value:.2f}" for value in values))
        rows.append([one.row.name, *cells])
    return markdown_table(("system", "loss of D at 10, 50, 100 %", "loss of G"), rows) + (
        "\n\nA loss says little of the images: the curves are in each run's report (`ganeval-report runs/`)."
    )


def _making(shown: Sequence[Shown]) -> str:
    lines = []
    for one in shown:
        info, made = one.info, one.info["environment"]
        on = [key for key in ("amp", "channels_last") if info["options"][key]]
        recipe = ", ".join(f"`{key}` {value}" for key, value in info["config"].items())
        lines.append(
            f"- {one.row.name}: `{info['trained_on']}`, seed {info['seeds']['seed']}, {info['step']:,} steps, torch "
            f"{made['torch']}, {made['threads']} thread(s), {', '.join(on)}; {recipe}"
        )
    return "\n".join([*lines, f"- measured on {processor()}"])
