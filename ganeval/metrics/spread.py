"""Spread inside a class: MS-SSIM (Odena et al. 2017, arXiv:1610.09585) and embedding distance, beside the real pairs.

Both average over disjoint random pairs of images that were asked for with one label (of any images, where there are no
labels), so pairs are independent and the standard error is the plain one. Neither orders generators by itself: ten
memorised images a class can look as varied as real data; read them with recall and coverage.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch

from ganeval.core.options import Within
from ganeval.errors import UndefinedError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics import metric
from ganeval.numerics.pairing import PairMean, mean_over_pairs
from ganeval.numerics.similarity import multiscale_ssim
from ganeval.records.scores import Score


@metric(
    "ms_ssim",
    better="target",
    perfect=None,
    version=1,
    paper="arXiv:1610.09585",
    question="diversity",
    within=(0, 1),
    needs=("pixels",),
)
def ms_ssim(pair: Pair, *, pairs: Annotated[int, Within(2, 1_000_000)] = 5000) -> Score:
    """Mean multi-scale structural similarity of random pairs of fakes of one class: high means they look alike.

    As many scales as keep the smaller side at 11 pixels or more (28 x 28: two), with Wang's weights renormalised;
    a Gaussian window of 11 pixels, sigma 1.5, valid borders. `details` has the value of real pairs and the per-class
    means.

    Returns: [0, 1], 1 = all images equal. The target is `details["real"]`: shuffled labels, garbage, noise and warps
    make images less alike, which is no improvement.
    Standard error: of the mean over disjoint pairs. Bias: none in n.
    Differs from TensorFlow's: negative contrast terms are clipped to 0; window shrinks to the side on images under 11
    px.
    """
    fake = _similarity(pair.fake, pairs, pair.seed)
    details: dict[str, object] = {"by_class": fake.by_class}
    if pair.real is not None and pair.real.images is not None:
        real = _similarity(pair.real, pairs, pair.seed)
        details |= {"real": real.mean, "real_se": real.se, "real_by_class": real.by_class}
    return Score(fake.mean, se=fake.se, n=len(pair.fake), details=details)


@metric(
    "embedding_spread",
    better="target",
    perfect=None,
    version=1,
    paper="arXiv:1801.03924",
    question="diversity",
    within=(0, math.inf),
)
def embedding_spread(pair: Pair, *, pairs: Annotated[int, Within(2, 1_000_000)] = 5000) -> Score:
    """Mean Euclidean distance between embeddings of random pairs of fakes of one class, over that of real pairs.

    Returns: [0, inf), target 1: fakes of a class as far apart as real ones. Above it lie shuffled labels, garbage,
    noise and warps, which are varied too. `details` has both means.
    Standard error: of the mean over disjoint pairs of fakes, the real pairs held fixed. Measured on two real
    embeddings (n = 500): 0.9 to 1.25 times the truth.
    Bias: none in n to first order. A weak measure by design: ten images a class can score near 1.

    >>> rows = torch.tensor([[0.0], [1.0], [0.0], [1.0]])
    >>> float(embedding_spread(Pair(Features.given(2 * rows), Features.given(2 * rows))))
    1.0
    """
    real = _distance(pair.require_real(), pairs, pair.seed)
    fake = _distance(pair.fake, pairs, pair.seed)
    if real.mean == 0:
        raise UndefinedError("Real images of a class all have one embedding; there is no distance to compare with.")
    return Score(
        fake.mean / real.mean, se=fake.se / real.mean, n=len(pair.fake), details={"fake": fake.mean, "real": real.mean}
    )


def _distance(features: Features, pairs: int, seed: int) -> PairMean:
    rows = features.embeddings.double()

    def measure(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        return (rows[left.to(rows.device)] - rows[right.to(rows.device)]).norm(dim=1)

    return mean_over_pairs(features.embeddings, features.labels, measure, pairs=pairs, seed=seed)


def _similarity(features: Features, pairs: int, seed: int) -> PairMean:
    images = features.images
    assert images is not None

    def measure(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        a, b = (images.take(rows.numpy()).array() for rows in (left, right))
        return multiscale_ssim(torch.from_numpy(a), torch.from_numpy(b))

    return mean_over_pairs(features.embeddings, features.labels, measure, pairs=pairs, seed=seed)
