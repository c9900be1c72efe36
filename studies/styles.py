"""The style that was lost: how it is found, what closes it, and what that costs nothing of.

A class may be written in two ways; a generator that knows one of them passes every test that asks for the class. The
page shows what `missing_modes` says of a training without styles, and the same numbers for trainings that ask for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.core.files import write_atomic
from ganeval.errors import MissingFileError, WrongInputError
from ganeval.features.extraction import Features, extract
from ganeval.features.pair import Pair
from ganeval.generators.shipped import WEIGHTS, GeneratorSpec, Shipped
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.metrics.missing import FALSE_ALARM, Mode, found_modes
from ganeval.runs.directory import RunDirectory, encode_png, runs_in, tile
from reference_models.bands.equal_n import PROTOCOL_N, K, some
from reference_models.plumbing.data import to_float
from reference_models.plumbing.loading import load_data
from reference_models.plumbing.styles import Styles
from reference_models.plumbing.system import open_sampler
from studies.headline import MINUTES, SEED, SYSTEM, Row, judged, measure_row
from studies.page import RESULTS, machine, markdown_table, percent, recipe_text, render_document

KINDS = 3  # parts of the class in which the rare style is looked for: the smallest one is that style
POINTS = 0.05  # by which its share may differ from that of the training images
SHOWN, PICTURED = 5, 12  # modes on the page; images of each
BARS = {
    "CAS": 0.975,
    "CAS, worst class": 0.93,
    f"recall (k = {K})": 0.88,
    f"coverage (k = {K})": 0.93,
    "GAN-test": 0.993,
}
Images = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Trained:
    """What was told of a training (as in run.json), images of each class, and what they score."""

    info: Mapping[str, Any]
    row: Row
    images: Images
    labels: NDArray[np.int64]
    rare: float  # share of the rare style among the images of its class

    def values(self) -> dict[str, float]:
        cas = self.row.whole["gan_train"].details["recall"]
        found = self.row.values()
        return {name: min(map(float, cas.values())) if "worst" in name else found[name] for name in BARS}

    @property
    def minutes(self) -> float:
        return float(self.info["cpu_seconds"]) / 60


def main(
    *,
    before: str = "hoda-cgan",
    runs: Path = Path("runs"),
    dataset: str = "hoda",
    label: int = 6,
    out: Path = RESULTS,
    keep: Path = Path("runs/styles"),
    per_class: int = 1000,
    shelf: Path = WEIGHTS,
) -> Path:
    """Write `out/styles.md` and its pictures.

    Args:
        before: a shipped generator without styles.
        runs: folder of finished trainings with styles, the newest of each seed is taken.
        dataset: that all of them were trained on, with a judge of the same name.
        label: the class of the style that was lost.
        out: folder of the page.
        keep: folder of finished evaluations, so that a stopped measurement goes on.
        per_class: images of each class that CAS is trained on.
        shelf: folder of the weights and card of `before`; what was shipped once lies in the history.
    """
    data = load_data(dataset)
    kinds = Styles(data.only([label]), KINDS)
    old = measured_shipped(GeneratorSpec(before, "").load(shelf), dataset, kinds, label, keep, per_class)
    new = [
        measured(run, f"styles, seed {seed}", kinds, label, keep, per_class)
        for seed, run in trainings(runs, dataset).items()
    ]
    test = image_set(f"{dataset}:test")
    real = {
        "training images": (data.images.numpy(), data.labels.numpy()),
        "test images": (test.array(), np.asarray(test.labels)),
    }
    shares = {name: rare_share(kinds, images, labels, label) for name, (images, labels) in real.items()}
    modes = {one.row.name: modes_of(one, test) for one in (old, *new)}
    if modes[old.row.name]:
        write_atomic(out / "styles-modes.png", picture_of_modes(modes[old.row.name], test, old))
    write_atomic(out / "styles.png", picture_of_class([old, *new], label))
    lost = [share_among(mode, test, kinds, label) for mode in modes[old.row.name]]
    return write_atomic(out / "styles.md", render_page(old, new, shares, modes, lost, data.class_names[label]))


def trainings(runs: Path, dataset: str) -> dict[int, RunDirectory]:
    """The newest finished run of each seed that asks for styles, all with the recipe of the newest of all."""
    done = [
        run
        for run in runs_in(runs, system=SYSTEM, dataset=dataset, status="done")
        if run.info["config"].get("styles", 1) > 1
    ]
    alike = [run for run in done if run.info["config"] == done[0].info["config"]]
    if not alike:
        raise MissingFileError(
            f"The page needs finished {SYSTEM} runs on {dataset} with --styles above 1; {runs} has none. Train with "
            "--styles 5 and --seed 0, 1 and 2."
        )
    newest = {int(run.info["seeds"]["seed"]): run for run in reversed(alike)}
    return dict(sorted(newest.items()))


def measured(run: RunDirectory, name: str, kinds: Styles, label: int, keep: Path, per_class: int) -> Trained:
    if run.info["status"] != "done":
        raise WrongInputError(f"{run.path} is {run.info['status']}, not done. Let it train to its end.")
    images, labels = open_sampler(run.path).per_class(per_class, SEED)
    row = measure_row(name, str(run.info["dataset"]), lambda: (images, labels), keep)
    return Trained(run.info, row, images, labels, rare_share(kinds, images, labels, label))


def measured_shipped(shipped: Shipped, dataset: str, kinds: Styles, label: int, keep: Path, per_class: int) -> Trained:
    if shipped.card["recipe"].get("styles", 1) > 1:
        raise WrongInputError(
            f"The page begins with a generator that is told the class alone; {shipped.name} is told styles. Name the "
            "folder of weights of an older one (--shelf)."
        )
    name = f"{shipped.name} of {shipped.card['recipe']['steps']:,} steps"
    labels = np.repeat(np.arange(len(shipped.class_names)), per_class)
    images = image_set(shipped, n=len(labels), labels=labels, seed=SEED).array()
    card = shipped.card
    info = {
        "dataset": dataset,
        "step": card["recipe"]["steps"],
        "cpu_seconds": card["cpu_seconds"],
        "trained_on": card["data"],
        "config": card["recipe"],
        "environment": {"torch": card["trained_with"], "processor": card["measured"]["machine"]},
    }
    row = measure_row(name, dataset, lambda: (images, labels), keep)
    return Trained(info, row, images, labels, rare_share(kinds, images, labels, label))


def rare_share(kinds: Styles, images: Images, labels: NDArray[np.int64], label: int) -> float:
    """The share of the smallest part of a class, as the training images are cut, among these images of it."""
    own = torch.from_numpy(images[labels == label])
    parts = kinds.of(to_float(own), torch.full((len(own),), label)) - label * KINDS
    return float((parts == KINDS - 1).float().mean())


def modes_of(one: Trained, test: ImageSet) -> Sequence[Mode]:
    """Those that are missing before those that are invented, the most improbable first."""
    found = found_modes(Pair(_seen(some(test, PROTOCOL_N, SEED), one), _seen(_fakes(one), one), seed=SEED))
    return sorted(found, key=lambda mode: mode.side != "missing")


def share_among(mode: Mode, test: ImageSet, kinds: Styles, label: int) -> float:
    """The share of the rare style of a class among the real images of a mode, which may be of any class."""
    real = some(test, PROTOCOL_N, SEED)
    labels = np.asarray(real.labels)[mode.real]
    if label not in labels:
        return 0.0
    return rare_share(kinds, real.array()[mode.real], labels, label) * float(np.mean(labels == label))


def _fakes(one: Trained) -> ImageSet:
    return some(ImageSet.from_array(one.images, source=one.row.name, labels=one.labels), PROTOCOL_N, SEED)


def _seen(images: ImageSet, one: Trained) -> Features:
    return extract(images, str(one.info["dataset"]))


def picture_of_modes(modes: Sequence[Mode], test: ImageSet, one: Trained) -> bytes:
    """A line for each of the first modes: the mean of the real images there, which shows none of them, then the fakes
    there.
    """
    real, fake = some(test, PROTOCOL_N, SEED).array(), _fakes(one).array()
    lines = []
    for mode in modes[:SHOWN]:
        blank = np.zeros((PICTURED, *real.shape[1:]), np.uint8)
        mean = real[mode.real].mean(axis=0, keepdims=True).round().astype(np.uint8) if len(mode.real) else blank[:1]
        lines.append(np.concatenate([mean, fake[mode.fake[: PICTURED - 1]], blank])[:PICTURED])
    return encode_png(tile(np.concatenate(lines).repeat(2, axis=2).repeat(2, axis=3), rows=len(lines)))


def picture_of_class(trained: Sequence[Trained], label: int, columns: int = 24) -> bytes:
    """The first images of the class, not chosen, one training a line."""
    lines = [one.images[one.labels == label][:columns] for one in trained]
    return encode_png(tile(np.concatenate(lines).repeat(2, axis=2).repeat(2, axis=3), rows=len(lines)))


def render_page(
    old: Trained,
    new: Sequence[Trained],
    shares: Mapping[str, float],
    modes: Mapping[str, Sequence[Mode]],
    lost: Sequence[float],
    name: str,
) -> str:
    parts = [
        _story(old, new, shares, modes, name),
        "## What `missing_modes` says by itself",
        _modes_table(modes[old.row.name], lost, name),
        "![the modes that were found](styles-modes.png)" if modes[old.row.name] else "",
        (
            "A line a mode, in the order of the table: the mean of the real images there, as Hoda's own are not shown, "
            "then the fakes (dark: none). "
            f"{PROTOCOL_N:,} fakes against as many test images, in the judge's space; promised false alarm "
            f"{FALSE_ALARM:.0%}. "
            f"With styles it names {' / '.join(str(_missing(modes[one.row.name])) for one in new)} missing modes."
        ),
        f"## The class {name} before and after",
        "![the first images of the class](styles.png)",
        f"The first images drawn, from the top: {', '.join(one.row.name for one in (old, *new))}.",
        "## The bars",
        _bars(old, new, shares["training images"]),
        _reach(old, new),
        "## Class by class",
        _classes(old, new),
        "## How it was made",
        _making(old, new),
    ]
    whole, equal = old.row.whole, old.row.equal
    per_class = whole.fake.n // len(whole["classifier_score"].details["classes"])
    return render_document(
        "The style that was lost",
        f"styles --runs RUNS --per-class {per_class} --shelf SHELF",
        parts,
        said=f"SHELF holds the weights of {old.row.name}. GAN-test and CAS are of {whole.fake.n:,} fakes, recall and "
        f"coverage of {equal.fake.n:,} against "
        f"{equal.real.n:,} test images.",
    )


def _story(
    old: Trained, new: Sequence[Trained], shares: Mapping[str, float], modes: Mapping[str, Sequence[Mode]], name: str
) -> str:
    found = _missing(modes[old.row.name])
    real = ", ".join(f"{percent(share)} of the {where}" for where, share in shares.items())
    after = ", ".join(percent(one.rare) for one in new)
    return (
        f"The class {name} is written in two ways; k-means on its main components parts them cleanly. The rare one "
        f"makes {real}, and {percent(old.rare)} of the fakes of a generator that is told the class alone. GAN-test "
        f"says {percent(old.values()['GAN-test'])} all the same: it asks whether an image shows its class, never "
        f"whether all its ways are there. `missing_modes` names {found} neighbourhoods without being told where to "
        f"look. Told the style as well (`--styles`), the generator gives it {after} of the class."
    )


def _missing(modes: Sequence[Mode]) -> int:
    return sum(mode.side == "missing" for mode in modes)


def _modes_table(modes: Sequence[Mode], lost: Sequence[float], name: str) -> str:
    rows = []
    for mode, rare in list(zip(modes, lost, strict=True))[:SHOWN]:
        told = mode.told()
        rows.append(
            [
                mode.side,
                told["where"] or "all",
                percent(told["share_real"]),
                percent(told["share_fake"]),
                f"{told['p']:.4f}",
                percent(rare),
            ]
        )
    titles = ("side", "found inside class", "share of the real images", "share of the fakes", "p")
    return markdown_table((*titles, f"its real images that are the rare {name}"), rows)


def _bars(old: Trained, new: Sequence[Trained], share: float) -> str:
    rows = [
        [name, f"{old.values()[name]:.4f}", f">= {bar}", *judged([one.values()[name] for one in new], bar)]
        for name, bar in BARS.items()
    ]
    away = max(abs(one.rare - share) for one in new)
    said = "met by every training" if away <= POINTS else f"missed by {100 * (away - POINTS):.1f} points"
    rows.append(
        [
            "share of the rare style",
            f"{old.rare:.4f}",
            f"{share:.3f} +- {POINTS}",
            ", ".join(f"{one.rare:.4f}" for one in new),
            said,
        ]
    )
    longest = max(one.minutes for one in new)
    said = "met by every training" if longest <= MINUTES else f"missed by {longest - MINUTES:.1f}"
    rows.append(
        [
            "CPU-minutes of training",
            f"{old.minutes:.1f}",
            f"<= {MINUTES:.0f}",
            ", ".join(f"{one.minutes:.1f}" for one in new),
            said,
        ]
    )
    return markdown_table(("", "before", "bar", "with styles", "verdict"), rows)


def _reach(old: Trained, new: Sequence[Trained]) -> str:
    """What the comparison can bear: how much was trained, and at how many seeds."""
    longest = max(one.minutes for one in new)
    return (
        f"The bars are those of three trainings of {MINUTES:.0f} CPU-minutes, with 10,000 fakes. Here is what "
        f"{len(new)} of {longest:.1f} CPU-minutes ({new[0].info['step']:,} steps) and {old.row.whole.fake.n:,} fakes "
        f"give, beside {old.info['step']:,} steps without styles: what differs but the share of the style may be the "
        "steps' doing. [The headline](headline.md) has three trainings of 10,000 steps without styles, and "
        "[what was tried](tried.md) the recipes that led here."
    )


def _classes(old: Trained, new: Sequence[Trained]) -> str:
    """CAS of each class: where it lies below GAN-test, variety is missing."""
    rows = []
    for index, entry in enumerate(old.row.whole["classifier_score"].details["classes"]):
        learnt = [percent(one.row.whole["gan_train"].details["recall"][str(index)]) for one in (old, *new)]
        rows.append([entry["name"], percent(entry["recall"]), learnt[0], ", ".join(learnt[1:])])
    return markdown_table(("class", "GAN-test, before", "CAS, before", "CAS, with styles"), rows)


def _making(old: Trained, new: Sequence[Trained]) -> str:
    said = []
    for title, one in (("before", old), ("with styles", new[0])):
        info, made = one.info, one.info["environment"]
        said.append(
            f"- {title}: {info['step']:,} steps on `{info['trained_on']}`, {one.minutes:.1f} CPU-minutes, torch "
            f"{made['torch']}, {made.get('processor') or made['machine']}; {recipe_text(info['config'])}"
        )
    seeds = ", ".join(str(one.info["seeds"]["seed"]) for one in new)
    said.append(f"- seeds {seeds}; images and metrics with seed {SEED}; no image of the test split was trained on")
    return "\n".join([*said, f"- judge and features: `{old.row.whole.classifier}`; measured on {machine()}"])
