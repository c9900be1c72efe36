"""Haar wavelet packets: an image as bands of frequencies, without loss.

A Haar step turns every 2 x 2 block (a b / c d) into its mean and its differences by column, by row and across the
diagonal, each divided by 2, so that squares keep their sum (Haar 1910). A packet transform applies the step to every
band again (Coifman and Wickerhauser 1992). Bands of the second step are numbered by how fast they vary, first down the
columns, then along the rows, so that 0, 0 is the mean and 3, 3 the checkerboard.
"""

from __future__ import annotations

import torch

LEVELS = 2
BANDS = 1 << LEVELS  # in each direction
_GRAY = (0, 1, 3, 2)  # a high band turns frequencies round, so that the natural order is Gray's code


def haar_packets(images: torch.Tensor) -> torch.Tensor:
    """Floating-point (n, c, h, w) with sides that four divides -> (n, c, 16, h / 4, w / 4), bands row by row.

    >>> board = (torch.arange(4)[:, None] + torch.arange(4)) % 2 * 4.0
    >>> haar_packets(board[None, None]).flatten().tolist()  # its mean times 4, and the fastest band
    [8.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -8.0]
    """
    bands = images.unsqueeze(2)  # (n, c, 4^level, h, w), column code first
    for axis in (3, 4):
        for _ in range(LEVELS):
            bands = _split(bands, axis)
    order = torch.tensor([_GRAY.index(i) for i in range(BANDS)])
    natural = bands.unflatten(2, (BANDS, BANDS))
    return natural[:, :, order][:, :, :, order].flatten(2, 3)


def _split(bands: torch.Tensor, axis: int) -> torch.Tensor:
    """Every band into its half sums and half differences along `axis`: (n, c, b, ...) -> (n, c, 2 b, ...)."""
    even, odd = (
        bands.narrow(axis, 0, bands.shape[axis] // 2 * 2).unflatten(axis, (-1, 2)).select(axis + 1, i) for i in (0, 1)
    )
    return torch.stack([even + odd, even - odd], dim=3).flatten(2, 3) / 2**0.5
