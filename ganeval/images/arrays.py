"""Arrays and tensors: uint8 (n, h, w), (n, h, w, c) or (n, c, h, w), c 1 or 3."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import WrongInputError
from ganeval.images.imageset import ImageSet


def from_array(images: Any, *, source: str = "array") -> ImageSet:
    """An `ImageSet` over an array that stays in memory, after all checks."""
    return ImageSet.from_array(checked_array(images, source), source=source)


def checked_array(images: Any, where: str) -> NDArray[np.uint8]:
    """uint8 (n, c, h, w) in C order, or an error that guesses the mistake.

    >>> checked_array(np.eye(4, dtype=np.uint8)[None].repeat(2, 0), "here").shape
    (2, 1, 4, 4)
    """
    array = np.asarray(images.detach().cpu() if hasattr(images, "detach") else images)
    _require_uint8(array, where)
    if array.ndim not in (3, 4):
        raise WrongInputError(
            f"Images of {where} must be (n, h, w), (n, h, w, c) or (n, c, h, w); got shape {array.shape}. "
            "A single image needs a leading axis: images[None]."
        )
    if 0 in array.shape:
        raise WrongInputError(f"{where} must hold at least one image with at least one pixel; got shape {array.shape}.")
    nchw = array[:, None] if array.ndim == 3 else _channels_first(array, where)
    require_variety(nchw, where)
    return np.ascontiguousarray(nchw)


def require_variety(nchw: NDArray[np.uint8], where: str) -> None:
    """A set in which every pixel of every image has one value is a mistake, not data."""
    if nchw.size > 1 and nchw.min() == nchw.max():
        raise WrongInputError(
            f"All pixels of all images of {where} are {int(nchw.flat[0])}; that is no image set. "
            "Check the range before the conversion to uint8: x in [0, 1] needs (x * 255).round()."
        )


def _channels_first(array: NDArray[np.uint8], where: str) -> NDArray[np.uint8]:
    first, last = array.shape[1] in (1, 3), array.shape[3] in (1, 3)
    if first and last:
        raise WrongInputError(
            f"The layout of {where} is ambiguous: shape {array.shape} can be NCHW and NHWC. Pass images of more than 3 pixels a side."
        )
    if not first and not last:
        raise WrongInputError(
            f"Images of {where} must have 1 or 3 channels; got shape {array.shape}. "
            "Drop an alpha channel with images[..., :3] if it is opaque everywhere."
        )
    return array if first else array.transpose(0, 3, 1, 2)


def _require_uint8(array: NDArray[Any], where: str) -> None:
    if array.dtype == np.uint8:
        return
    if array.dtype == bool:
        raise WrongInputError(
            f"Images of {where} must be uint8 in [0, 255]; got bool. Pass images.astype('uint8') * 255."
        )
    if not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        raise WrongInputError(
            f"Images of {where} must be uint8 in [0, 255]; got {array.dtype}. Stack them into one array."
        )
    raise WrongInputError(f"Images of {where} must be uint8 in [0, 255]; got {array.dtype} {_guess(array)}")


def _guess(array: NDArray[Any]) -> str:
    """What probably happened, with the line that mends it."""
    if array.size == 0:
        return f"of shape {array.shape}."
    if not np.isfinite(array).all():
        bad = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        return (
            f"with {array[bad]} at index {bad}. A generator that makes NaN has diverged; find out why before measuring."
        )
    low, high = float(array.min()), float(array.max())
    found = f"from {low:.4g} to {high:.4g}."
    if low < 0 and low >= -1.01 and high <= 1.01:
        return f"{found} Of [-1, 1] pass ((x + 1) * 127.5).round() as uint8."
    if low >= 0 and high <= 1.0:
        return f"{found} Of [0, 1] pass (x * 255).round() as uint8."
    if low >= 0 and high <= 255:
        return f"{found} Pass x.round() as uint8."
    return f"{found} Bring them to [0, 255] by the inverse of your own normalisation, then round to uint8."
