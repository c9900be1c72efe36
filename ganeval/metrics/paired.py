"""Image i against the image it should be: squared error, PSNR and structural similarity, one value per pair.

For autoencoders, super-resolution, and one generator exported, quantised, compiled or on other hardware. Values of
single pairs are averaged, never pooled, so that each image counts once, errors are those of a mean and a rule can look
at the worst images. A protocol must say that its sets are pairs (`paired`); nothing here runs by itself on two loose
sets.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.features.matched import of_each_pair, pixel_batches
from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.similarity import multiscale_ssim
from ganeval.numerics.similarity import ssim as structural_similarity
from ganeval.records.scores import Score

NEEDS = ("real", "pixels", "real_pixels", "paired")
WHITE = 255.0
WORST = 20  # pairs listed in the details


@metric(
    "mse",
    better="lower",
    perfect=0.0,
    version=1,
    paper="doi:10.1109/MSP.2008.930649",
    question="paired",
    least_n=15,
    within=(0, 1),
    needs=NEEDS,
)
def mse(pair: Pair) -> Score:
    """Mean squared error between each image and the one it should be, of grey levels from 0 to 1.

    The mean over pairs of the mean over pixels and channels; summed in whole numbers, so exact.

    Returns: [0, 1]; 0 for identical pairs. Levels run from 0 to 1: of levels up to 255 it would be 65,025 times larger.
    Bias: none in n.
    Standard error: of the mean over pairs.
    per_sample: error. details: of_shuffled, the value over that of all pairs of different images, with its error: 0 for
    identical pairs, 1 where the partner says nothing; worst (pairs [row, error]); identical (how many pairs).

    >>> import ganeval
    >>> ramps = np.arange(128, dtype=np.uint8).reshape(2, 8, 8)
    >>> float(ganeval.mse(ramps, ramps + np.uint8(51)))
    0.04
    """
    errors = _errors(pair)
    ratio = _over_shuffled(pair, errors)
    details: dict[str, Any] = {**ratio, "identical": int((errors == 0).sum()), "worst": _worst(-errors)}
    return Score.from_influence(float(errors.mean()), errors, "error", details=details)


@metric(
    "psnr",
    better="higher",
    perfect=None,
    version=1,
    paper="doi:10.1109/ICPR.2010.579",
    question="paired",
    least_n=15,
    within=(0, math.inf),
    needs=NEEDS,
)
def psnr(pair: Pair) -> Score:
    """Peak signal-to-noise ratio in decibels, 10 log10(1 / squared error), averaged over pairs.

    A pair without any difference, whose ratio would be infinite, counts as one whose one value is off by one level:
    20 log10(255) + 10 log10(c h w), 77.1 dB for 28 x 28 grey pixels. `details["identical"]` counts them.

    Returns: [0, inf), in dB; 30 to 50 is usual for lossy compression.
    Bias: none in n.
    Standard error: of the mean over pairs.
    per_sample: decibels. details: pooled, the ratio of the mean squared error, with its error by the delta method;
    worst (pairs [row, decibels]).
    Differs from torchmetrics, whose default is the pooled one: a few bad images weigh more there.

    >>> import ganeval
    >>> ramps = np.arange(128, dtype=np.uint8).reshape(2, 8, 8)
    >>> round(float(ganeval.psnr(ramps, ramps + np.uint8(51))), 4)
    13.9794
    """
    errors = _errors(pair)
    images = pair.fake.images
    assert images is not None
    least = 1 / (WHITE**2 * math.prod(images.shape))
    decibels = -10 * np.log10(np.maximum(errors, least)) + 0.0
    details: dict[str, Any] = {"identical": int((errors == 0).sum()), "worst": _worst(decibels)}
    if errors.mean() > 0:
        slope = 10 / math.log(10) / errors.mean()
        pooled = Score.from_influence(-10 * math.log10(errors.mean()), slope * errors)
        details |= {"pooled": float(pooled), "pooled_se": pooled.se}
    return Score.from_influence(float(decibels.mean()), decibels, "decibels", details=details)


@metric(
    "ssim",
    better="higher",
    perfect=1.0,
    version=1,
    paper="doi:10.1109/TIP.2003.819861",
    question="paired",
    least_n=15,
    within=(-1, 1),
    needs=NEEDS,
)
def ssim(pair: Pair) -> Score:
    """Structural similarity of each image and the one it should be, averaged over pairs.

    Means, variances and covariance in a Gaussian window of 11 pixels, sigma 1.5, at every place where it fits.

    Returns: [-1, 1]; 1 for identical pairs.
    Improved by: nothing that makes an image worse; blind to a shift of hue of the same brightness pattern per channel.
    Bias: none in n.
    Standard error: of the mean over pairs.
    per_sample: similarity. details: worst (pairs [row, similarity]).
    Differs from scikit-image's default in the window; equals its `gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False`.
    """
    return _similarity(pair, structural_similarity)


@metric(
    "ms_ssim_paired",
    better="higher",
    perfect=1.0,
    version=1,
    paper="doi:10.1109/ACSSC.2003.1292216",
    question="paired",
    least_n=15,
    within=(0, 1),
    needs=NEEDS,
)
def ms_ssim_paired(pair: Pair) -> Score:
    """Multi-scale structural similarity of each image and the one it should be, averaged over pairs.

    As many scales as keep the smaller side at 11 pixels or more (28 x 28: two), Wang's weights renormalised. `ms_ssim`
    is the same similarity between fakes, a measure of spread.

    Returns: [0, 1]; 1 for identical pairs.
    Bias: none in n.
    Standard error: of the mean over pairs.
    per_sample: similarity. details: worst (pairs [row, similarity]).
    """
    return _similarity(pair, multiscale_ssim)


def _similarity(pair: Pair, measure: Any) -> Score:
    values = of_each_pair(pair, measure)
    return Score.from_influence(float(values.mean()), values, "similarity", details={"worst": _worst(values)})


def _errors(pair: Pair) -> NDArray[np.float64]:
    """Mean squared error of each pair, (n,), levels from 0 to 1."""
    return pair.once("squared errors", lambda: of_each_pair(pair, _squared_error))


def _squared_error(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    gaps = (a.to(torch.int32) - b.to(torch.int32)).square().flatten(1)
    return gaps.sum(dim=1).double() / (gaps.shape[1] * WHITE**2)


def _over_shuffled(pair: Pair, errors: NDArray[np.float64]) -> dict[str, float]:
    """The mean error over that of all pairs of different images, and its error; {} where those are all equal, and of
    one pair.

    The divisor is a U-statistic, mean |r_i - f_j|^2 over i != j, found from sums alone; row i moves it by its mean
    distance to the fakes and to the reals.
    """
    n, size = len(errors), 0
    if n < 2:
        return {}
    sums, squares = [torch.zeros(1), torch.zeros(1)], [0.0, 0.0]
    for batch in pixel_batches(pair):
        rows = [images.flatten(1).double() / WHITE for images in batch]
        size = rows[0].shape[1]
        sums = [total + part.sum(dim=0) for total, part in zip(sums, rows, strict=True)]
        squares = [total + float(part.square().sum()) for total, part in zip(squares, rows, strict=True)]
    means = [total / n for total in sums]
    everything = (squares[0] + squares[1]) / n - 2 * float(means[0] @ means[1])
    shuffled = (n * everything / size - float(errors.mean())) / (n - 1)
    if shuffled <= 0:
        return {}
    moved = np.concatenate(
        [_mean_distances(batch, means, squares, n) / size for batch in pixel_batches(pair)]
    )  # of row i to all others, both ways
    ratio = float(errors.mean()) / shuffled
    influence = (errors - ratio * moved) / shuffled
    return {"of_shuffled": ratio, "of_shuffled_se": float(influence.std(ddof=1)) / math.sqrt(n)}


def _mean_distances(batch: Any, means: Any, squares: Any, n: int) -> NDArray[np.float64]:
    rows = [images.flatten(1).double() / WHITE for images in batch]
    far = [
        part.square().sum(dim=1) + squares[1 - side] / n - 2 * part @ means[1 - side] for side, part in enumerate(rows)
    ]
    return (far[0] + far[1]).numpy()


def _worst(values: NDArray[np.float64]) -> list[list[float]]:
    """The rows with the smallest values, smallest first, each with its size."""
    order = np.argsort(values, kind="stable")[:WORST]
    return [[int(row), abs(float(values[row]))] for row in order]
