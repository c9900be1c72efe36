"""The systems of the founding studies, done right: one table, one strip of images each, one page.

Each system is trained as its recipe below says, with more than one seed where that is cheap (a finished run of that
very recipe is taken as it is), asked for fresh images, and measured against the test split. What has classes is
measured by GAN-test, CAS and `label_swap` together with recall and coverage; what has none by recall, coverage and the
distances alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.core.files import write_atomic
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.measure.functions import evaluate
from ganeval.records.scores import Evaluation
from ganeval.runs.directory import encode_png, tile
from ganeval.runs.readers.native import read_run
from ganeval.runs.record import RunRecord
from reference_models import cdcgan, cgan, dcgan
from reference_models.bands.equal_n import MANIFOLD, OPTIONS, PROTOCOL_N, K, some
from reference_models.plumbing.options import Options
from reference_models.plumbing.sampling import Sampler
from reference_models.plumbing.system import SYSTEMS, open_sampler
from studies.page import RESULTS, machine, markdown_table, png_of, recipe_text, render_document, with_interval
from studies.trained import trained

PER_CLASS = 200  # images drawn of each class
PICTURED = 20  # images of a strip
ARITHMETIC = Options(
    device="cpu", amp=True, channels_last=True, threads=1, sample_per_class=200, log_every=50, grids=6, checkpoints=2
)
LABELLED = ("classifier_score", "gan_train", "label_swap")
STUDY_STEPS = 1500  # of the Hoda study's networks without a penalty


@dataclass(frozen=True)
class Row:
    """One system on one data set."""

    name: str
    system: str
    dataset: str
    config: Any
    study: str  # what the founding study said of it
    seeds: int = 3  # trainings


HODA_STUDY = "004: GAN-test 966 of 1,000 by its own judge, after up to 150 epochs of 80,000 images"
# As the profile `cpu` has it, but for the Hoda study's networks without a penalty, which learn late.
ROWS = (
    Row("dcgan", "dcgan", "mnist", SYSTEMS["dcgan"].profile("cpu"), "000, 002: judged by eye, no number"),
    Row("dcgan, stabilised", "dcgan", "mnist", dcgan.VARIANTS["stabilised"], "000: the same, targets above 1", seeds=1),
    Row(
        "cgan_dense",
        "cgan_dense",
        "mnist",
        SYSTEMS["cgan_dense"].profile("cpu"),
        "001: judged by eye, no number",
        seeds=1,
    ),
    Row(
        "cgan, the study's networks",
        "cgan",
        "hoda",
        replace(cgan.VARIANTS["study004"], steps=STUDY_STEPS),
        HODA_STUDY,
        seeds=1,
    ),
    Row(
        "cgan, the study's networks and R1", "cgan", "hoda", cgan.VARIANTS["study004_r1"], "004 and a penalty", seeds=1
    ),
    Row("cgan", "cgan", "hoda", SYSTEMS["cgan"].profile("cpu"), "004"),
    Row(
        "cdcgan, 64 px",
        "cdcgan",
        "hoda",
        SYSTEMS["cdcgan"].profile("cpu"),
        "003: called conditional, never saw a label",
    ),
    Row("cdcgan, 64 px, blind", "cdcgan", "hoda", cdcgan.VARIANTS["blind"], "003: that mistake, kept", seeds=1),
)


@dataclass(frozen=True, eq=False)
class Shown:
    """A finished run, fresh images of it, and what they score at equal n."""

    row: Row
    run: RunRecord
    info: Any  # run.json
    images: NDArray[np.uint8]
    scores: Evaluation


def main(*, runs: Path = Path("runs"), out: Path = RESULTS, seed: int = 0) -> Path:
    """Write `out/classic.md` and its pictures; trains what is not below `runs` yet (about 2 CPU-hours).

    Args:
        runs: where to look for finished runs, and where to train.
        out: folder of the page.
        seed: of the first training of each system, the others follow, and of the images drawn.
    """
    shown = [[show(row, runs, seed + i, seed) for i in range(row.seeds)] for row in ROWS]
    write_atomic(out / "classic.png", render_strips([first for first, *_ in shown]))
    write_atomic(out / "classic-curves.png", render_curves(shown))
    return write_atomic(out / "classic.md", render_page(shown))


def show(row: Row, runs: Path, training: int, seed: int) -> Shown:
    run = trained(runs, row.system, row.dataset, row.config, training, ARITHMETIC)
    record, sampler = read_run(run.path), open_sampler(run.path, device="cpu")
    images, labels = sampler.evenly(PER_CLASS, seed)
    fakes = ImageSet.from_array(
        images, source=record.name, labels=labels, class_names=record.class_names if labels is not None else ()
    )
    real = some(image_set(f"{row.dataset}:test"), PROTOCOL_N, seed)
    labelled = labels is not None
    scores = evaluate(
        real,
        fakes,
        classifier=row.dataset,
        train=f"{row.dataset}:train" if labelled else None,
        floor=False,
        cache=False,
        metrics=(*(LABELLED if labelled else ()), *MANIFOLD, "fid", "kid"),
        options=OPTIONS,
        seed=seed,
        generator=_relabelled(sampler) if labelled else None,
        name=record.name,
        step=int(run.info["step"]),
    )
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


def render_curves(shown: Sequence[Sequence[Shown]]) -> bytes:
    """The two losses of every training, one panel a system."""
    from matplotlib.figure import Figure

    columns = 4
    figure = Figure(figsize=(2.6 * columns, 2.1 * -(-len(shown) // columns)), dpi=100, layout="constrained")
    panels = figure.subplots(-(-len(shown) // columns), columns, squeeze=False).ravel()
    for panel, ones in zip(panels, shown, strict=False):
        for number, one in enumerate(ones):
            for colour, tag in enumerate(("loss/d", "loss/g")):
                curve = one.run.curves[tag]
                panel.plot(curve.steps, curve.values, color=f"C{colour}", linewidth=0.8, label="" if number else tag)
        panel.set_title(ones[0].row.name, fontsize=8)
        panel.tick_params(labelsize=7)
        panel.set(ylim=(0, 4))
    for panel in panels[len(shown) :]:
        panel.set_axis_off()
    panels[0].legend(frameon=False, fontsize=7)
    return png_of(figure)


def render_page(shown: Sequence[Sequence[Shown]]) -> str:
    parts = [
        "![one row a system, in the order of the second table: not chosen](classic.png)",
        "## With classes",
        _labelled([ones for ones in shown if "classifier_score" in ones[0].scores.scores]),
        "## All of them",
        _unlabelled(shown),
        "## While they trained",
        "![the losses of discriminator and generator over the steps, every training](classic-curves.png)",
        "A loss says little of the images: all curves are in each run's report (`ganeval-report runs/`).",
        "## How they were made",
        _making(shown),
    ]
    said = (
        "Of several trainings the mean, and in brackets each, in the order of their seeds; of one its standard error "
        "and 95 % interval."
    )
    return render_document("The founding studies' systems, done right", "classic", parts, said=said)


def _cell(ones: Sequence[Shown], key: str) -> str:
    """Of several trainings the mean and each of them; of one its error."""
    records = [one.scores[key] for one in ones]
    if len(records) == 1:
        return with_interval(records[0])
    values = [record.value for record in records if record.value is not None]
    return f"{np.mean(values):.3f} ({', '.join(f'{value:.3f}' for value in values)})"


def _labelled(shown: Sequence[Sequence[Shown]]) -> str:
    rows = [
        [
            ones[0].row.name,
            ones[0].row.dataset,
            *(_cell(ones, key) for key in (*LABELLED, "recall", "coverage")),
            ones[0].row.study,
        ]
        for ones in shown
    ]
    ceilings = sorted(
        {
            f"{ones[0].row.dataset} {ones[0].scores['gan_train'].details['ceiling']:.3f}"
            for ones in shown
            if "ceiling" in ones[0].scores["gan_train"].details
        }
    )
    recall, coverage = f"recall (k = {K})", f"coverage (k = {K})"
    heads = ("system", "data", "GAN-test", "CAS", "`label_swap`", recall, coverage, "the study")
    first = shown[0][0]
    return markdown_table(heads, rows) + (
        f"\n\n{len(first.images):,} fakes against {first.scores.real.n:,} test images. CAS of as many real images: "
        f"{', '.join(ceilings)}. `label_swap`: the same latent under two labels must show first the one, then the "
        "other class; what is deaf to its label cannot have more than one half."
    )


def _unlabelled(shown: Sequence[Sequence[Shown]]) -> str:
    keys = ("fid", "kid", *MANIFOLD)
    rows = [
        [
            ones[0].row.name,
            ones[0].row.dataset,
            f"{ones[0].info['images']:,}",
            ", ".join(f"{one.info['cpu_seconds']:.0f}" for one in ones),
            *(_cell(ones, key) for key in keys),
        ]
        for ones in shown
    ]
    return markdown_table(("system", "data", "images seen", "CPU-seconds", *keys), rows) + (
        "\n\n`fid` and `kid` in the features of the zoo's judge of each data set, not of Inception: compare within one "
        "data set."
    )


def _making(shown: Sequence[Sequence[Shown]]) -> str:
    lines = []
    for ones in shown:
        info, made = ones[0].info, ones[0].info["environment"]
        on = [key for key in ("amp", "channels_last") if info["options"][key]]
        seeds = ", ".join(str(one.info["seeds"]["seed"]) for one in ones)
        lines.append(
            f"- {ones[0].row.name}: `{info['trained_on']}`, seed {seeds}, {info['step']:,} steps, torch "
            f"{made['torch']}, {made['threads']} thread(s), {', '.join(on)}; {recipe_text(info['config'])}"
        )
    return "\n".join([*lines, f"- measured on {machine()}"])
