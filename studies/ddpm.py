"""The page of the diffusion model: what the number of network evaluations buys, measured on one training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganeval.core.files import write_atomic
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.measure.functions import evaluate
from ganeval.records.scores import Evaluation, ScoreRecord
from ganeval.runs.directory import RunDirectory, encode_png, tile
from ganeval.runs.readers.native import read_run
from reference_models.bands.equal_n import PROTOCOL_N, K, some
from reference_models.plumbing.options import Options
from reference_models.plumbing.system import SYSTEMS, open_sampler
from studies.page import RESULTS, markdown_table, png_of, recipe_text, render_document, with_interval
from studies.trained import newest, train_whole

SYSTEM = "ddpm"
NFES = (2, 5, 10, 20, 50)
CURVES = ("precision", "recall", "density", "coverage")
NAMED = {"classifier_score": "GAN-test", "gan_train": "CAS"}
METRICS = ("classifier_score", "gan_train", "recall", "coverage", "precision", "density", "kid")
# bfloat16 takes half the time of float32 on a processor with AMX.
OPTIONS = Options(amp=True, threads=1, sample_times=4, sample_per_class=200, log_every=100)


@dataclass(frozen=True, eq=False)
class AtNfe:
    """The same latents drawn with one number of network evaluations, and what they score."""

    nfe: int
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    scores: Evaluation


def main(
    *,
    dataset: str = "hoda",
    runs: Path = Path("runs"),
    out: Path = RESULTS,
    seed: int = 0,
    per_class: int = 200,
    nfes: tuple[int, ...] = NFES,
    profile: str = "cpu",
) -> Path:
    """Write `out/ddpm.md` and its pictures, of the newest finished run below `runs` or of one trained now.

    Args:
        dataset: hoda, mnist, or another with a judge of the same name.
        runs: where to look for a finished run, and where to train one.
        out: folder of the page.
        seed: of the training and of the images drawn.
        per_class: generated images of each class, for every number of evaluations.
        nfes: numbers of network evaluations per image.
        profile: recipe to train with.
    """
    run = newest(runs, SYSTEM, dataset)
    if run is None:
        run = train_whole(runs, SYSTEM, dataset, SYSTEMS[SYSTEM].profile(profile), seed, OPTIONS)
    rows = [measure_at(run, nfe, per_class, seed) for nfe in nfes]
    write_atomic(out / "ddpm.png", render_picture(rows))
    write_atomic(out / "ddpm-nfe.png", render_curves(rows))
    return write_atomic(out / "ddpm.md", render_page(run, rows, seed))


def measure_at(run: RunDirectory, nfe: int, per_class: int, seed: int) -> AtNfe:
    """Draw with `nfe` network evaluations from the latents of `seed`, and evaluate at the published protocol."""
    record = read_run(run.path)
    dataset, judge, train = (str(record.protocol[key]) for key in ("real", "classifier", "train"))
    images, labels = open_sampler(run.path, nfe=nfe).per_class(per_class, seed)
    fakes = ImageSet.from_array(images, source=f"{record.name}, {nfe} evaluations", labels=labels)
    real = some(image_set(dataset), PROTOCOL_N, seed)
    options = {name: {"k": K} for name in CURVES}
    scores = evaluate(
        real, fakes, classifier=judge, train=train, metrics=METRICS, options=options, seed=seed, floor=nfe == max(NFES)
    )
    return AtNfe(nfe, images, labels, scores)


def render_picture(rows: Sequence[AtNfe]) -> bytes:
    """The first two images of each class, not chosen: one row for each number of evaluations, the same latents."""
    parts = []
    for row in rows:
        first = [np.flatnonzero(row.labels == c)[:2] for c in np.unique(row.labels)]
        parts.append(row.images[np.concatenate(first)])
    return encode_png(tile(np.concatenate(parts).repeat(2, axis=2).repeat(2, axis=3), rows=len(rows)))


def render_curves(rows: Sequence[AtNfe]) -> bytes:
    """Fidelity and diversity against the number of evaluations, with 95 % intervals."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator

    figure = Figure(figsize=(6.4, 3.6), dpi=110, layout="constrained")
    axes = figure.subplots()
    nfes = [row.nfe for row in rows]
    for shift, name in enumerate(CURVES):
        found = [row.scores[name] for row in rows]
        values = np.array([record.value if record.ok else np.nan for record in found], float)
        ends = np.array([record.interval or (np.nan, np.nan) for record in found], float)
        places = np.array(nfes) * (1 + 0.02 * (shift - 1.5))
        axes.errorbar(places, values, np.abs(ends.T - values), marker="o", markersize=3, capsize=2, label=name)
    axes.set(xscale="log", xlabel="network evaluations per image", ylabel=f"k = {K}")
    axes.set_xticks(nfes, [str(nfe) for nfe in nfes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.legend(frameon=False, fontsize=8)
    return png_of(figure)


def render_page(run: RunDirectory, rows: Sequence[AtNfe], seed: int) -> str:
    info = run.info
    name = info["dataset"]
    picture = (
        "One row for each number of evaluations, from the top "
        f"{', '.join(str(row.nfe) for row in rows)}; in a column the same latent and the same class, the first ones "
        "drawn."
    )
    n, real = rows[0].scores.fake.n, rows[0].scores.real.n
    measured = (
        f"{n:,} fakes against {real:,} test images; neighbours k = {K}, features of `{rows[0].scores.classifier}`; CAS "
        "is the accuracy on those test images of a classifier trained on the fakes. In brackets 95 % intervals. "
        f"{floor(rows)}"
    )
    parts = [
        "![generated digits](ddpm.png)",
        picture,
        "## What an evaluation buys",
        table(rows),
        measured,
        reading(rows),
        "![precision, recall, density and coverage against the number of evaluations](ddpm-nfe.png)",
        "## How it was made",
        making(run, seed),
    ]
    return render_document(f"{name}: diffusion in few steps", "ddpm", parts)


def table(rows: Sequence[AtNfe]) -> str:
    heads = ("evaluations", "GAN-test", "CAS", "precision", "recall", "density", "coverage", "`kid`")
    lines = [[str(row.nfe), *(with_interval(row.scores[key]) for key in (*NAMED, *CURVES, "kid"))] for row in rows]
    return markdown_table(heads, lines)


def floor(rows: Sequence[AtNfe]) -> str:
    """What real images would score, and a classifier trained on as many of them."""
    last = rows[-1].scores
    cas = last["gan_train"].details
    floors = {key: last[key].floor for key in CURVES}
    known = [f"{key} {found.value:.3f}" for key, found in floors.items() if found is not None]
    ceiling = f"CAS of {cas['ceiling_n']:,} real images {cas['ceiling']:.3f}" if "ceiling" in cas else ""
    return (
        "Real against real: " + ", ".join(part for part in [*known, ceiling] if part) + "." if known or ceiling else ""
    )


def reading(rows: Sequence[AtNfe]) -> str:
    """Which number of evaluations is as good as the most, by the intervals of every curve."""
    last = rows[-1]
    enough = next(row for row in rows if all(_reaches(row.scores[key], last.scores[key]) for key in CURVES))
    moved = [_moved(key, rows[0], last) for key in (*NAMED, *CURVES)]
    lower, higher = ([NAMED.get(key, key) for key, way in moved if way == w] for w in (-1, 1))
    few = [f"{', '.join(keys)} {word}" for keys, word in ((lower, "lower"), (higher, "higher")) if keys]
    said = f" With {rows[0].nfe} evaluations, against {last.nfe}: {'; '.join(few)}." if few else ""
    return (
        f"From {enough.nfe} evaluations on no curve is below that of {last.nfe} by more than twice their error "
        f"together.{said} GAN-test alone would not choose: read it beside recall, coverage and CAS."
    )


def _moved(key: str, few: AtNfe, many: AtNfe) -> tuple[str, int]:
    """-1 where few evaluations score lower than many beyond their errors, 1 where they score higher, else 0."""
    a, b = few.scores[key], many.scores[key]
    return key, 0 if _reaches(a, b) and _reaches(b, a) else 1 if _reaches(a, b) else -1


def _reaches(record: ScoreRecord, best: ScoreRecord) -> bool:
    """Not lower than the best by more than twice their common standard error."""
    if record.value is None or best.value is None:
        return False
    return float(record.value) >= float(best.value) - 2 * float(np.hypot(record.se or 0, best.se or 0))


def making(run: RunDirectory, seed: int) -> str:
    info = run.info
    made = info["environment"]
    trained = (
        f"trained on `{info['trained_on']}`, {info['images']:,} images seen, {info['step']:,} steps of "
        f"{info['config']['batch']}, seed {info['seeds']['seed']}; no image of the test split was trained on"
    )
    cost = (
        f"{info['cpu_seconds']:.0f} CPU-seconds ({info['cpu_seconds'] / 60:.1f} CPU-minutes), samples included; torch "
        f"{made['torch']}, {made['threads']} thread(s), {made.get('processor') or made['machine']}"
        + ("; amp on" if info["options"]["amp"] else "")
    )
    recipe = f"recipe: {recipe_text(info['config'])}"
    return "\n".join(f"- {line}" for line in (trained, cost, recipe, f"images drawn with seed {seed}"))
