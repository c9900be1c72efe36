"""Images x extractor -> `Statistics` without rows: for sets of any size, in memory that does not grow with it."""

from __future__ import annotations

from dataclasses import replace

from ganeval.core.compute import HERE, Compute
from ganeval.core.extractor import Extractor
from ganeval.errors import guarded
from ganeval.features.extraction import passport_of, ready
from ganeval.features.seeing import see_moments
from ganeval.features.statistics import Statistics
from ganeval.images.imageset import ImageSet
from ganeval.numerics.settings import undisturbed


@undisturbed()
@guarded
def stream(
    images: ImageSet, extractor: str | Extractor, *, precision: str = "fp32", compute: Compute = HERE
) -> Statistics:
    """The moments of what the network makes of each image, in one pass; nothing is kept of any single image.

    Parameters as of `extract`. Memory: a few batches and O(d^2), whatever n is. The moments are those of all rows at
    once to 1e-10. Nothing is read from the cache or written to it.

    >>> import numpy as np
    >>> four = ImageSet.from_array(np.arange(16, dtype=np.uint8).reshape(4, 1, 2, 2))
    >>> found = stream(four, "pixels")
    >>> found.n, found.rows is None, [round(255 * value, 6) for value in found.moments.mean.tolist()]
    (4, True, [6.0, 7.0, 8.0, 9.0])
    """
    alone = replace(compute, cache=False)  # nobody asks whose rows they are
    network, place, ranks, batch, _ = ready(images, extractor, precision, alone)
    found, verdicts = see_moments(images, network, place, batch, ranks, compute)
    moments = found["embeddings"]
    passport = passport_of(images, network, precision, len(moments.mean))
    return Statistics(passport, moments, found.get("spatial"), verdicts=verdicts)
