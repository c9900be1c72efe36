"""Bilinear resizing as TensorFlow 1 did it, written as two small matrix products.

Output pixel i looks at input coordinate i * in/out, without the half-pixel shift of newer conventions, and never past
the last pixel (tensorflow/core/kernels/resize_bilinear_op.cc, `align_corners=False, half_pixel_centers=False`).
FID's Inception network was published with this resize inside, so that any other one gives another number.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F


@dataclass(frozen=True)
class Prepared:
    """uint8 (n, 1 or 3, h, w) -> float32 (n, 3, *size), resized as a whole with antialiasing, less mean, over sd.

    >>> str(Prepared((224, 224), "bicubic", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)))
    'bicubic with antialiasing to 224x224, mean 0.5 0.5 0.5, sd 0.5 0.5 0.5'
    """

    size: tuple[int, int]
    mode: str  # bilinear or bicubic
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        x = images.float() / 255
        if tuple(x.shape[-2:]) != tuple(self.size):
            x = F.interpolate(x, self.size, mode=self.mode, antialias=True, align_corners=False).clamp(0, 1)
        x = x.expand(-1, len(self.mean), -1, -1)
        mean, std = (x.new_tensor(numbers)[:, None, None] for numbers in (self.mean, self.std))
        return (x - mean) / std

    def __str__(self) -> str:
        height, width = self.size
        mean, std = (" ".join(f"{number:g}" for number in numbers) for numbers in (self.mean, self.std))
        return f"{self.mode} with antialiasing to {height}x{width}, mean {mean}, sd {std}"


def tf1_bilinear(n_in: int, n_out: int, *, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """The matrix (n_out, n_in) that resizes a column; rows sum to one. Coordinates in float32, as TensorFlow's.

    >>> tf1_bilinear(2, 4).tolist()
    [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [0.0, 1.0]]
    """
    at = torch.arange(n_out, dtype=torch.float32) * torch.tensor(n_in / n_out, dtype=torch.float32)
    low = at.long().clamp_max(n_in - 1)
    high = (low + 1).clamp_max(n_in - 1)
    share = at - low
    rows = torch.arange(n_out)
    matrix = torch.zeros(n_out, n_in)
    matrix[rows, low] = 1 - share
    matrix.index_put_((rows, high), share, accumulate=True)
    return matrix.to(dtype)


def resize(images: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Floating-point (..., h, w) -> (..., height, width), TF1 bilinear; the same size passes through untouched."""
    h, w = images.shape[-2:]
    if h != height:
        images = tf1_bilinear(h, height, dtype=images.dtype).to(images.device) @ images
    if w != width:
        images = images @ tf1_bilinear(w, width, dtype=images.dtype).to(images.device).T
    return images
