"""Bilinear resizing as TensorFlow 1 did it, written as two small matrix products.

Output pixel i looks at input coordinate i * in/out, without the half-pixel shift of newer conventions, and never past
the last pixel (tensorflow/core/kernels/resize_bilinear_op.cc, `align_corners=False, half_pixel_centers=False`).
FID's Inception network was published with this resize inside, so that any other one gives another number.
"""

from __future__ import annotations

import torch


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
