"""Missing and invented modes: what is named in sets with a known fault, and how often where there is none.

Real and "fake" rows are disjoint parts of Hoda's test split, whose images no network here was trained on. Faults are
put into the fakes. A fault is *named* when a mode of the right side consists of it: more than half of its rows on that
side are those that the fault took away or put in. Beside it stands the comparison of arXiv:2405.02700 with a null of
its own: the largest eigenvalue of the difference of two covariances of random Fourier features, among exchanges of the
sides.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from ganeval.core.files import write_atomic
from ganeval.features.extraction import extract
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.metrics.missing import FALSE_ALARM, Mode, found_modes
from ganeval.numerics.intervals import wilson
from ganeval.numerics.order import shuffled_sides
from studies.page import RESULTS, machine, markdown_table, render_document

EYES = {"hoda": "the classifier's embedding, 64-d", "pixels": "pixels, 784-d"}
CLASS, SIX, FOREIGN, COPIES, KEPT = 3, 6, 0.03, 0.01, 1 / 14  # 14 % of the sixes become 1 %
FREQUENCIES, EXCHANGES = 32, 99
Rows = NDArray[np.int64]
Fault = Callable[["Pool", Rows, Rows, np.random.Generator], tuple[Rows, Rows]]


class Pool:
    """Every image by number, as one eye sees it; foreign ones stand behind the real ones."""

    def __init__(self, eye: str) -> None:
        sets = image_set("hoda:test"), image_set("mnist:test").take(np.arange(2000))
        own, other = (extract(images, eye) for images in sets)
        self.images = np.concatenate([images.array() for images in sets])
        self.count, self.labels = len(own), np.concatenate([_labels(own), _labels(other)])
        self.rows = torch.cat([own.embeddings, other.embeddings])
        self.style = np.zeros(len(self.rows), bool)
        sixes = np.flatnonzero(_labels(own) == SIX)
        self.style[sixes[_style(image_set("hoda:test").take(sixes).array())]] = True

    def pair(self, real: Rows, fake: Rows, seed: int) -> Pair:
        return Pair(*(self.features(rows) for rows in (real, fake)), seed=seed)

    def features(self, rows: Rows) -> Features:
        seen = Features.given(self.rows[rows], labels=self.labels[rows])
        return replace(seen, images=ImageSet.from_array(self.images[rows]))


def main(
    *,
    out: Path = RESULTS,
    healthy: tuple[int, ...] = (200, 100),
    repeats: int = 10,
    first: int = 100,
    sizes: tuple[int, ...] = (500, 2000),
    eyes: tuple[str, ...] = ("hoda",),
) -> Path:
    """Write `out/modes.md`.

    Args:
        out: folder of the page.
        healthy: pairs of sets without a fault, of each size.
        repeats: pairs of sets with each fault, of each size and eye.
        first: seed of the first pair; on those of 0 to 19 the searches were chosen.
        sizes: images of a set.
        eyes: the extractors: hoda, pixels.
    """
    command = (
        f"modes --healthy {' '.join(map(str, healthy))} --repeats {repeats} --first {first} "
        f"--sizes {' '.join(map(str, sizes))}"
    )
    lines: list[Sequence[str]] = []
    for eye in eyes:
        pool = Pool(eye)
        for n, pairs in zip(sizes, healthy, strict=True):
            for line in _lines(pool, n, pairs, repeats, first):
                lines.append((EYES[eye], f"{n:,}", *line))
                write_atomic(out / "modes.md", _page(lines, command, first))  # what an interrupted study leaves
    return out / "modes.md"


def _lines(pool: Pool, n: int, healthy: int, repeats: int, first: int) -> Iterator[Sequence[str]]:
    for name, fault in FAULTS.items():
        runs = healthy if fault is nothing else repeats
        seen = named = eigen = 0
        started = time.process_time()
        for seed in range(first, first + runs):
            rng = np.random.default_rng([seed, n])
            order = rng.permutation(pool.count)
            real, fake, made_of = order[:n], order[n : 2 * n].copy(), np.empty(0, np.int64)
            if fault is not nothing:
                fake, made_of = fault(pool, fake, order[2 * n :], rng)
            modes = found_modes(pool.pair(real, fake, seed))
            seen += bool(modes)
            named += any(_consists(mode, real, fake, made_of) for mode in modes)
            eigen += _eigenvalue_alarm(pool, real, fake, seed) if seed < first + repeats else 0
        seconds = (time.process_time() - started) / runs
        shares = [
            _share(seen, runs),
            "" if fault is nothing else _share(named, runs),
            _share(eigen, min(runs, repeats)),
        ]
        yield (name, *shares, f"{seconds:.1f}")


def nothing(pool: Pool, fake: Rows, rest: Rows, rng: np.random.Generator) -> tuple[Rows, Rows]:  # noqa: ARG001
    """Both sets are of one distribution."""
    return fake, np.empty(0, np.int64)


def half_a_class(pool: Pool, fake: Rows, rest: Rows, rng: np.random.Generator) -> tuple[Rows, Rows]:  # noqa: ARG001
    own = np.flatnonzero(pool.labels[fake] == CLASS)
    own = own[: len(own) // 2]
    fake[own] = rest[pool.labels[rest] != CLASS][: len(own)]
    return fake, np.flatnonzero(pool.labels == CLASS)


def lost_style(pool: Pool, fake: Rows, rest: Rows, rng: np.random.Generator) -> tuple[Rows, Rows]:
    own = np.flatnonzero(pool.style[fake])
    own = own[rng.random(len(own)) > KEPT]
    fake[own] = rest[(pool.labels[rest] == SIX) & ~pool.style[rest]][: len(own)]
    return fake, np.flatnonzero(pool.style)


def foreign(pool: Pool, fake: Rows, rest: Rows, rng: np.random.Generator) -> tuple[Rows, Rows]:  # noqa: ARG001
    count = round(FOREIGN * len(fake))
    fake[:count] = pool.count + rng.choice(len(pool.rows) - pool.count, count, replace=False)
    return fake, fake[:count]


def copies(pool: Pool, fake: Rows, rest: Rows, rng: np.random.Generator) -> tuple[Rows, Rows]:  # noqa: ARG001
    fake[: round(COPIES * len(fake))] = fake[0]
    return fake, fake[:1]


FAULTS: dict[str, Fault] = {
    "class 3 at half its share": half_a_class,
    "a style of six at 1/14 of its share": lost_style,
    "3 % are MNIST's": foreign,
    "1 % are one image": copies,
    "none": nothing,
}


def _consists(mode: Mode, real: Rows, fake: Rows, made_of: Rows) -> bool:
    rows = real[mode.real] if mode.side == "missing" else fake[mode.fake]
    return bool(np.isin(rows, made_of).mean() > 0.5)


def _style(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The sixes that look like a Latin 7: the smallest of three clusters on 20 main components."""
    rows = images.reshape(len(images), -1) / 255
    rows = rows - rows.mean(axis=0)
    axes = np.linalg.eigh(rows.T @ rows)[1][:, -20:]
    cluster = KMeans(3, random_state=0).fit_predict(rows @ axes)
    return cluster == np.bincount(cluster).argmin()


def _eigenvalue_alarm(pool: Pool, real: Rows, fake: Rows, seed: int) -> bool:
    """Whether the largest absolute eigenvalue is above all those of 99 exchanges: a false alarm of 1 %."""
    x = torch.cat([pool.rows[real], pool.rows[fake]]).double()
    g = torch.Generator().manual_seed(seed)
    width = torch.pdist(x[torch.randperm(len(x), generator=g)[:500]]).median() / 2
    wave = x @ torch.randn(x.shape[1], FREQUENCIES, generator=g, dtype=torch.float64) / width
    phi = torch.cat([wave.cos(), wave.sin()], dim=1) / FREQUENCIES**0.5
    values = []
    for sides in shuffled_sides(len(real), len(fake), EXCHANGES, seed).T:
        weight = torch.where(sides, -1 / len(fake), 1 / len(real)).double()
        values.append(float(torch.linalg.eigvalsh(phi.T @ (weight[:, None] * phi)).abs().max()))
    return values[0] > max(values[1:])


def _labels(features: Features) -> Rows:
    assert features.labels is not None
    return features.labels.cpu().numpy()


def _share(count: int, of: int) -> str:
    low, high = wilson(count, of)
    return f"{count} of {of} [{low:.0%}, {high:.0%}]"


def _page(lines: Sequence[Sequence[str]], command: str, first: int) -> str:
    heads = (
        "network",
        "n of each set",
        "fault",
        "something is shown",
        "the fault is named",
        "largest eigenvalue",
        "CPU s",
    )
    said = (
        f"On {machine()}; seeds {first} ... of each line; brackets: 95 %. Promised false alarm: {FALSE_ALARM:.0%}. A "
        "line that is not there was not run to its end."
    )
    return render_document("Missing and invented modes", command, [_legend(), markdown_table(heads, lines)], said=said)


def _legend() -> str:
    return (__doc__ or "").partition("\n\n")[2].strip() + (
        "\n\nThe style is the sixes written like a Latin 7 (16 % of the sixes by three clusters of k-means on 20 main "
        "components); its loss is put in by hand, because no samples of a trained generator are kept with the project."
    )
