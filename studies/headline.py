"""The headline page: what 97 % hides. The founding study's own test beside the questions that it did not ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.core.files import write_atomic
from ganeval.errors import MissingFileError
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.measure.functions import evaluate
from ganeval.numerics.intervals import wilson
from ganeval.records.scores import Evaluation, ScoreRecord, render_value
from ganeval.runs.directory import RunDirectory, runs_in
from ganeval.runs.readers.native import read_run
from reference_models.bands.equal_n import OPTIONS, PROTOCOL_N, K, some
from reference_models.controls.control import build
from reference_models.plumbing.loading import load_data
from reference_models.plumbing.system import open_sampler
from studies.page import RESULTS, machine, markdown_table, percent, recipe_text, render_document

SYSTEM = "projection_cgan"
STUDY = (966, 1000)  # recognised digits of the founding study, by its own judge
CONTROLS = ("held_out_real", "memoriser", "one_per_class")
FOUNDING, SEEDS = 100, 3  # images of each class in the study's test; trainings
SEED = 0  # of the images drawn and of the metrics
MINUTES = 20.0  # CPU-minutes that a training may take
RECALL = f"recall (k = {K})"
BARS = {"GAN-test": 0.985, "worst class": 0.96, "CAS": 0.95, RECALL: 0.80, f"coverage (k = {K})": 0.88}
SHOWN = (*BARS, "copies")
STYLES = (
    "Where CAS lies far below GAN-test, a way of writing the class is missing: [the style that was lost](styles.md) "
    "shows how that is found, and what brings it back."
)
Images = tuple[NDArray[np.uint8], NDArray[np.int64]]


@dataclass(frozen=True)
class Row:
    """One source of images, measured four times."""

    name: str
    founding: Evaluation  # GAN-test alone, on as many digits as the study had
    equal: Evaluation  # recall and coverage, 2,000 against 2,000
    whole: Evaluation  # GAN-test and CAS, 10,000 fakes against the whole test split
    copied: Evaluation  # copies of the training split, of 2,000 fakes

    def records(self) -> dict[str, ScoreRecord]:
        """The measured numbers by the names of `SHOWN`, but the worst class, which is a row of a table in GAN-test."""
        found = (self.whole["classifier_score"], self.whole["gan_train"], self.equal["recall"], self.equal["coverage"])
        names = [name for name in BARS if name != "worst class"]
        return dict(zip([*names, "copies"], [*found, self.copied["copies"]], strict=True))

    def values(self) -> dict[str, float]:
        return {**{name: float(r.value or 0) for name, r in self.records().items()}, "worst class": worst(self)[1]}


def main(
    *,
    dataset: str = "hoda",
    runs: Path = Path("runs"),
    out: Path = RESULTS,
    keep: Path = Path("runs/headline"),
    only: str = "",
    per_class: int = 1000,
) -> Path:
    """Write `out/headline.md` of the newest finished run of each seed below `runs`.

    Args:
        dataset: that the runs were trained on, with a judge of the same name.
        runs: folder of the three trainings.
        out: folder of the page.
        keep: folder of finished evaluations, so that a stopped measurement goes on.
        only: measure one row ("seed 1", "memoriser") and write no page.
        per_class: images of each class that CAS is trained on.
    """
    trained = trainings(runs, dataset)
    sources: dict[str, Callable[[], Images]] = {
        f"seed {seed}": lambda run=run: open_sampler(run.path).per_class(per_class, SEED)
        for seed, run in trained.items()
    }
    sources |= {name: lambda name=name: build(name, load_data(dataset)).per_class(per_class, SEED) for name in CONTROLS}
    rows = {name: measure_row(name, dataset, draw, keep) for name, draw in sources.items() if only in ("", name)}
    if only:
        return keep / only
    courses = {seed: course(run, dataset, keep / f"seed {seed}") for seed, run in trained.items()}
    return write_atomic(out / "headline.md", render_page(rows, trained, courses))


def trainings(runs: Path, dataset: str) -> dict[int, RunDirectory]:
    """The newest finished run of each seed, all with the recipe of the newest of all."""
    done = [r for r in runs_in(runs) if _is_ours(r.info, dataset)]
    alike = [r for r in done if r.info["config"] == done[0].info["config"]]
    newest = {int(r.info["seeds"]["seed"]): r for r in reversed(alike)}
    if len(newest) < SEEDS:
        raise MissingFileError(
            f"The headline needs {SEEDS} finished {SYSTEM} runs on {dataset} that differ in their seed; {runs} has "
            f"{len(newest)}. Train with --seed 0, 1 and 2."
        )
    return dict(sorted(newest.items()))


def _is_ours(info: Mapping[str, Any], dataset: str) -> bool:
    wanted = (SYSTEM, dataset, "done", [])
    config = info.get("config", {})
    return (info.get("system"), info.get("dataset"), info.get("status"), config.get("classes")) == wanted


def measure_row(name: str, dataset: str, draw: Callable[[], Images], keep: Path) -> Row:
    """Draw once, and only where an evaluation is missing; every evaluation is kept as soon as it is there."""
    drawn: list[ImageSet] = []

    def fakes() -> ImageSet:
        if not drawn:
            images, labels = draw()
            drawn.append(ImageSet.from_array(images, source=name, labels=labels))
        return drawn[0]

    def few() -> ImageSet:
        labels = np.asarray(fakes().labels)
        return fakes().take(np.concatenate([np.flatnonzero(labels == c)[:FOUNDING] for c in np.unique(labels)]))

    test = f"{dataset}:test"
    parts: dict[str, Callable[[], Evaluation]] = {
        "founding": lambda: _evaluate(dataset, image_set(test), few(), "classifier_score"),
        "equal": lambda: _evaluate(dataset, _part(image_set(test)), _part(fakes()), "recall", "coverage", "precision"),
        "whole": lambda: _evaluate(dataset, image_set(test), fakes(), "classifier_score", "gan_train"),
        "copied": lambda: _evaluate(
            dataset, _part(image_set(test)), _part(fakes()), "copies", train=f"{dataset}:train"
        ),
    }
    return Row(name, **{part: _kept(keep / name / part / "result.json", make) for part, make in parts.items()})


def _kept(path: Path, make: Callable[[], Evaluation]) -> Evaluation:
    if not path.is_file():
        make().write(path)
    return Evaluation.read(path)


def _part(images: ImageSet) -> ImageSet:
    return some(images, PROTOCOL_N, SEED)


def _evaluate(dataset: str, real: ImageSet, fake: ImageSet, *metrics: str, train: str | None = None) -> Evaluation:
    options = {name: OPTIONS[name] for name in metrics if name in OPTIONS}
    return evaluate(
        real, fake, classifier=dataset, train=train, metrics=metrics, options=options, seed=SEED, floor=False
    )


def course(run: RunDirectory, dataset: str, keep: Path) -> list[tuple[int, Evaluation]]:
    """(step, GAN-test, recall and coverage) of the samples kept during the training."""
    real = _part(image_set(f"{dataset}:test"))
    return [
        (
            int(s.step),
            _kept(
                keep / f"step {int(s.step)}" / "result.json",
                lambda path=str(s.path): _evaluate(
                    dataset, real, image_set(path), "classifier_score", "recall", "coverage"
                ),
            ),
        )
        for s in read_run(run.path).samples
    ]


def worst(row: Row) -> tuple[str, float]:
    """The class that is recognised least."""
    classes = [entry for entry in row.whole["classifier_score"].details["classes"] if entry["n"]]
    least = min(classes, key=lambda entry: entry["recall"])
    return str(least["name"]), float(least["recall"])


def render_page(
    rows: Mapping[str, Row],
    trained: Mapping[int, RunDirectory],
    courses: Mapping[int, Sequence[tuple[int, Evaluation]]],
) -> str:
    ours = [row for name, row in rows.items() if name not in CONTROLS]
    parts = [
        opening(rows, ours),
        scores_table(rows, ours),
        explanation(ours[0]),
        "## The bars",
        bars_table(ours, trained),
        "## Class by class",
        classes_table(ours),
        STYLES,
        "## While they trained",
        course_table(courses),
        "## How it was made",
        making(rows, trained),
    ]
    return render_document("What 97 % hides", "headline", parts)


def explanation(row: Row) -> str:
    return (
        "In brackets 95 % intervals (Wilson), after +- one standard error within a row; in the row of all seeds the "
        f"standard deviation between them. GAN-test of {row.founding.fake.n:,} digits is the founding study's own "
        f"test; CAS is the accuracy on {row.whole.real.n:,} real test images of a classifier trained on the row's "
        f"{row.whole.fake.n:,} images; recall and coverage compare {row.equal.fake.n:,} images with "
        f"{row.equal.real.n:,}; copies is the share of exact and near copies of a training image."
    )


def opening(rows: Mapping[str, Row], ours: Sequence[Row]) -> str:
    hits, n = STUDY
    low, high = (100 * end for end in wilson(hits, n))
    mean = {name: percent(float(np.mean([row.values()[name] for row in ours]))) for name in SHOWN}
    one, real = rows["one_per_class"].values(), rows["held_out_real"].values()
    return (
        f"The founding study counted {hits} recognised digits of {n:,}: {100 * hits / n:.1f} % [{low:.1f}, "
        f"{high:.1f}]. The same count gives a source that knows one image of each class {percent(one['GAN-test'])}, "
        f"with a CAS of {percent(one['CAS'])} and a recall of {percent(one[RECALL])}: the count cannot tell a "
        f"generator from ten pictures. Our generator gets {mean['GAN-test']} on average over {len(ours)} trainings, "
        f"where real images get {percent(real['GAN-test'])}; yet a classifier trained on it recognises {mean['CAS']} "
        f"of real digits against {percent(real['CAS'])} after real images, and {mean[RECALL]} of real images lie "
        f"within its reach against {percent(real[RECALL])}. That is what a high GAN-test hides."
    )


def scores_table(rows: Mapping[str, Row], ours: Sequence[Row]) -> str:
    heads = ("", f"GAN-test, {ours[0].founding.fake.n:,} digits", *SHOWN)
    lines = [[f"projection cGAN, {row.name}", *_cells(row)] for row in ours]
    means = [_spread([row.values()[name] for row in ours], share=name in SHOWN) for name in SHOWN]
    lines.append([f"**all {len(ours)} seeds**", _spread([_founding(row) for row in ours]), *means])
    lines += [[f"`{name}`", *_cells(rows[name])] for name in CONTROLS]
    return markdown_table(heads, lines)


def _cells(row: Row) -> list[str]:
    n, share = row.founding.fake.n, _founding(row)
    low, high = wilson(round(share * n), n)
    cells = [f"{round(share * n)}/{n} [{100 * low:.1f}, {100 * high:.1f}]"]
    for name in SHOWN:
        if name == "worst class":
            label, value = worst(row)
            cells.append(f"{label}: {percent(value)}")
            continue
        record = row.records()[name]
        cells.append(render_value(float(record.value or 0), record.se))
    return cells


def _founding(row: Row) -> float:
    return float(row.founding["classifier_score"].value or 0)


def _spread(values: Sequence[float], *, share: bool = True) -> str:
    digits = 4 if share else 3
    return f"**{np.mean(values):.{digits}f}** (between seeds {np.std(values, ddof=1):.{digits}f})"


def bars_table(ours: Sequence[Row], trained: Mapping[int, RunDirectory]) -> str:
    lines = [[name, f">= {bar}", *judged([row.values()[name] for row in ours], bar)] for name, bar in BARS.items()]
    minutes = [float(run.info["cpu_seconds"]) / 60 for run in trained.values()]
    longest = max(minutes)
    said = "met by every training" if longest <= MINUTES else f"missed by {longest - MINUTES:.1f}"
    lines.append(["CPU-minutes of training", f"<= {MINUTES:.0f}", ", ".join(f"{m:.1f}" for m in minutes), said])
    return markdown_table(("", "bar", "the trainings", "verdict"), lines)


def judged(values: Sequence[float], bar: float) -> tuple[str, str]:
    missed = [value for value in values if value < bar]
    shown = ", ".join(f"{value:.4f}" for value in values)
    if not missed:
        return shown, "met by every training"
    return shown, f"missed by {len(missed)} of {len(values)}, at most by {bar - min(values):.4f}"


def classes_table(ours: Sequence[Row]) -> str:
    """GAN-test and CAS recall of each class, mean over the trainings: where the two part, variety is missing."""
    lines = []
    for index, entry in enumerate(ours[0].whole["classifier_score"].details["classes"]):
        seen = [row.whole["classifier_score"].details["classes"][index]["recall"] for row in ours]
        learnt = [row.whole["gan_train"].details["recall"][str(index)] for row in ours]
        each = ", ".join(percent(value) for value in learnt)
        lines.append([entry["name"], percent(float(np.mean(seen))), percent(float(np.mean(learnt))), each])
    return markdown_table(("class", "GAN-test", "CAS recall", "of each training"), lines)


def course_table(courses: Mapping[int, Sequence[tuple[int, Evaluation]]]) -> str:
    lines = []
    for at in zip(*courses.values(), strict=True):
        found = [evaluation for _, evaluation in at]
        cells = [_each(found, key) for key in ("classifier_score", "recall", "coverage")]
        lines.append([f"{at[0][0]:,}", *cells])
    names = ("GAN-test", f"recall (k = {K})", f"coverage (k = {K})")
    seeds = ", ".join(map(str, courses))
    return (
        markdown_table(("step", *names), lines)
        + f"\n\nSeeds {seeds} in this order, the samples that each training wrote."
    )


def _each(found: Sequence[Evaluation], key: str) -> str:
    return ", ".join(f"{float(e[key].value or 0):.4f}" for e in found)


def making(rows: Mapping[str, Row], trained: Mapping[int, RunDirectory]) -> str:
    info = next(iter(trained.values())).info
    judge = next(iter(rows.values())).whole.classifier
    seen = f"{info['images']:,} images seen, seeds {', '.join(map(str, trained))}"
    lines = (
        f"- trained on `{info['trained_on']}`, {seen}; no image of the test split was trained on",
        f"- recipe: {recipe_text(info['config'])}",
        f"- classifier and features: `{judge}`; images and metrics with seed {SEED}; {machine()}",
    )
    return "\n".join(lines)
