"""Pictures of many images in the place of images: a network that resizes takes one for an image without a word."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ganeval.core.tiling import JPEG, Size
from ganeval.errors import WrongInputError
from ganeval.images.imageset import ImageSet
from ganeval.numerics.sheets import Sheet, sheet_of


def require_single_images(sets: Iterable[object]) -> None:
    """Raise where the first image of a set is laid out of images, with separators, of the size that another set has.

    Only files are looked at, and only where two sets differ in size: `save_image` of torchvision writes such pictures.
    """
    opened = [one for one in sets if isinstance(one, ImageSet)]
    sizes = {one.shape[1:] for one in opened}
    for one in opened if len(sizes) > 1 else ():
        size = one.shape[1:]
        found = None if one.encoded is None else _sheet(one, one.encoded.names[0], sizes - {size})
        if found is not None:
            (height, width), (h, w) = size, found.tile(size)
            raise WrongInputError(
                f"{one.source} holds contact sheets: its {height} x {width} pixels are {found.rows} x {found.columns} "
                f"images of {h} x {w} with lines between them. Save the images one by one; ganeval-report measures "
                "those of sheets (--as sheets)."
            )


def _sheet(images: ImageSet, name: str, sizes: set[Size]) -> Sheet | None:
    """How the first picture is divided into images of one of these sizes."""
    channels = images.load(0, 1)[0]
    pixels = np.ascontiguousarray(channels[0] if len(channels) == 1 else channels.transpose(1, 2, 0))
    found = sheet_of(pixels, lossy=name.lower().endswith(JPEG))
    return found if found is not None and found.tile(pixels.shape[:2]) in sizes else None
