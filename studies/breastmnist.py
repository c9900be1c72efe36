"""The BreastMNIST generator: what it scores, whether it copies, and how its discriminator learns 546 images by heart.

Two runs of one recipe are compared, with and without augmentation of what the discriminator sees. Kernel distances and
no
Frechet distance: 156 test images are too few for the latter. Fakes are drawn with the class shares of the training
split (27 : 73), because every number here depends on them. Questions about copying are asked of pixels: the judge's
features were trained on the very images that would be copied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.core.files import write_atomic
from ganeval.datasets.dataset import DATASETS
from ganeval.errors import MissingFileError
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.measure.functions import evaluate
from ganeval.records.scores import Evaluation, ScoreRecord
from ganeval.runs.directory import RunDirectory, encode_png, runs_in, tile
from ganeval.runs.readers.native import read_run
from ganeval.runs.record import RunRecord
from reference_models import projection_cgan
from reference_models.bands.equal_n import some
from reference_models.plumbing.checkpoint import decode_state
from reference_models.plumbing.data import to_float
from reference_models.plumbing.system import open_sampler
from studies.page import RESULTS, markdown_table, png_of, render_document, with_interval

DATASET, SYSTEM = "breastmnist", "projection_cgan"
FAKES = 2000  # for kernel distances, the judge and the questions about copying
JUDGED = ("kid", "classifier_score", "gan_train", "class_balance")
MANIFOLD, K = ("precision", "recall", "density", "coverage"), 5
COPIES = ("authenticity", "nn_ratio", "ct", "copies", "duplicates")
STUDY = "99.5 %, 68 % and 68 %"  # of training, validation and test images called real, founding study, 1,000 epochs
ROWS = 10  # of the curve
PICTURED = 24  # generated images of each class


@dataclass(frozen=True, eq=False)
class Measured:
    """One run in numbers."""

    run: RunRecord
    info: Mapping[str, Any]
    which: str  # checkpoint: the last, or the best on `val`
    judged: Evaluation
    equal: Evaluation  # as many fakes as test images
    memory: Evaluation
    called_real: Mapping[str, float]  # split -> share of its images that the discriminator calls real


def main(*, runs: Path = Path("runs"), out: Path = RESULTS, seed: int = 0) -> Path:
    """Write `out/breastmnist.md` and its pictures from the newest runs with and without augmentation.

    Args:
        runs: where to look for finished runs.
        out: folder of the page.
        seed: of the images drawn.
    """
    measured = {
        name: measure(find(runs, augmented=augmented), seed)
        for name, augmented in (("augmented", True), ("not augmented", False))
    }
    write_atomic(out / "breastmnist.png", render_picture(open_generator(measured["augmented"].run.path)[0], seed))
    write_atomic(out / "breastmnist-overfitting.png", render_curves(measured))
    return write_atomic(out / "breastmnist.md", render(measured))


def find(runs: Path, *, augmented: bool) -> RunDirectory:
    """The newest finished run with the discriminator's images augmented, or not."""
    for run in runs_in(runs, system=SYSTEM, dataset=DATASET, status="done"):
        if (run.info["config"].get("augment", "none") != "none") == augmented:
            return run
    flags = " --augment ada --flips" if augmented else ""
    raise MissingFileError(
        f"The page compares two finished runs of {SYSTEM} on {DATASET}; one is missing in {runs}. Train it: "
        f"python -m reference_models {SYSTEM} --dataset {DATASET} --profile cpu --steps 3000{flags} --out {runs}"
    )


def open_generator(path: Path) -> tuple[Any, str]:
    """The sampler of a run at its best checkpoint, the last where none was chosen, and which of the two."""
    which = "best" if RunDirectory(path).checkpoint("best") else "last"
    return open_sampler(path, device="cpu", which=which), which


def measure(run: RunDirectory, seed: int) -> Measured:
    record = read_run(run.path)
    draw, which = open_generator(run.path)
    labels = labels_as_in_training(FAKES, seed)
    fakes = ImageSet.from_array(draw(labels, seed), source=record.name, labels=labels, class_names=record.class_names)
    test, train = image_set(f"{DATASET}:test"), f"{DATASET}:train"
    ask = {"train": train, "seed": seed, "name": record.name}
    judged = evaluate(test, fakes, classifier=DATASET, metrics=JUDGED, **ask)
    equal = evaluate(
        test,
        some(fakes, len(test), seed),
        classifier=DATASET,
        metrics=MANIFOLD,
        seed=seed,
        cache=False,
        options={key: {"k": K} for key in MANIFOLD},
    )
    memory = evaluate(test, fakes, extractor="pixels", metrics=COPIES, floor=False, **ask)
    run.write_evaluation(judged, int(run.info["step"]))
    return Measured(record, run.info, which, judged, equal, memory, shares_called_real(run))


def labels_as_in_training(n: int, seed: int) -> NDArray[np.int64]:
    """Class labels (n,) in random order, each class with its share of the training split."""
    train = DATASETS[DATASET].load("train").labels
    shares = np.bincount(train) / len(train)
    counts = np.diff(np.round(np.cumsum(shares) * n).astype(np.int64), prepend=0)
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))


@torch.no_grad()
def shares_called_real(run: RunDirectory) -> dict[str, float]:
    """What share of each split the last discriminator calls real: the founding study's "accuracy", by split."""
    info, path = run.info, run.checkpoint()
    if path is None:
        return {}
    recipe: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in info["config"].items()}
    shape = cast("tuple[int, int, int]", tuple(info["shape"]))
    net = projection_cgan.Discriminator(projection_cgan.Config(**recipe), shape, len(info["class_names"]))
    net.load_state_dict(decode_state(path.read_bytes())["held"]["discriminator"])
    dataset, found = DATASETS[DATASET], {}
    for name in dataset.splits:
        split = dataset.load(name)
        images, labels = (torch.from_numpy(np.array(part)) for part in (split.images, split.labels))
        found[name] = float((net(to_float(images), labels) > 0).float().mean())
    return found


def render_picture(draw: Any, seed: int) -> bytes:
    """The first generated images of each class, not chosen; four rows, two a class."""
    images, _ = draw.per_class(PICTURED, seed)
    return encode_png(tile(images, rows=4))


def render_curves(measured: Mapping[str, Measured]) -> bytes:
    """The overfit ratio along the training, one line a run."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 2.6), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    for name, m in measured.items():
        curve = m.run.curves["overfit_ratio"]
        axes.plot(curve.steps, smooth(curve.values), label=name)
    axes.axhline(1, color="0.7", linewidth=0.8)
    axes.set(xlabel="step", ylabel="overfit ratio of D", ylim=(-0.2, 1.4))
    axes.legend(frameon=False)
    return png_of(figure)


def smooth(values: Sequence[float | None], width: int = 5) -> list[float]:
    """Means over the last `width` log lines; lines that are not finite are left out."""
    known = [np.nan if value is None else value for value in values]
    return [float(np.nanmean(known[max(0, i - width + 1) : i + 1])) for i in range(len(known))]


def render(measured: Mapping[str, Measured]) -> str:
    ours = measured["augmented"]
    parts = [
        f"![{PICTURED} generated images of each class, malignant above, the first ones drawn](breastmnist.png)",
        "## What it scores",
        scores_table(measured),
        (
            f"{FAKES:,} fakes with the class shares of the training split against the 156 test images; precision, "
            f"recall, density and coverage with as many fakes as test images, k = {K}. Features: "
            f"`{ours.judged.fake.extractor}`. The last column is what real images get, with their n. No FID: its bias "
            "at 156 images is larger than what it would compare. GAN-test says how often the judge sees the class that "
            "was asked for; the judge itself errs, and always saying benign would give CAS 0.731. The two runs differ "
            f"in more than augmentation: {checkpoints(measured)}."
        ),
        classes_text(ours),
        "## Does it copy?",
        copies_table(measured),
        (
            "In pixels, against the 546 training images; the test split is held out. For `authenticity` and `copies` "
            "the last column is what real test images get: a generator that copies nothing should be like them. "
            "`nn_ratio` is 1 and `ct` 0 for fakes that are as near to the training images as held-out ones are; lower "
            "means copying. " + nearness(measured)
        ),
        "## How the discriminator learns its images by heart",
        "![overfit ratio of both runs along the training](breastmnist-overfitting.png)",
        curve_table(measured),
        overfitting(measured),
        "## How it was made",
        "\n".join(making(name, m) for name, m in measured.items()),
    ]
    said = "After +- stands one standard error, in brackets a 95 % interval. All pictures are generated."
    return render_document("breastmnist: projection cGAN", "breastmnist", parts, said=said)


def scores_table(measured: Mapping[str, Measured]) -> str:
    def row(kind: str, key: str, title: str) -> list[str]:
        records = [getattr(m, kind)[key] for m in measured.values()]
        return [title, *map(with_interval, records), floor(records[0])]

    titles = {"classifier_score": "GAN-test", "gan_train": "CAS (`gan_train`)"}
    rows = [row("judged", key, titles.get(key, f"`{key}`")) for key in JUDGED]
    rows += [row("equal", key, f"`{key}`") for key in MANIFOLD]
    return markdown_table(("metric", *measured, "real images"), rows)


def checkpoints(measured: Mapping[str, Measured]) -> str:
    """Which checkpoint of how long a training each column is of."""
    return ", ".join(
        f"{name} is step {m.info['best']['step'] if m.which == 'best' else m.info['step']:,} of {m.info['step']:,}"
        f" ({'chosen on `val`' if m.which == 'best' else 'the last'})"
        for name, m in measured.items()
    )


def classes_text(m: Measured) -> str:
    asked = "; ".join(
        f"{row['name']} {100 * row['recall']:.1f} % [{100 * row['recall_interval'][0]:.1f}, "
        f"{100 * row['recall_interval'][1]:.1f}]"
        for row in m.judged["classifier_score"].details["classes"]
    )
    return f"Recognised, by the class asked for (augmented): {asked}."


def copies_table(measured: Mapping[str, Measured]) -> str:
    rows = []
    for key in COPIES:
        records = [m.memory[key] for m in measured.values()]
        held = records[0].details.get("heldout") if records[0].ok else None
        rows.append([f"`{key}`", *map(with_interval, records), "" if held is None else f"{held:.3f}"])
    return markdown_table(("question", *measured, "held-out images"), rows)


def nearness(measured: Mapping[str, Measured]) -> str:
    exact = {name: m.memory["copies"].details.get("exact", 0) for name, m in measured.items()}
    return "Exact copies: " + ", ".join(f"{n} ({name})" for name, n in exact.items()) + "."


def curve_table(measured: Mapping[str, Measured]) -> str:
    rows = []
    for name, m in measured.items():
        curves = m.run.curves
        steps = np.array(curves["overfit_ratio"].steps)
        smoothed = {tag: smooth(curves[tag].values) for tag in ("d/real", "d/held_out", "d/fake", "overfit_ratio")}
        for end in np.linspace(steps[-1] / ROWS, steps[-1], ROWS):
            at = int(np.searchsorted(steps, end, side="right")) - 1
            rows.append([name, f"{int(steps[at]):,}", *(f"{values[at]:+.2f}" for values in smoothed.values())])
    heads = ("run", "step", "E D(training)", "E D(held out)", "E D(fake)", "overfit ratio")
    return markdown_table(heads, rows)


def overfitting(measured: Mapping[str, Measured]) -> str:
    lines = [
        f"- {name}: calls "
        + ", ".join(f"{100 * share:.1f} % of {split}" for split, share in m.called_real.items())
        + " real"
        for name, m in measured.items()
    ]
    return "\n".join(
        [
            (
                "The ratio is (E D(training) - E D(held out)) / (E D(training) - E D(fake)) (Karras et al. 2020, eq. "
                "1): 0 when held-out images look as real as those trained on, 1 when they look as fake as the fakes. "
                f"Held out is `val`, 78 images; means over the last five log lines. It ends at {ends(measured)}. "
                "Images called real by the last discriminator:"
            ),
            "",
            *lines,
            "",
            (
                f"The founding study's discriminator, trained without augmentation, called {STUDY} of training, "
                "validation and test images real, and the study took that for underfitting. It is the opposite."
            ),
        ]
    )


def ends(measured: Mapping[str, Measured]) -> str:
    last = {name: smooth(m.run.curves["overfit_ratio"].values)[-1] for name, m in measured.items()}
    return ", ".join(f"{value:+.2f} ({name})" for name, value in last.items())


def making(name: str, m: Measured) -> str:
    info, made = m.info, m.info["environment"]
    recipe = ", ".join(f"`{key}` {value}" for key, value in info["config"].items() if value not in ([], ""))
    best = m.info.get("best") or {}
    chosen = (
        f"checkpoint of step {best['step']:,}, the best by KID on `val`" if m.which == "best" else "last checkpoint"
    )
    return (
        f"- {name}: `{m.run.path.name}`, {info['images']:,} images seen in {info['step']:,} steps, seed "
        f"{info['seeds']['seed']}, {info['cpu_seconds']:.0f} CPU-seconds on {made['threads']} thread(s) of "
        f"{made.get('processor') or made['machine']}, torch {made['torch']}; {chosen}; {recipe}"
    )


def floor(record: ScoreRecord) -> str:
    """What real images get: for CAS a classifier trained on the real training images, else real against real."""
    if "ceiling" in record.details:
        return f"{record.details['ceiling']:.3g} (n = {record.details['ceiling_n']:,})"
    if record.floor is None or record.name == "gan_train":
        return ""
    return f"{record.floor.value:.3g} (n = {record.floor.n})"
