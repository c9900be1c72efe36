"""Structural similarity of two images: SSIM (Wang et al. 2004, doi:10.1109/TIP.2003.819861) and MS-SSIM (Wang et al.
2003).

A Gaussian window of 11 pixels, sigma 1.5, only where it fits; K1 = 0.01, K2 = 0.03; the mean over places and channels.
Where implementations differ: scikit-image's default is a uniform window of 7 pixels and the sample covariance
(`gaussian_weights=True, sigma=1.5, use_sample_covariance=False` gives this one); torchmetrics mirrors the borders and
counts places there too (their inner places are these).
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003, one per scale, finest first
WINDOW, SIGMA = 11, 1.5
K1, K2 = 0.01, 0.03


def ssim(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """SSIM of image pairs, uint8 (n, c, h, w) each -> (n,) float64 in [-1, 1]; sides under 11 pixels shrink the window.

    >>> x = torch.arange(784, dtype=torch.uint8).reshape(1, 1, 28, 28)
    >>> float(ssim(x, x))
    1.0
    """
    return _ssim(a.double() / 255, b.double() / 255)[1]


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
    down, across = (_blur_matrix(side, min(WINDOW, *x.shape[-2:]), x.dtype) for side in x.shape[-2:])

    def blur(image: torch.Tensor) -> torch.Tensor:
        return down @ image @ across.T

    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    structure = (2 * cov + K2**2) / (vx + vy + K2**2)
    luminance = (2 * mx * my + K1**2) / (mx * mx + my * my + K1**2)
    return structure.mean(dim=(1, 2, 3)), (luminance * structure).mean(dim=(1, 2, 3))


def _blur_matrix(side: int, size: int, dtype: torch.dtype) -> torch.Tensor:
    """(side - size + 1, side): a Gaussian window of `size` at every place where it fits.

    As a matrix, because a convolution of single channels took most of the time of the metric at 28 pixels.
    """
    offsets = torch.arange(size, dtype=dtype) - (size - 1) / 2
    weights = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    window = weights / weights.sum()
    return torch.stack([F.pad(window, (i, side - size - i)) for i in range(side - size + 1)])
