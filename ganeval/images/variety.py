"""A set in which every pixel of every image has one value is a mistake, not data."""

from __future__ import annotations

from ganeval.errors import WrongInputError
from ganeval.images.imageset import ImageSet


def require_variety(images: ImageSet) -> None:
    """The first image settles it, unless the set is constant, or begins with blank images."""
    values: set[int] = set()
    for image in images.batches(1):
        values |= {int(image.min()), int(image.max())}
        if len(values) > 1:
            return
    if images.shape != (images.shape[0], 1, 1) or len(images) > 1:
        raise constant(values.pop(), images.source)


def constant(value: int, where: str) -> WrongInputError:
    return WrongInputError(
        f"All pixels of all images of {where} are {value}; that is no image set. "
        "Check the conversion to uint8: values in [0, 1] need (x * 255).round() before it."
    )
