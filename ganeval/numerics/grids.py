"""Traces of storage: what rounding of grey levels and of JPEG leaves in single images.

JPEG rounds the cosine transform of every 8 x 8 block (ITU-T T.81, annex A.3.3) to multiples of a table's entry, so that
small coefficients become 0; reading rounds pixels to whole numbers, which brings back less than 1. Quantisation to few
bits leaves few grey levels. Both are told by counting, not by how strong a band is, so that nothing hides them.
"""

from __future__ import annotations

import math

import torch

BLOCK = 8
SMALL = 1.0  # of a coefficient of the orthonormal transform: about three deviations of pixels rounded to whole numbers
LEVELS = 256
_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601, JPEG's


def cosine_matrix(n: int = BLOCK) -> torch.Tensor:
    """The orthonormal DCT-II, (n, n) float32, slow to fast.

    >>> (cosine_matrix(4) @ torch.ones(4)).round(decimals=4).abs().tolist()
    [2.0, 0.0, 0.0, 0.0]
    """
    k = torch.arange(n, dtype=torch.float64)
    matrix = (math.pi / n * (k[None] + 0.5) * k[:, None]).cos() * (2 / n) ** 0.5
    matrix[0] /= 2**0.5
    return matrix.float()


def small_coefficients(images: torch.Tensor) -> torch.Tensor:
    """uint8 (n, 1 or 3, h, w) -> (n,) share of the cosine coefficients, without the mean, below 1, of the whole 8 x 8
    blocks from the upper left corner, where JPEG's lie; 0 where there is no whole block.
    """
    grey = _luminance(images)
    h, w = (size // BLOCK * BLOCK for size in grey.shape[1:])
    if min(h, w) == 0:
        return grey.new_zeros(len(grey))
    blocks = grey[:, :h, :w].unfold(1, BLOCK, BLOCK).unfold(2, BLOCK, BLOCK).flatten(1, 2)
    matrix = cosine_matrix().to(grey.device)
    coefficients = (matrix @ blocks @ matrix.T).flatten(2)[..., 1:]
    return (coefficients.abs() < SMALL).float().mean(dim=(1, 2))


def _luminance(images: torch.Tensor) -> torch.Tensor:
    """(n, h, w) float32; grey that was saved as three channels is that grey, exactly."""
    pixels = images.float()
    if pixels.shape[1] == 1:
        return pixels[:, 0]
    alike = (images == images[:, :1]).flatten(1).all(dim=1)
    weighted = (pixels * pixels.new_tensor(_LUMINANCE)[:, None, None]).sum(dim=1)
    return torch.where(alike[:, None, None], pixels[:, 0], weighted)


def grey_levels(images: torch.Tensor) -> torch.Tensor:
    """uint8 (n, c, h, w) -> (n,) logarithm of how many different values its channels have, on average over these.

    >>> grey_levels(torch.tensor([[[[0, 0], [7, 7]]]], dtype=torch.uint8)).exp().round().tolist()
    [2.0]
    """
    n, c = images.shape[:2]
    seen = torch.zeros(n * c, LEVELS, device=images.device)
    seen.scatter_(1, images.reshape(n * c, -1).long(), 1.0)
    return seen.sum(dim=1).reshape(n, c).mean(dim=1).log()
