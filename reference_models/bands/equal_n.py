"""As many real as generated images, 2,000 where there are so many:
precision and its kin as published comparisons have them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ganeval.images.imageset import ImageSet
from ganeval.measure.functions import evaluate
from ganeval.records.scores import Evaluation

K = 5  # neighbours of precision, recall, density and coverage
PROTOCOL_N = 2000  # real and fake rows of those four
MANIFOLD = ("precision", "recall", "density", "coverage")
OPTIONS = {name: {"k": K} for name in MANIFOLD}


def some(images: ImageSet, n: int, seed: int) -> ImageSet:
    """`n` images drawn without replacement by `seed`, all where there are fewer."""
    rows = np.random.default_rng(seed).permutation(len(images))[:n]
    return images.take(np.sort(rows))


def at_equal_n(
    test: ImageSet, fake: ImageSet, judge: str, metrics: Sequence[str], seed: int, train: str | None = None
) -> Evaluation:
    """As many real as generated images, 2,000 where there are so many."""
    n = min(PROTOCOL_N, len(test), len(fake))
    return evaluate(
        some(test, n, seed),
        some(fake, n, seed),
        classifier=judge,
        train=train,
        metrics=metrics,
        options=OPTIONS,
        seed=seed,
        floor=False,
        cache=False,
    )
