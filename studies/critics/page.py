"""The page of the critics, in Markdown, from measured numbers alone; every judgement on it is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from ganeval.records.scores import Evaluation, Score, ScoreRecord
from ganeval.runs.directory import tile
from reference_models.bands.equal_n import MANIFOLD, K
from reference_models.plumbing.sizes import SMALL
from studies.critics import trainings as critics
from studies.critics.trainings import Judged, Stacks
from studies.page import machine, markdown_table, recipe_text, render_document

PICTURED, ENLARGED = 20, 3  # images of each kind; screen pixels for one of theirs
PUBLISHED = (  # (what, modes, reverse KL) on stacked MNIST, as their authors counted
    ("RpGAN + R1 + R2 (R3GAN, arXiv:2501.05441)", "1000", "0.0781"),
    ("GAN + R1 + R2 (the same)", "693", "0.9270"),
    ("PacDCGAN2 (arXiv:1712.04086, table 2)", "1000", "0.06"),
    ("DCGAN (the same)", "99", "3.40"),
)


def render_page(
    compared: Mapping[str, Judged],
    real: Evaluation,
    prototypes: Mapping[float, Sequence[Judged]],
    stacks: Mapping[str, Stacks],
) -> str:
    names = ", ".join(f"`{name}`" for name in compared)
    parts = [
        f"## One generator, four discriminators ({critics.COMPARED_ON})",
        (
            f"The same generator and trunk of the discriminator, about five CPU-minutes of training each: {names}. "
            "Budgets are equal in time, not in steps, so a system that needs five critic steps for one of the "
            "generator gets fewer."
        ),
        f"![the first {PICTURED} images drawn from each, one row a system: {', '.join(compared)}](critics.png)",
        _compared(compared, real),
        _gaps(compared),
        _reading(compared),
        f"## The price of a heavy class head ({critics.PROTOTYPES_ON})",
        _prototypes(prototypes),
        _prototype_reading(prototypes),
        (
            "![one row a class: left the light, right the heavy classification loss, the first images drawn, first "
            "seed](critics-prototypes.png)"
        ),
        f"## A thousand modes ({', '.join(stacks)})",
        _modes(stacks),
        _mode_reading(stacks),
        f"![the first stacks drawn, {next(iter(stacks))}](critics-stacks.png)",
        "## How they were made",
        _making([*compared.values(), *(run for runs in prototypes.values() for run in runs), *stacks.values()]),
    ]
    said = "After +- stands one standard error, in brackets a 95 % interval."
    return render_document("Critics, class heads and pairs", "critics", parts, said=said)


def _compared(compared: Mapping[str, Judged], real: Evaluation) -> str:
    keys = ("fid", "kid", *MANIFOLD)
    rows = [
        [
            f"`{name}`",
            f"{j.info['step']:,}",
            f"{j.info['images']:,}",
            f"{j.info['cpu_seconds']:.0f}",
            *(str(j.equal[key]) for key in keys),
        ]
        for name, j in compared.items()
    ]
    rows.append(["training images", "", "", "", *(str(real[key]) for key in keys)])
    heads = ("", "generator steps", "real images seen", "CPU-seconds", *keys)
    return markdown_table(heads, rows) + (
        f"\n\n{real.fake.n:,} generated against {real.real.n:,} test images; features `{real.fake.extractor}` (so "
        f"`fid` is a Frechet distance in that space, not the Inception FID), k = {K}. No generator here knows classes, "
        "so GAN-test and CAS do not exist for them; and no critic has an accuracy."
    )


def _gaps(compared: Mapping[str, Judged]) -> str:
    rows = []
    for name, j in compared.items():
        gap = next(curve for tag, curve in j.run.curves.items() if tag.endswith("/gap"))
        early, late = gap.values[max(0, len(gap.values) // 10 - 1)], gap.values[-1]
        rows.append([f"`{name}`", f"{early:.3g}", f"{late:.3g}", _constraint(j)])
    return (
        "What the critics say of themselves, E D(real) - E D(fake), in units that differ from one to the next:\n\n"
        + markdown_table(("", "gap at a tenth of the way", "gap at the end", "constraint at the end"), rows)
    )


def _constraint(j: Judged) -> str:
    last = {tag: curve.values[-1] for tag, curve in j.run.curves.items()}
    if "critic/clipped" in last:
        return f"{100 * last['critic/clipped']:.0f} % of the weights at the bound"
    if "critic/penalty" in last:
        return f"(slope - 1)^2 is {last['critic/penalty']:.3f}"
    return f"R1 {last['r1']:.3g}, R2 {last['r2']:.3g}" if "r2" in last else "spectral norm, by construction"


def _reading(compared: Mapping[str, Judged]) -> str:
    clip = compared["wgan_clip"].equal
    others = [j.equal for name, j in compared.items() if name != "wgan_clip"]
    found = []
    for key in ("recall", "coverage"):
        mine, best = clip[key], max((e[key] for e in others), key=lambda record: record.value or 0)
        found.append(f"{key} {mine} against {best} of the best other")
    clear = all(_below(clip[key], e[key]) for key in ("recall", "coverage") for e in others)
    verdict = (
        "The clipped critic lost variety here, as one that is too simple to ask for more does"
        if clear
        else "The loss of variety that clipping is known for is not more than two standard errors in both columns here"
    )
    luck = (
        "One training of each: the errors are those of the images, so this is said of these trainings; of the recipes "
        "it takes several of each ([luck](../luck.md))."
    )
    return f"{verdict}: {'; '.join(found)}. Nothing in the curve of its gap says so. {luck}"


def _below(mine: ScoreRecord, theirs: ScoreRecord) -> bool:
    """By more than two standard errors of the difference."""
    return (theirs.value or 0) - (mine.value or 0) > 2 * float(np.hypot(mine.se or 0, theirs.se or 0))


def _prototypes(prototypes: Mapping[float, Sequence[Judged]]) -> str:
    keys = ("classifier_score", "gan_train", "recall", "coverage", "intra_recall", "precision")
    rows = [[f"{weight:g}", *(_over_seeds(runs, key) for key in keys)] for weight, runs in prototypes.items()]
    first = next(iter(prototypes.values()))[0].whole
    floors = [record.floor for record in (first[key] for key in keys)]
    ceiling = first["gan_train"].details.get("ceiling")
    real = ["" if floor is None else f"{floor.value:.3f}" for floor in floors]
    real[1] = "" if ceiling is None else f"{ceiling:.3f}"
    heads = (
        "weight of the classification loss",
        "GAN-test",
        "CAS",
        *(f"{key} (k = {K})" if key != "precision" else key for key in keys[2:]),
    )
    return markdown_table(heads, [*rows, ["real images", *real]])


def _over_seeds(runs: Sequence[Judged], key: str) -> str:
    values = _values(runs, key)
    return f"{values.mean():.3f} ({', '.join(f'{value:.3f}' for value in values)})"


def _values(runs: Sequence[Judged], key: str) -> NDArray[np.float64]:
    return np.array([j.whole[key].value for j in runs], float)


def _prototype_reading(prototypes: Mapping[float, Sequence[Judged]]) -> str:
    (light, a), (heavy, b) = prototypes.items()
    changes = []
    for key, name in (
        ("classifier_score", "GAN-test"),
        ("gan_train", "CAS"),
        ("recall", "recall"),
        ("intra_recall", "recall within classes"),
        ("coverage", "coverage"),
    ):
        change = _values(b, key) - _values(a, key)
        low, high = paired_interval(change)
        changes.append(f"{name} {change.mean():+.3f} [{low:+.3f}, {high:+.3f}]")
    return (
        f"From weight {light:g} to {heavy:g}: {', '.join(changes)}; means over {len(a)} seeds, in brackets 95 % "
        "intervals of their differences seed by seed (Student). GAN-test asks whether each image is recognised, and "
        "the class head is paid for just that; what it costs is to be read in the columns beside it. The two weights "
        "were picked among four (0.2, 1, 5, 30) by scores on this test split with the first seed, and the class head "
        "learns from real images alone: with generated ones in it, as in the paper, recall fell as well but GAN-test "
        "did not rise in shorter trials."
    )


def paired_interval(changes: NDArray[np.float64]) -> tuple[float, float]:
    """95 % of the mean change, from changes seed by seed.

    >>> [round(end, 3) for end in paired_interval(np.array([0.1, 0.2, 0.3]))]
    [-0.048, 0.448]
    """
    n = len(changes)
    reach = student.ppf(0.975, n - 1) * changes.std(ddof=1) / np.sqrt(n)
    return float(changes.mean() - reach), float(changes.mean() + reach)


def _modes(stacks: Mapping[str, Stacks]) -> str:
    rows = []
    for name, found in stacks.items():
        rows += [[f"`{name}`, step {step:,}", *_count(score)] for step, score in found.course]
        rows.append([f"**`{name}`, end, new images**", *_count(found.modes)])
        rows.append([f"`{name}`, test digits", *_count(found.real)])
    table = markdown_table(("", "images", "modes captured", "modes touched", "reverse KL (nats)"), rows)
    published = markdown_table(
        ("published, stacked MNIST (28 x 28)", "modes", "reverse KL"), [list(row) for row in PUBLISHED]
    )
    return f"{table}\n\n{published}"


def _count(score: Score) -> list[str]:
    return [
        f"{score.n:,}",
        f"{float(score):.0f} of 1,000",
        f"{score.details['naive']}",
        f"{score.details['reverse_kl']:.3f}",
    ]


def _mode_reading(stacks: Mapping[str, Stacks]) -> str:
    real = " and ".join(sorted({f"{float(found.real):.0f}" for found in stacks.values()}))
    seen = "; ".join(
        f"`{name}` {found.info['images']:,} stacks in {found.info['cpu_seconds'] / 60:.1f} CPU-minutes"
        for name, found in stacks.items()
    )
    return (
        "*Touched* is the count that is usually published: modes with at least one image. A judge that errs invents "
        "some of them, so *captured* are those with more images than its errors explain (1 % over all modes together); "
        f"stacks of real digits, read by the same judge, reach {real} by that rule. The published rows are counts of "
        "the first kind, each read by a classifier of its authors. The reverse KL is of counts to uniform: in few "
        "images it is above 0 even for a perfect generator, by about 999 / 2n; and 5,000 images, five a mode, are too "
        f"few to be sure of every mode. Trained on: {seen}; PacGAN on 6,400,000 stacks."
    )


def _making(all_of: list[Judged | Stacks]) -> str:
    lines = []
    for j in all_of:
        info, made = j.info, j.info["environment"]
        lines.append(
            f"- `{info['system']}` on `{info['trained_on']}`, seed {info['seeds']['seed']}: {info['step']:,} steps, "
            f"{info['images']:,} real images, {info['cpu_seconds']:.0f} CPU-seconds, torch {made['torch']}, one "
            f"thread, {', '.join(key for key in ('amp', 'channels_last') if info['options'][key])}; "
            f"{recipe_text(info['config'])}"
        )
    return "\n".join([*lines, f"- measured on {machine()}"])


def render_picture(images: NDArray[np.uint8], rows: int) -> NDArray[np.uint8]:
    """Tiles with a frame of one pixel around each image: the digits fill their 8 x 8.
    Larger ones are left as they are.
    """
    framed = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    factor = ENLARGED if images.shape[-1] < SMALL else 1
    return np.kron(tile(framed, rows), np.ones((factor, factor, 1), np.uint8))


def by_class(runs: Sequence[Judged]) -> NDArray[np.uint8]:
    """One row a class; the halves of a row are the first images of either run, which lie in class order."""
    each = PICTURED // 2
    images = [j.images.reshape(10, -1, *j.images.shape[1:])[:, :each] for j in runs]
    return np.concatenate(images, axis=1).reshape(-1, *images[0].shape[2:])
