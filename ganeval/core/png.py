"""Pixels as a PNG file."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray


def encode_png(picture: NDArray[np.uint8]) -> bytes:
    """uint8 (h, w, 1 or 3) -> PNG bytes."""
    from PIL import Image  # imported late: reading runs needs no pictures

    buffer = io.BytesIO()
    Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
