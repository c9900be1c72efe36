"""Spread inside a class: MS-SSIM (Odena et al. 2017, arXiv:1610.09585) and embedding distance, beside the real pairs.

Both average over disjoint random pairs of images that were asked for with one label (of any images, where there are no
labels), so pairs are independent and the standard error is the plain one. Neither orders generators by itself: ten
memorised images a class can look as varied as real data; read them with recall and coverage.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch.nn import functional as F

from ganeval.core.options import Within
from ganeval.errors import UndefinedError
from ganeval.features.extraction import Features
from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.pairing import PairMean, mean_over_pairs
from ganeval.records.scores import Score

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003, one per scale, finest first
WINDOW, SIGMA = 11, 1.5
K1, K2 = 0.01, 0.03


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
    rows = features.embeddings.double() if features.embeddings.device.type != "mps" else features.embeddings

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


def multiscale_ssim(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """MS-SSIM of image pairs, uint8 (n, c, h, w) each -> (n,); scales as far as the smaller side allows.

    >>> x = torch.arange(784, dtype=torch.uint8).reshape(1, 1, 28, 28)
    >>> float(multiscale_ssim(x, x))
    1.0
    """
    x, y = a.float() / 255, b.float() / 255
    scales = max(
        1, min(len(WEIGHTS), int(math.log2(min(a.shape[-2:]) / WINDOW)) + 1 if min(a.shape[-2:]) >= WINDOW else 1)
    )
    weights = torch.tensor(WEIGHTS[:scales], dtype=torch.float32) / sum(WEIGHTS[:scales])
    product = torch.ones(len(a))
    for scale in range(scales):
        structure, whole = _ssim(x, y)
        last = scale == scales - 1
        product *= (whole if last else structure).clamp(min=0) ** weights[scale]
        x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
    return product


def _ssim(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(contrast-structure, SSIM), each (n,): means over pixels and channels of maps with values in [-1, 1]."""
    down, across = (_blur_matrix(side, min(WINDOW, *x.shape[-2:])) for side in x.shape[-2:])

    def blur(image: torch.Tensor) -> torch.Tensor:
        return down @ image @ across.T

    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    structure = (2 * cov + K2**2) / (vx + vy + K2**2)
    luminance = (2 * mx * my + K1**2) / (mx * mx + my * my + K1**2)
    return structure.mean(dim=(1, 2, 3)), (luminance * structure).mean(dim=(1, 2, 3))


def _blur_matrix(side: int, size: int) -> torch.Tensor:
    """(side - size + 1, side): a Gaussian window of `size` at every place where it fits.

    As a matrix, because a convolution of single channels took most of the time of the metric at 28 pixels.
    """
    offsets = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
    weights = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    window = weights / weights.sum()
    return torch.stack([F.pad(window, (i, side - size - i)) for i in range(side - size + 1)])
