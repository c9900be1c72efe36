"""Spread inside a class: MS-SSIM (Odena et al. 2017, arXiv:1610.09585) and embedding distance, beside the real pairs.

Both average over disjoint random pairs of images that were asked for with one label (of any images, where there are no
labels), so pairs are independent and the standard error is the plain one. Neither orders generators by itself: ten
memorised images a class can look as varied as real data; read them with recall and coverage.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional as F

from ganeval.errors import TooFewSamplesError, UndefinedError
from ganeval.features import Features
from ganeval.metric import metric
from ganeval.numerics.order import canonical_order
from ganeval.pair import Pair
from ganeval.scores import Score

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003, one per scale, finest first
WINDOW, SIGMA = 11, 1.5
K1, K2 = 0.01, 0.03
PAIRS_AT_ONCE = 2048


@metric(
    "ms_ssim",
    better="lower",
    perfect=None,
    version=1,
    paper="arXiv:1610.09585",
    question="diversity",
    needs=("pixels",),
)
def ms_ssim(pair: Pair, *, pairs: int = 5000) -> Score:
    """Mean multi-scale structural similarity of random pairs of fakes of one class: high means they look alike.

    As many scales as keep the smaller side at 11 pixels or more (28 x 28: two), with Wang's weights renormalised;
    a Gaussian window of 11 pixels, sigma 1.5, valid borders. `details` has the value of real pairs and the per-class means.

    Returns: about [0, 1], 1 = all images equal. Compare with `details["real"]`, not with 0.
    Standard error: of the mean over disjoint pairs. Bias: none in n.
    Differs from TensorFlow's: negative contrast terms are clipped to 0; window shrinks to the side on images under 11 px.
    """
    return _spread(pair, pairs, _similarity)


@metric("embedding_spread", better="higher", perfect=None, version=1, paper="arXiv:1801.03924", question="diversity")
def embedding_spread(pair: Pair, *, pairs: int = 5000) -> Score:
    """Mean Euclidean distance between embeddings of random pairs of fakes of one class, over that of real pairs.

    Returns: [0, inf), 1 where fakes of a class are as far apart as real ones. `details` has both means.
    Standard error: delta method for the ratio of two independent means of disjoint pairs.
    Bias: none in n to first order. A weak measure by design: ten images a class can score near 1.

    >>> rows = torch.tensor([[0.0], [1.0], [0.0], [1.0]])
    >>> float(embedding_spread(Pair(Features.given(2 * rows), Features.given(2 * rows))))
    1.0
    """
    assert pair.real is not None
    fake, _, _ = _mean_over_pairs(pair.fake, pairs, pair.seed, _distance)
    real, _, _ = _mean_over_pairs(pair.real, pairs, pair.seed, _distance)
    if real[0] == 0:
        raise UndefinedError("Real images of a class all have one embedding; there is no distance to compare with.")
    ratio = fake[0] / real[0]
    se = math.hypot(fake[1], ratio * real[1]) / real[0]
    return Score(ratio, se=se, n=len(pair.fake), details={"fake": fake[0], "real": real[0]})


Pairwise = Callable[[Features, torch.Tensor, torch.Tensor], torch.Tensor]


def _spread(pair: Pair, pairs: int, measure: Pairwise) -> Score:
    (value, se), by_class, _ = _mean_over_pairs(pair.fake, pairs, pair.seed, measure)
    details: dict[str, object] = {"by_class": by_class}
    if pair.real is not None and pair.real.images is not None:
        (real, real_se), real_by_class, _ = _mean_over_pairs(pair.real, pairs, pair.seed, measure)
        details |= {"real": real, "real_se": real_se, "real_by_class": real_by_class}
    return Score(value, se=se, n=len(pair.fake), details=details)


def _mean_over_pairs(
    features: Features, pairs: int, seed: int, measure: Pairwise
) -> tuple[tuple[float, float], dict[str, float], int]:
    """((mean, se), class -> mean, number of pairs) over disjoint random pairs within classes."""
    left, right, label = _disjoint_pairs(features, pairs, seed)
    chunks = [
        measure(features, a, b) for a, b in zip(left.split(PAIRS_AT_ONCE), right.split(PAIRS_AT_ONCE), strict=True)
    ]
    values = torch.cat(chunks).double().cpu().numpy()
    if len(values) < 2:
        raise TooFewSamplesError("Spread needs at least two pairs of one class; generate 4 images of a class or more.")
    by_class = {str(int(c)): float(values[label == c].mean()) for c in np.unique(label)}
    return (float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))), by_class, len(values)


def _disjoint_pairs(features: Features, pairs: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Rows (left, right) of at most `pairs` disjoint pairs of one label each, and the label of each pair.

    Rows are taken in the order of a random projection, not of the file, so row order does not matter.
    """
    labels = np.zeros(len(features), dtype=np.int64) if features.labels is None else features.labels.cpu().numpy()
    order = canonical_order(features.embeddings, seed)
    rng = np.random.default_rng(seed)
    left, right, label = [], [], []
    for c in np.unique(labels):
        rows = order[labels[order] == c]
        rows = rows[rng.permutation(len(rows))]
        half = len(rows) // 2
        left.append(rows[:half])
        right.append(rows[half : 2 * half])
        label.append(np.full(half, c))
    a, b, c = np.concatenate(left), np.concatenate(right), np.concatenate(label)
    chosen = np.sort(rng.permutation(len(a))[:pairs])
    return torch.from_numpy(a[chosen]), torch.from_numpy(b[chosen]), c[chosen]


def _distance(features: Features, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    rows = features.embeddings.double() if features.embeddings.device.type != "mps" else features.embeddings
    return (rows[left.to(rows.device)] - rows[right.to(rows.device)]).norm(dim=1)


def _similarity(features: Features, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    assert features.images is not None
    a, b = (features.images.take(rows.numpy()).array() for rows in (left, right))
    return multiscale_ssim(torch.from_numpy(a), torch.from_numpy(b))


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
    window = _window(min(WINDOW, *x.shape[-2:]))

    def blur(image: torch.Tensor) -> torch.Tensor:
        c = image.shape[1]
        rows = F.conv2d(image, window.reshape(1, 1, -1, 1).expand(c, 1, -1, 1), groups=c)
        return F.conv2d(rows, window.reshape(1, 1, 1, -1).expand(c, 1, 1, -1), groups=c)

    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    structure = (2 * cov + K2**2) / (vx + vy + K2**2)
    luminance = (2 * mx * my + K1**2) / (mx * mx + my * my + K1**2)
    return structure.mean(dim=(1, 2, 3)), (luminance * structure).mean(dim=(1, 2, 3))


def _window(size: int) -> torch.Tensor:
    offsets = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
    weights = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    return weights / weights.sum()
