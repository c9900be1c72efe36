"""What was tried to bring the lost styles back, recipe by recipe: against the bars, and with its curves.

Every finished training below a folder is in it, the ones that gave nothing too. What differs between two recipes of one
seed each may be the seed's doing: recipes are compared only by what `ganeval luck` says of several seeds.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from ganeval.core.files import write_atomic
from ganeval.errors import MissingFileError
from ganeval.images import image_set
from ganeval.numerics.components import Components, components
from ganeval.records.scores import Evaluation, ScoreRecord
from ganeval.runs.directory import RunDirectory, runs_in
from ganeval.runs.readers.native import read_run
from reference_models.bands.equal_n import K
from reference_models.plumbing.loading import load_data
from reference_models.plumbing.styles import Styles
from studies.headline import MINUTES, SEED, SYSTEM, course, measure_row
from studies.page import RESULTS, machine, markdown_table, percent, recipe_text, render_document
from studies.styles import BARS, KINDS, POINTS, Trained, rare_share

CURVES = {
    "classifier_score": ("GAN-test", BARS["GAN-test"]),
    "recall": (f"recall (k = {K})", BARS[f"recall (k = {K})"]),
    "coverage": (f"coverage (k = {K})", BARS[f"coverage (k = {K})"]),
}
LOWEST = 0.7  # of the curves' axes: below lies how a training begins
FEW = 3  # classes that are named as the hardest


@dataclass(frozen=True, eq=False)
class Recipe:
    """Trainings that differ in their seed alone, what they score, and how they came there."""

    name: str
    trained: Sequence[Trained]
    courses: Sequence[Sequence[tuple[int, Evaluation]]]


def main(
    *,
    runs: Path = Path("runs"),
    dataset: str = "hoda",
    label: int = 6,
    out: Path = RESULTS,
    keep: Path = Path("runs/tried"),
) -> Path:
    """Write `out/tried.md` and its curves, of the samples that the trainings wrote.

    Args:
        runs: folder of the trainings; every finished one of the system is shown.
        dataset: that all of them were trained on, with a judge of the same name.
        label: the class of the style that was lost.
        out: folder of the page.
        keep: folder of finished evaluations, so that a stopped measurement goes on.
    """
    data = load_data(dataset)
    kinds = Styles(data.only([label]), KINDS)
    found = [recipe(name, group, kinds, label, keep) for name, group in recipes(runs, dataset).items()]
    write_atomic(out / "tried.svg", picture(found))
    return write_atomic(out / "tried.md", render_page(found, float(kinds.shares[label, -1]), data.class_names))


def recipes(runs: Path, dataset: str) -> dict[str, list[RunDirectory]]:
    """Finished runs by their recipe, the shortest training first; named as the run was (--name), or by what sets it
    apart.
    """
    groups: dict[str, list[RunDirectory]] = {}
    done = list(runs_in(runs, system=SYSTEM, dataset=dataset, status="done"))
    if not done:
        raise MissingFileError(
            f"The page is of finished {SYSTEM} runs on {dataset}; {runs} has none. Train some, or name their folder "
            "(--runs)."
        )
    apart = [key for key in done[0].info["config"] if len({str(run.info["config"].get(key)) for run in done}) > 1]
    for run in sorted(done, key=lambda run: (run.info["config"]["steps"], run.info["seeds"]["seed"], run.path.name)):
        config, name = run.info["config"], str(run.info["name"])
        told = recipe_text({key: config[key] for key in dict.fromkeys(["steps", *apart]) if key in config})
        groups.setdefault(told if name == f"{SYSTEM}-{dataset}" else f"{name}: {told}", []).append(run)
    return groups


def recipe(name: str, group: Sequence[RunDirectory], kinds: Styles, label: int, keep: Path) -> Recipe:
    trained, courses = [], []
    for run in group:
        shelf = f"seed {run.info['seeds']['seed']} of {name} {str(run.info['recipe'])[:8]}".replace("`", "")
        trained.append(at_its_end(run, shelf, kinds, label, keep))
        courses.append(course(run, str(run.info["dataset"]), keep / shelf))
    return Recipe(name, trained, courses)


def at_its_end(run: RunDirectory, name: str, kinds: Styles, label: int, keep: Path) -> Trained:
    """What the last samples of a run score: also of a run whose network today's code no longer opens."""
    last = image_set(str(read_run(run.path).samples[-1].path))
    images, labels = last.array(), np.asarray(last.labels)
    row = measure_row(name, str(run.info["dataset"]), lambda: (images, labels), keep)
    return Trained(run.info, row, images, labels, rare_share(kinds, images, labels, label))


def render_page(found: Sequence[Recipe], share: float, classes: Sequence[str]) -> str:
    first = found[0].trained[0].row
    parts = [
        _opening(found),
        _bars(found, share),
        (
            "After +- one standard error within a training (CAS, recall, coverage, GAN-test of one set of images), in "
            "brackets what is short of the bar. Bars are those of trainings of "
            f"{MINUTES:.0f} CPU-minutes with 10,000 fakes; CAS of fewer images is lower, that of real ones too."
        ),
        *_luck(found),
        "## The hardest classes",
        _hardest(found, classes),
        "## While they trained",
        "![GAN-test, recall and coverage against CPU-minutes](tried.svg)",
        (
            "One line a training, its samples of every stage against 2,000 test images, "
            f"from {LOWEST} up; dotted: the bar."
        ),
        "## How it was made",
        _making(found),
    ]
    n = first.whole.fake.n
    return render_document(
        "What was tried for the lost styles",
        "tried --runs RUNS",
        parts,
        said=f"GAN-test and CAS are of {n:,} fakes, recall and coverage of {first.equal.fake.n:,} against "
        f"{first.equal.real.n:,} test images.",
    )


def _opening(found: Sequence[Recipe]) -> str:
    count = sum(len(one.trained) for one in found)
    best = min(found, key=_distance)
    return (
        f"{len(found)} recipes, {count} trainings, all that were finished. The best ({best.name}) is short of the "
        f"{len(BARS)} bars of quality by {_distance(best):.3f} in all, the mean of its {len(best.trained)} trainings. "
        "[The style that was lost](styles.md) tells what the bars are for."
    )


def _distance(recipe: Recipe) -> float:
    """What its trainings are short of the bars, all bars together; their mean."""
    return fmean(max(0.0, bar - one.values()[name]) for one in recipe.trained for name, bar in BARS.items()) * len(BARS)


def _records(one: Trained) -> dict[str, ScoreRecord]:
    """The numbers of the bars that have an error of their own."""
    row = one.row
    return {
        "CAS": row.whole["gan_train"],
        f"recall (k = {K})": row.equal["recall"],
        f"coverage (k = {K})": row.equal["coverage"],
        "GAN-test": row.whole["classifier_score"],
    }


def _bars(found: Sequence[Recipe], share: float) -> str:
    heads = ["recipe", "seed", "CPU-minutes", *(f"{name}, >= {bar}" for name, bar in BARS.items())]
    heads.append(f"rare style, {share:.3f} +- {POINTS}")
    rows = []
    for one in found:
        for trained in one.trained:
            cells = [_cell(trained, name, bar) for name, bar in BARS.items()]
            short = max(0.0, abs(trained.rare - share) - POINTS)
            seed, minutes = str(trained.info["seeds"]["seed"]), f"{trained.minutes:.1f}"
            rows.append([one.name, seed, minutes, *cells, f"{trained.rare:.3f}{_short(short)}"])
    return markdown_table(heads, rows)


def _cell(one: Trained, name: str, bar: float) -> str:
    value, record = one.values()[name], _records(one).get(name)
    error = f" +- {record.se:.4f}" if record is not None and record.se is not None else ""
    return f"{value:.4f}{error}{_short(max(0.0, bar - value))}"


def _short(distance: float) -> str:
    return f" ({distance:.4f} short)" if distance > 0 else ""


def _luck(found: Sequence[Recipe]) -> list[str]:
    """For every recipe with more than one seed: what is the seed's doing, as `ganeval luck` parts it."""
    parts = []
    for one in found:
        if len(one.trained) < 2:
            continue
        rows = []
        for name, bar in BARS.items():
            records = [_records(trained).get(name) for trained in one.trained]
            if all(record is not None for record in records):
                rows.append(_luck_row(name, bar, _parted([record for record in records if record is not None])))
        heads = ("", "bar", "mean over trainings", "sd of training", "95 %", "sd of samples", "short by")
        parts += [f"## Luck: {one.name}", markdown_table(heads, rows)]
    return parts


def _parted(records: Sequence[ScoreRecord]) -> Components:
    return components([[float(record.value or 0)] for record in records], [[record.se] for record in records])


def _luck_row(name: str, bar: float, part: Components) -> list[str]:
    low, high = (math.sqrt(max(0.0, end)) for end in part.training_interval)
    spread = f"{math.sqrt(max(0.0, part.training)):.4f}"
    samples = f"{math.sqrt(part.sampling):.4f}"
    short = f"{bar - part.mean:.4f}" if part.mean < bar else "met"
    return [name, f">= {bar}", f"{part.mean:.4f} +- {part.se:.4f}", spread, f"{low:.4f} to {high:.4f}", samples, short]


def _hardest(found: Sequence[Recipe], classes: Sequence[str]) -> str:
    """The classes whose real images are learnt worst from the fakes, mean over the trainings of a recipe."""
    rows = []
    for one in found:
        each = [trained.row.whole["gan_train"].details["recall"] for trained in one.trained]
        mean = {int(key): float(np.mean([float(recall[key]) for recall in each])) for key in each[0]}
        worst = sorted(mean, key=lambda key: mean[key])[:FEW]
        rows.append([one.name, ", ".join(f"{classes[key]}: {percent(mean[key])}" for key in worst)])
    return markdown_table(("recipe", "CAS, worst classes"), rows)


def picture(found: Sequence[Recipe]) -> bytes:
    """A panel a number, a line a training; colours are recipes. SVG, the same bytes for the same numbers."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "ganeval", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 3.4), layout="constrained")
        panels = figure.subplots(1, len(CURVES))
        for panel, (key, (name, bar)) in zip(panels, CURVES.items(), strict=True):
            for index, one in enumerate(found):
                for number, (trained, points) in enumerate(zip(one.trained, one.courses, strict=True)):
                    minutes = [step / trained.info["step"] * trained.minutes for step, _ in points]
                    said = one.name.replace("`", "") if number == 0 else None
                    panel.plot(minutes, [_at(e, key) for _, e in points], ".-", color=f"C{index}", lw=1, label=said)
            panel.axhline(bar, color="grey", ls=":", lw=1)
            panel.set(title=name, xlabel="CPU-minutes", ylim=(LOWEST, 1.005))
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=7)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _at(evaluation: Evaluation, key: str) -> float:
    return float(evaluation[key].value or 0)


def _making(found: Sequence[Recipe]) -> str:
    said = []
    for one in found:
        info: Mapping[str, Any] = one.trained[0].info
        made = info["environment"]
        said.append(
            f"- {one.name}: {info['images']:,} images of `{info['trained_on']}` seen, torch {made['torch']}, "
            f"{made['threads']} thread, {made.get('processor') or made['machine']}; {recipe_text(info['config'])}"
        )
    judge = found[0].trained[0].row.whole.classifier
    said.append(f"- judge and features: `{judge}`; images and metrics with seed {SEED}; measured on {machine()}")
    return "\n".join(said)
