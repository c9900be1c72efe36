"""Two cheap generators, each with a large pool of images that a judge has embedded once.

`pca` draws a digit's 30 main components from the Gaussian of its class and paints the image back: blurred, and it never
leaves its ellipsoid. `warp` bends real test images by a random affine map: sharp, and close to the data. Image i is of
class i mod 10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from ganeval.core.compute import Compute
from ganeval.features.cache import read_tensors, write_tensors
from ganeval.features.extraction import extract
from ganeval.features.rows import Features
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet

CHUNK = 5000
COMPONENTS = 30
CLASSES = 10
Images, Labels = NDArray[np.uint8], NDArray[np.int64]
Paint = Callable[[Images, int, np.random.Generator], Images]  # real images of one class, how many -> fakes


@dataclass(frozen=True)
class World:
    """One real embedding: fixed reference, training and held-out rows, and the pool of a generator's fakes."""

    name: str
    real: Features
    train: Features
    pool: Features


def world(data: str, generator: str, *, pool: int, real: int, kept: Path) -> World:
    """mnist or hoda seen by its own judge; `real` rows of the test split are the reference,
    the rest is not used twice.
    """
    judge, rng = data, np.random.default_rng(0)
    test, train = image_set(f"{data}:test"), image_set(f"{data}:train")
    order = rng.permutation(len(test))
    reference = extract(test.take(np.sort(order[:real])), judge, compute=Compute(cache=False, progress=False))
    seen = train.take(np.sort(rng.permutation(len(train))[:real]))
    source = test.take(np.sort(order[real:])) if generator == "warp" else train
    fakes = _pool(source, judge, generator, pool, kept, f"{data}-{generator}-{pool}")
    name = f"{data}, {generator}"
    return World(
        name, _bare(reference), _bare(extract(seen, judge, compute=Compute(cache=False, progress=False))), fakes
    )


def _pool(source: ImageSet, judge: str, generator: str, n: int, kept: Path, key: str) -> Features:
    stored = read_tensors(kept, key)
    wanted = n if stored is None else CLASSES  # the passport of what is kept comes from a few fresh images
    images, labels, rng = source.array(), np.asarray(source.labels), np.random.default_rng(1)
    parts = []
    for start in range(0, wanted, CHUNK):
        asked = np.arange(start, min(wanted, start + CHUNK)) % CLASSES
        fakes = np.empty((len(asked), *images.shape[1:]), np.uint8)
        for c in range(CLASSES):
            fakes[asked == c] = PAINTERS[generator](images[labels == c], int((asked == c).sum()), rng)
        parts.append(
            extract(
                ImageSet.from_array(fakes, source=key, labels=asked),
                judge,
                compute=Compute(cache=False, progress=False),
            )
        )
    if stored is None:
        stored = {name: torch.cat([getattr(p, name) for p in parts]) for name in ("embeddings", "logits", "labels")}
        write_tensors(kept, key, stored)
    passport = replace(parts[0].passport, n=len(stored["labels"]), fingerprint="")
    return replace(_bare(parts[0]), passport=passport, **stored)


def _bare(features: Features) -> Features:
    return replace(features, images=None)


def pca(images: Images, n: int, rng: np.random.Generator) -> Images:
    rows = images.reshape(len(images), -1)[:5000].astype(np.float64)
    _, scale, axes = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    scale = scale[:COMPONENTS] / np.sqrt(len(rows) - 1)
    drawn = rows.mean(0) + (rng.normal(size=(n, len(scale))) * scale) @ axes[:COMPONENTS]
    return drawn.round().clip(0, 255).astype(np.uint8).reshape(n, *images.shape[1:])


def warp(images: Images, n: int, rng: np.random.Generator) -> Images:
    chosen = torch.from_numpy(images[rng.integers(len(images), size=n)]).float()
    bent = torch.eye(2).expand(n, 2, 2) + torch.from_numpy(rng.normal(0, 0.12, (n, 2, 2))).float()
    maps = torch.cat([bent, torch.from_numpy(rng.normal(0, 0.05, (n, 2, 1))).float()], dim=2)
    grid = F.affine_grid(maps, list(chosen.shape), align_corners=False)
    return F.grid_sample(chosen, grid, align_corners=False).round().clamp(0, 255).to(torch.uint8).numpy()


PAINTERS: dict[str, Paint] = {"pca": pca, "warp": warp}
