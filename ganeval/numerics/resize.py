"""Bilinear resizing as TensorFlow 1 did it: of small images two matrix products, of large ones two looks at neighbours.

Output pixel i looks at input coordinate i * in/out, without the half-pixel shift of newer conventions, and never past
the last pixel (tensorflow/core/kernels/resize_bilinear_op.cc, `align_corners=False, half_pixel_centers=False`).
FID's Inception network was published with this resize inside, so that any other one gives another number.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

FEW = 128  # pixels a side up to which a product with mostly zeros is faster than looking up two neighbours


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
    """The matrix (n_out, n_in) that resizes a column; rows sum to one.

    >>> tf1_bilinear(2, 4).tolist()
    [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [0.0, 1.0]]
    """
    low, high, share = _looked_at(n_in, n_out)
    rows = torch.arange(n_out)
    matrix = torch.zeros(n_out, n_in)
    matrix[rows, low] = 1 - share
    matrix.index_put_((rows, high), share, accumulate=True)
    return matrix.to(dtype)


def _looked_at(n_in: int, n_out: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """For each output pixel the two input pixels that it lies between, and how far it is from the first to the second.

    Coordinates in float32, as TensorFlow's.
    """
    at = torch.arange(n_out, dtype=torch.float32) * torch.tensor(n_in / n_out, dtype=torch.float32)
    low = at.long().clamp_max(n_in - 1)
    return low, (low + 1).clamp_max(n_in - 1), at - low


def resize(images: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Floating-point (n, c, h, w) -> (n, c, height, width), TF1 bilinear, channels last in memory.

    The same size passes through untouched.
    """
    if images.shape[2:] == (height, width):
        return images
    way = _by_products if max(images.shape[2:]) <= FEW else _by_neighbours
    return way(images, height, width).permute(0, 3, 1, 2)


def _by_products(images: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """(n, c, h, w) -> (n, height, width, c): one product along the columns, one along the rows."""
    n, c, h, w = images.shape
    down, along = (tf1_bilinear(*sizes, dtype=images.dtype).to(images.device) for sizes in ((h, height), (w, width)))
    wide = (images @ along.T).permute(0, 2, 3, 1).reshape(n, h, width * c)
    return (down @ wide).view(n, height, width, c)


def _by_neighbours(images: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """The same; of the rows, then of the columns, only those that are looked at."""
    tall = _between(images, 2, height).permute(0, 2, 3, 1).contiguous()
    return _between(tall, 2, width)


def _between(x: torch.Tensor, dim: int, size: int) -> torch.Tensor:
    low, high, share = (one.to(x.device) for one in _looked_at(x.shape[dim], size))
    share = share.to(x.dtype).view(-1, *[1] * (x.dim() - dim - 1))
    return x.index_select(dim, low).lerp(x.index_select(dim, high), share)
