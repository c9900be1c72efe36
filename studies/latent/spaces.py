"""CIFAR-10 in few dimensions: which of them leave an image's class with its neighbours (Fournier and Aloise 2021).

The founding study's table (after arXiv:2103.04874) done again, with d and k chosen on 5,000 training images that do
not vote while they are chosen for; the test split is opened once, for the choice. Distances are taken in two ways: as
the latents lie (Euclidean, what the study and the paper did), and by angle, that is after centring every latent and
scaling it to length 1. Whatever is fitted here, the labels are used by the vote alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.datasets.dataset import DATASETS, Split
from ganeval.features.rows import Features
from ganeval.metrics.probes.latent_knn import latent_knn, selection_accuracy
from ganeval.records.scores import Score
from ganeval.runs.directory import RunDirectory
from reference_models.plumbing.options import Options
from reference_models.plumbing.system import SYSTEMS, open_codec
from studies.trained import trained

SELECT = 5000  # training images that choose d and k
ISOMAP_SHARE = 10  # Isomap is fitted to one image in so many, as in the study: its memory grows with their square
NEIGHBOURS = 10  # of Isomap's graph
KS = (5, 10, 15, 25, 35, 50)  # the study's candidates
LINEAR = (20, 30, 40, 80)  # dimensions tried of PCA and Isomap
OPTIONS = Options(amp=True, threads=1, grids=2, checkpoints=1, keep_last=1, sample_per_class=100, log_every=100)

Latents = Callable[[NDArray[np.uint8]], NDArray[np.float32]]  # images uint8 (n, c, h, w) -> (n, d)


@dataclass(frozen=True)
class Study:
    """One row of the table: what was published, and the recipes tried here."""

    name: str
    study: float | None  # accuracy of the founding study, percent
    paper: float | None  # of Fournier and Aloise
    system: str = ""
    recipes: tuple[Mapping[str, Any], ...] = ()  # changes of the system's cpu profile


DENSE = {"net": "dense", "batch": 128, "steps": 2300}
AE80 = {**DENSE, "latent": 80}
CONV = {"net": "conv", "batch": 128, "steps": 900, "channels": 16}
VAE50 = {**CONV, "latent": 50}
BETAS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # more weight on the prior: fewer details of the picture in the latent
ROWS = (
    Study("PCA", 41.50, 42.35),
    Study("PCA, whitened", None, None),
    Study("Isomap, 10 % of the data", 27.10, None),
    Study("Isomap, the rest embedded", None, 33.61),
    Study(
        "autoencoder, dense",
        44.91,
        45.77,
        "autoencoder",
        ({**DENSE, "latent": 40}, AE80, {**AE80, "steps": 6000}, {**AE80, "dropout": 0.4}),
    ),
    Study("autoencoder, conv", 42.02, None, "autoencoder", ({**CONV, "latent": 90},)),
    Study("VAE, dense", 43.61, 44.39, "vae", ({**DENSE, "latent": 40}, {**DENSE, "latent": 70})),
    Study("VAE, conv", 43.04, None, "vae", ({**VAE50, "steps": 3000}, *({**VAE50, "beta": b} for b in BETAS))),
)


@dataclass(frozen=True, eq=False)
class Space:
    """One representation of all images: latents of those that vote, choose and report, float32 (n, d)."""

    d: int
    vote: NDArray[np.float32]
    select: NDArray[np.float32]
    report: NDArray[np.float32]
    final: NDArray[np.float32]  # those that vote in the report: also the ones that chose, where they may
    error: float | None = None  # mean squared, of reconstructed test images in [-1, 1]
    run: RunDirectory | None = None

    def first(self, d: int) -> Space:
        """Only the first d dimensions, which for PCA and Isomap is the fit of fewer."""
        cut = {name: getattr(self, name)[:, :d] for name in ("vote", "select", "report", "final")}
        return replace(self, d=d, error=None, **cut)

    def by_angle(self) -> Space:
        """Every latent centred (by the mean of those that vote) and scaled to length 1."""
        mean = self.vote.mean(axis=0)
        turned = {name: unit(getattr(self, name) - mean) for name in ("vote", "select", "report", "final")}
        return replace(self, **turned)


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows (n, d) scaled to Euclidean length 1; a row of zeros stays.

    >>> unit(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32)).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Images:
    """The training split in two parts, and the test split."""

    vote: Split
    select: Split
    report: Split

    @classmethod
    def of(cls, dataset: str, select: int, seed: int) -> Images:
        train = DATASETS[dataset].load("train")
        order = np.random.default_rng([seed, 0x5E1EC7]).permutation(len(train.images))
        vote, chosen = (Split(train.images[rows], train.labels[rows]) for rows in (order[select:], order[:select]))
        return cls(vote, chosen, DATASETS[dataset].load("test"))

    def final_labels(self, rows: int) -> NDArray[np.int64]:
        return np.concatenate([self.vote.labels, self.select.labels])[:rows]


@dataclass(frozen=True, eq=False)
class Chosen:
    """What the selection split chose of one method and one distance, and the one number of the test split."""

    d: int
    selected: Mapping[tuple[int, int], float]  # (d, k) -> accuracy on the selection split, of the best recipe
    score: Score
    space: Space


@dataclass(frozen=True, eq=False)
class Row:
    study: Study
    euclidean: Chosen
    angle: Chosen


def measure_latents(
    runs: Path, *, dataset: str = "cifar10", seed: int = 0, rows: tuple[Study, ...] = ROWS, select: int = SELECT
) -> tuple[Images, list[Row]]:
    """Train what is not yet trained below `runs`, choose, and measure every row of the table."""
    images = Images.of(dataset, select, seed)
    found = []
    for row in rows:
        spaces = list(spaces_of(row, images, runs, dataset, seed))
        found.append(Row(row, choose(images, spaces), choose(images, [space.by_angle() for space in spaces])))
    return images, found


def choose(images: Images, spaces: list[Space]) -> Chosen:
    """The (d, k) that the selection split likes best; only then a look at the test split."""
    tables = []
    for space in spaces:
        labels = images.vote.labels[: len(space.vote)]
        vote, select = _features(space.vote, labels), _features(space.select, images.select.labels)
        tables.append(selection_accuracy(vote, select, ks=KS))
    best = max(range(len(spaces)), key=lambda i: max(tables[i].values()))
    k = max(tables[best], key=lambda k: tables[best][k])
    space = spaces[best]
    final = _features(space.final, images.final_labels(len(space.final)))
    score = latent_knn(final, final, _features(space.report, images.report.labels), ks=(k,))
    selected: dict[tuple[int, int], float] = {}
    for one, table in zip(spaces, tables, strict=True):
        for neighbours, accuracy in table.items():
            selected[one.d, neighbours] = max(accuracy, selected.get((one.d, neighbours), 0.0))
    return Chosen(space.d, selected, score, space)


def _features(rows: NDArray[np.float32], labels: NDArray[np.int64]) -> Features:
    return Features.given(torch.from_numpy(np.ascontiguousarray(rows)), labels=labels)


def spaces_of(row: Study, images: Images, runs: Path, dataset: str, seed: int) -> Iterator[Space]:
    """The representations among which d is chosen."""
    if row.name.startswith("PCA"):
        yield from _pca(images, whiten="whitened" in row.name)
    elif row.name.startswith("Isomap"):
        yield from _isomap(images, whole="embedded" in row.name)
    for recipe in row.recipes:
        config = replace(SYSTEMS[row.system].profile("cpu"), **recipe)
        yield encoded(trained(runs, row.system, dataset, config, seed, OPTIONS), images)


def _pca(images: Images, *, whiten: bool) -> Iterator[Space]:
    from sklearn.decomposition import PCA

    d = min(max(LINEAR), len(images.vote.images), images.vote.images[0].size)
    pca = PCA(d, whiten=whiten, svd_solver="covariance_eigh").fit(flat(images.vote.images))
    whole = _space(images, lambda part: pca.transform(flat(part)))
    pixels = flat(images.report.images) - pca.mean_
    for size in sorted({min(size, d) for size in LINEAR}):
        axes = np.asarray(pca.components_)[:size]
        error = np.square(pixels - pixels @ axes.T @ axes).mean()
        yield replace(whole.first(size), error=float(error))


def _isomap(images: Images, *, whole: bool) -> Iterator[Space]:
    """The vote is among the images it was fitted to, or (`whole`) among all, embedded out of sample."""
    space = isomap_of(images)
    if not whole:
        fitted = space.vote[: fitted_by_isomap(images)]
        space = replace(space, vote=fitted, final=fitted)
    yield from (space.first(size) for size in sorted({min(size, space.d) for size in LINEAR}))


@lru_cache(maxsize=1)
def isomap_of(images: Images) -> Space:
    """Isomap of the first voting images, a tenth of the training split; all others are embedded out of sample."""
    from sklearn.manifold import Isomap

    few = fitted_by_isomap(images)
    d = min(max(LINEAR), few - 1)
    isomap = Isomap(n_neighbors=NEIGHBOURS, n_components=d)
    fitted = isomap.fit_transform(flat(images.vote.images[:few])).astype(np.float32)

    def embed(part: NDArray[np.uint8]) -> NDArray[np.float32]:
        starts = range(0, len(part), 1000)  # geodesic distances of all at once would not fit in memory
        return np.concatenate([isomap.transform(flat(part[i : i + 1000])) for i in starts]).astype(np.float32)

    vote, select = np.concatenate([fitted, embed(images.vote.images[few:])]), embed(images.select.images)
    return Space(d, vote, select, embed(images.report.images), np.concatenate([vote, select]))


def fitted_by_isomap(images: Images) -> int:
    return (len(images.vote.images) + len(images.select.images)) // ISOMAP_SHARE


def encoded(run: RunDirectory, images: Images) -> Space:
    """The latents of a run, for a VAE the means of its posteriors."""
    codec = open_codec(run.path)
    space = _space(images, codec.encode)
    decoded = codec.decode(space.report).astype(np.float32)
    error = np.square((decoded - images.report.images) / 127.5).mean()
    return replace(space, error=float(error), run=run)


def _space(images: Images, latents: Latents) -> Space:
    vote, select, report = (
        latents(part.images).astype(np.float32) for part in (images.vote, images.select, images.report)
    )
    return Space(vote.shape[1], vote, select, report, np.concatenate([vote, select]))


def flat(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """uint8 (n, c, h, w) -> float32 (n, c h w) in [-1, 1]."""
    return images.reshape(len(images), -1).astype(np.float32) / 127.5 - 1
