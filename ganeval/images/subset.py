"""Some of a set's images, drawn with a seed; with labels, each class keeps its share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.core.options import checked_whole
from ganeval.errors import TooFewSamplesError
from ganeval.images.imageset import ImageSet


def checked_count(n: Any, name: str = "n") -> int:
    """A number of images, 1 or more.

    >>> checked_count(np.int64(5))
    5
    """
    return checked_whole(n, name, 1)


def checked_seed(seed: Any) -> int:
    return checked_whole(seed, "seed", 0)


def subset(images: ImageSet, n: int, seed: int) -> ImageSet:
    """n images in their old order; asking for more than there are is an error, asking for all returns the set
    itself.
    """
    require_share(n, len(images), images.source)
    if n == len(images):
        return images
    return images.take(stratified_rows(images.labels, len(images), n, seed), source=f"{images.source}#{n}")


def require_share(n: int, total: int, source: str) -> None:
    """Raise where n images cannot be chosen among `total`."""
    if n > total:
        raise TooFewSamplesError(f"{n} images of {source} were asked for; it holds {total}. Pass another n.")


def stratified_rows(labels: NDArray[np.int64] | None, total: int, n: int, seed: int) -> NDArray[np.int64]:
    """n sorted row numbers; class counts are the exact shares rounded by largest remainder.

    >>> stratified_rows(np.array([0, 0, 0, 0, 1, 1]), 6, 3, seed=0).shape
    (3,)
    """
    rng = np.random.default_rng(seed)
    if labels is None:
        return np.sort(rng.permutation(total)[:n])
    classes, counts = np.unique(labels, return_counts=True)
    share = counts * n / total
    take = np.floor(share).astype(np.int64)
    take[np.argsort(take - share, kind="stable")[: n - int(take.sum())]] += 1
    rows = [rng.permutation(np.flatnonzero(labels == c))[:k] for c, k in zip(classes, take, strict=True)]
    return np.sort(np.concatenate(rows))
