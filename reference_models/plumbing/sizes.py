"""How deep a convolutional network must be for an image: the one number that every such trainer derives from a size."""

from __future__ import annotations

import math

SMALL = 16  # pixels; below, a discriminator looks at the whole image once before it shrinks it


def halvings(size: int) -> int:
    """How often a size halves before it falls below 8: 28 -> 7, 32 -> 4, 64 -> 4, 8 -> 4.

    >>> [size // 2 ** halvings(size) for size in (8, 28, 32, 64)]
    [4, 7, 4, 4]
    """
    return max(1, math.ceil(math.log2(size / 7.5)))
