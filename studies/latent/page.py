"""The page of the latent study: one table, and what the latents of the VAE look like."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganeval.core.files import write_atomic
from ganeval.datasets.dataset import DATASETS
from ganeval.runs.directory import RunDirectory, encode_png, tile
from reference_models.plumbing.system import open_codec, open_sampler
from studies.latent.spaces import (
    ISOMAP_SHARE,
    KS,
    NEIGHBOURS,
    Chosen,
    Images,
    Row,
)
from studies.page import machine, markdown_table, png_of, recipe_text, render_document

CORNERS = (0, 1, 7, 8)  # classes between which the traversal moves: airplane, automobile, horse, ship
SIDE = 9  # images a side of the traversal
SHOWN = 1500  # selection images in the scatter


def write_page(images: Images, rows: Sequence[Row], out: Path, dataset: str, seed: int) -> Path:
    """The page of measured rows, one of which is a VAE's."""
    vae = next(row for row in rows if row.study.system == "vae")
    run = vae.euclidean.space.run
    assert run is not None
    write_atomic(out / "latent.png", render_charts(vae.euclidean, images, DATASETS[dataset].classes))
    write_atomic(out / "latent-traversal.png", render_traversal(run, images))
    write_atomic(out / "latent-samples.png", render_samples(run, seed))
    return write_atomic(out / "latent.md", render_page(rows, vae, images, dataset, seed))


def render_charts(vae: Chosen, images: Images, classes: Sequence[str]) -> bytes:
    """Left: all posterior means against the prior. Right: two principal axes of them, coloured by class."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 4.2), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    means = vae.space.select
    bins = np.linspace(-4, 4, 81)
    left.hist(means.ravel(), bins, density=True, color="#4477aa", label="posterior means, all dimensions")
    left.plot(bins, np.exp(-(bins**2) / 2) / np.sqrt(2 * np.pi), color="#cc3311", label="prior N(0, 1)")
    left.set(xlabel="z", ylabel="density")
    left.legend(frameon=False, fontsize=8, loc="upper left")
    left.set_ylim(0, 1.25 * left.get_ylim()[1])
    places, labels = principal(means)[:SHOWN], images.select.labels[:SHOWN]
    for c, name in enumerate(classes):
        right.scatter(*places[labels == c].T, s=5, label=name, color=f"C{c}")
    right.set(xlabel="first principal axis of z", ylabel="second")
    right.legend(frameon=False, fontsize=7, markerscale=2, loc="center left", bbox_to_anchor=(1, 0.5))
    return png_of(figure)


def principal(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows (n, d) along the two directions in which they vary most, (n, 2)."""
    centred = rows - rows.mean(axis=0)
    return centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T


def render_traversal(run: RunDirectory, images: Images) -> bytes:
    """Decoded latents between those of four images, the first of their classes among the selection images."""
    rows = [int(np.flatnonzero(images.select.labels == c)[0]) for c in CORNERS]
    codec = open_codec(run.path)
    a, b, c, d = codec.encode(images.select.images[rows])
    down, across = np.meshgrid(*[np.linspace(0, 1, SIDE, dtype=np.float32)] * 2, indexing="ij")
    down, across = down.reshape(-1, 1), across.reshape(-1, 1)
    latents = (1 - down) * ((1 - across) * a + across * b) + down * ((1 - across) * c + across * d)
    return encode_png(tile(codec.decode(latents).repeat(2, axis=2).repeat(2, axis=3), rows=SIDE))


def render_samples(run: RunDirectory, seed: int) -> bytes:
    """The decoder at draws from the prior, the first ones."""
    images, _ = open_sampler(run.path).evenly(SIDE, seed)
    return encode_png(tile(images[: 2 * SIDE].repeat(2, axis=2).repeat(2, axis=3), rows=2))


def render_page(rows: Sequence[Row], vae: Row, images: Images, dataset: str, seed: int) -> str:
    said = (
        "Accuracy on the test split of a vote among the k nearest training images in each latent space, in percent "
        f"with 95 % (Wilson) intervals; {len(images.report.labels):,} test images."
    )
    parts = [
        table(rows),
        reading(rows),
        "![posterior means, and their two principal axes by class](latent.png)",
        charts_text(vae.euclidean),
        "![decoded latents between four images](latent-traversal.png)",
        traversal_text([DATASETS[dataset].classes[c] for c in CORNERS]),
        "![images of latents drawn from the prior](latent-samples.png)",
        (
            "Images of the same VAE at latents drawn from the prior, the first ones: colours and a coarse layout, no "
            "edges, as a Gaussian likelihood in few dimensions leaves them. A latent that votes well need not draw "
            "well."
        ),
        "## How it was made",
        making(rows, images, dataset, seed),
    ]
    return render_document(f"{dataset}: what is left of a class in few dimensions", "latent", parts, said=said)


def charts_text(vae: Chosen) -> str:
    spread = vae.space.select.std(axis=0)
    return (
        f"Left: the posterior means of the dense VAE (d = {vae.d}) on the selection images, whose standard deviation "
        f"per dimension is {spread.min():.2f} to {spread.max():.2f}. Where it is below the prior's 1 the width of the "
        "posteriors makes up for it; a dimension near 0 says nothing. Right: the classes lie upon each other in any "
        "two axes. That is no sign of good training, as the founding study took it for, and none of bad training: the "
        "table has the answer."
    )


def traversal_text(names: Sequence[str]) -> str:
    return (
        f"Decoded latents on straight lines between those of four images, the first {', '.join(names[:-1])} and "
        f"{names[-1]} (row by row) of the selection images: not chosen, and all of them decoded."
    )


def reading(rows: Sequence[Row]) -> str:
    """What the table says: distances, then networks."""
    best = max(value for row in rows for value in (row.study.study, row.study.paper) if value is not None)
    above = [row.study.name for row in rows if row.angle.score.interval and 100 * row.angle.score.interval[0] > best]
    gained = [100 * (float(row.angle.score) - float(row.euclidean.score)) for row in rows]
    return (
        "**Euclidean** is what the study and the paper measured. **By angle**: every latent centred and scaled to "
        f"length 1 first, which moves the accuracies by {min(gained):+.1f} to {max(gained):+.1f} points: how long a "
        "latent is, the contrast of the image more than anything, says little about the class and makes neighbours of "
        f"strangers. {len(above)} of the {len(rows)} methods are by angle surely above the best published number of "
        f"the table, {best:.2f}" + (f" ({', '.join(above)})" if above else "") + ". A better reconstruction is not a "
        "better neighbourhood: compare the column of errors with those of accuracies."
    )


def table(rows: Sequence[Row]) -> str:
    heads = ("", "Euclidean (d, k)", "by angle (d, k)", "study", "paper", "reconstruction error", "CPU-s")
    lines = []
    for row in rows:
        space = row.euclidean.space
        seconds = "" if space.run is None else f"{space.run.info['cpu_seconds']:.0f}"
        error = "" if space.error is None else f"{space.error:.4f} (d = {space.d})"
        lines.append(
            (
                row.study.name,
                accuracy(row.euclidean),
                accuracy(row.angle),
                known(row.study.study),
                known(row.study.paper),
                error,
                seconds,
            )
        )
    return markdown_table(heads, lines)


def accuracy(chosen: Chosen) -> str:
    low, high = chosen.score.interval or (float("nan"),) * 2
    return (
        f"**{100 * float(chosen.score):.2f}** [{100 * low:.2f}, {100 * high:.2f}] ({chosen.d}, "
        f"{chosen.score.details['k']})"
    )


def known(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def making(rows: Sequence[Row], images: Images, dataset: str, seed: int) -> str:
    total, select = len(images.vote.labels) + len(images.select.labels), len(images.select.labels)
    chosen = (
        f"d and k were chosen on {select:,} images of the training split while the other {total - select:,} voted; "
        f"then all {total:,} voted on the test split, once for each number above. k from {', '.join(map(str, KS))}"
    )
    fitted = (
        "PCA was fitted to the voting images; the networks saw the training split without labels, less some images "
        "that the session holds out, so also most selection images, which may favour a d but cannot touch the test "
        "split"
    )
    isomap = (
        f"Isomap: {NEIGHBOURS} neighbours, fitted to {total // ISOMAP_SHARE:,} images, all others embedded out of "
        "sample. In its first row the fitted images alone vote, as in the study; in its second all do"
    )
    error = "reconstruction error: mean squared, of values in [-1, 1], on the test split, at the Euclidean d"
    measured = (
        f"seed {seed}; {machine()}. Where the copy of {dataset} is lossy (JPEG) numbers differ "
        "slightly from those of the lossless set"
    )
    lines = [chosen, fitted, isomap, error, measured, *(f"{row.study.name}: {tried(row)}" for row in rows)]
    return "\n".join(f"- {line}" for line in lines)


def tried(row: Row) -> str:
    """The best accuracy on the selection split for every d, and the recipe of the network that was chosen."""
    found = []
    for name, chosen in (("Euclidean", row.euclidean), ("by angle", row.angle)):
        best: dict[int, float] = {}
        for (d, _), a in chosen.selected.items():
            best[d] = max(a, best.get(d, 0.0))
        found.append(f"{name} " + ", ".join(f"{100 * a:.1f} % (d = {d})" for d, a in best.items()))
    run = row.euclidean.space.run
    recipe = "" if run is None else f"; recipe: {recipe_text(run.info['config'])}"
    several = f"; chosen of {len(row.study.recipes)} recipes" if len(row.study.recipes) > 1 else ""
    return "on the selection images " + "; ".join(found) + several + recipe
