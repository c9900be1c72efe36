"""LPIPS diversity: how different images of one class look to VGG16 (Zhang et al. 2018, arXiv:1801.03924).

Used for diversity since BicycleGAN (Zhu et al. 2017, arXiv:1711.11586, section 5): the mean perceptual distance of
random pairs. Conventions differ in network (VGG16 here, AlexNet in BicycleGAN and StarGAN v2), in what is held fixed
(here the label; there the input image) and in size (no resizing here): only values of one protocol may be compared.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import torch

from ganeval.core.options import Within
from ganeval.extractors.perceptual import Lpips, load_lpips
from ganeval.features.matched import pixel_batches
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics import metric
from ganeval.numerics.pairing import PairMean, mean_over_pairs
from ganeval.records.scores import Score

PAIRS_AT_ONCE = 64  # 28 x 28: 50 MB of feature maps


@metric(
    "lpips",
    better="target",
    perfect=None,
    version=1,
    paper="arXiv:1801.03924",
    question="diversity",
    within=(0, math.inf),
    needs=("pixels",),
    slow=True,
)
def lpips(pair: Pair, *, pairs: Annotated[int, Within(2, 1_000_000)] = 1000) -> Score:
    """Mean perceptual distance (LPIPS 0.1, VGG16) of random disjoint pairs of fakes asked for with one label.

    Without labels all fakes are one class. `details`: the same mean of real pairs with its error, the ratio to it with
    its error, the means by class of both, and the weights' SHA-256. The target is the ratio 1: as varied as real
    images.

    Returns: [0, inf), unitless; 0 when all images of a class are equal. Not bounded by the real value: noise is varied.
    Standard error: of the mean over disjoint pairs; of the ratio by the delta method. Bias: none in n.
    A weak measure by design: ten memorised images a class can score like real data. Read it with recall and coverage.
    Needs: images, and published weights (553 MB) that are fetched once; so it only runs when asked for.
    Raises: MissingFileError without them (`ms_ssim` and `embedding_spread` work offline); WrongInputError for images
    under 16 pixels; TooFewSamplesError below two pairs.
    """
    network = pair.once("lpips network", load_lpips).to(pair.fake.embeddings.device)
    fake = _distance(network, pair.fake, pairs, pair.seed)
    details: dict[str, Any] = {"by_class": fake.by_class, "pairs": fake.pairs, "weights": network.weights_sha256}
    if pair.real is not None and pair.real.images is not None:
        details |= _beside_real(fake, _distance(network, pair.real, pairs, pair.seed))
    return Score(fake.mean, se=fake.se, n=len(pair.fake), details=details)


@metric(
    "lpips_paired",
    better="lower",
    perfect=0.0,
    version=1,
    paper="arXiv:1801.03924",
    question="paired",
    least_n=15,
    within=(0, math.inf),
    needs=("real", "pixels", "real_pixels", "paired"),
    slow=True,
)
def lpips_paired(pair: Pair) -> Score:
    """Perceptual distance (LPIPS 0.1, VGG16) of each image and the one it should be, averaged over pairs.

    Returns: [0, inf), unitless; 0 for identical pairs.
    Bias: none in n.
    Standard error: of the mean over pairs.
    per_sample: distance. details: the weights' SHA-256.
    Needs: images, and published weights (553 MB) that are fetched once; so it only runs when asked for.
    Raises: MissingFileError without them (`ssim` works offline); WrongInputError for images under 16 pixels.
    """
    network = pair.once("lpips network", load_lpips).to(pair.fake.embeddings.device)
    batches = pixel_batches(pair, PAIRS_AT_ONCE)
    distances = np.concatenate([network(a, b).double().cpu().numpy() for a, b in batches])
    return Score.from_influence(
        float(distances.mean()), distances, "distance", details={"weights": network.weights_sha256}
    )


def _distance(network: Lpips, features: Features, pairs: int, seed: int) -> PairMean:
    images = features.images
    assert images is not None

    def measure(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        a, b = (images.take(rows.numpy()).array() for rows in (left, right))
        return network(torch.from_numpy(a), torch.from_numpy(b))

    return mean_over_pairs(features.embeddings, features.labels, measure, pairs=pairs, seed=seed, at_once=PAIRS_AT_ONCE)


def _beside_real(fake: PairMean, real: PairMean) -> dict[str, Any]:
    baseline: dict[str, Any] = {"real": real.mean, "real_se": real.se, "real_by_class": real.by_class}
    if real.mean == 0:
        return baseline | {"ratio": None, "ratio_why": "all real images of a class are equal"}
    ratio = fake.mean / real.mean
    return baseline | {"ratio": ratio, "ratio_se": math.hypot(fake.se, ratio * real.se) / real.mean}
