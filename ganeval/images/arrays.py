"""Arrays and tensors: uint8 (n, h, w), (n, h, w, c) or (n, c, h, w), c 1 or 3."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import WrongInputError
from ganeval.images.imageset import ImageSet
from ganeval.images.tensors import as_numpy
from ganeval.images.variety import constant

Layout = Literal["nhw", "nhwc", "nchw"]
AT_ONCE = 2**26  # values looked at together


def from_array(images: Any, *, source: str = "array") -> ImageSet:
    """An `ImageSet` that looks into the array or tensor itself, where it lies, after all checks; nothing is copied."""
    alive = images if hasattr(images, "detach") or isinstance(images, np.ndarray) else as_numpy(images, source)
    array = as_numpy(alive, source)
    layout = checked_layout(array, source, torch=hasattr(alive, "detach"))
    nchw = as_nchw(array, layout)
    require_variety(nchw, source)

    def load(start: int, stop: int) -> NDArray[np.uint8]:
        return np.ascontiguousarray(as_nchw(as_numpy(alive[start:stop], source), layout))

    n, c, h, w = nchw.shape
    return ImageSet(source, n, (c, h, w), load, in_memory=True)


def checked_array(images: Any, where: str) -> NDArray[np.uint8]:
    """uint8 (n, c, h, w) in C order; what is anything else is an error that guesses the mistake.

    >>> checked_array(np.zeros((5, 4, 4), dtype=np.uint8), "here").shape
    (5, 1, 4, 4)
    """
    array = as_numpy(images, where)
    return np.ascontiguousarray(as_nchw(array, checked_layout(array, where, torch=hasattr(images, "detach"))))


def is_output(source: Any) -> bool:
    """What a pipeline of diffusers returns: a dictionary with the images as one of its attributes."""
    return isinstance(source, dict) and hasattr(source, "images")


def as_nchw(array: NDArray[np.uint8], layout: Layout) -> NDArray[np.uint8]:
    """A view of the same pixels as (n, c, h, w)."""
    if layout == "nhw":
        return array[:, None]
    return array.transpose(0, 3, 1, 2) if layout == "nhwc" else array


def checked_layout(array: NDArray[Any], where: str, *, torch: bool = False) -> Layout:
    """What the axes of uint8 images are; anything else is an error that guesses the mistake."""
    require_uint8(array, where, torch=torch)
    if array.ndim not in (3, 4):
        raise WrongInputError(
            f"Images of {where} must be (n, h, w), (n, h, w, c) or (n, c, h, w); got shape {array.shape}. "
            f"{_reshape(array.shape)}"
        )
    if 0 in array.shape:
        raise WrongInputError(
            f"{where} must hold at least one image with at least one pixel; got shape {array.shape}. Was it filtered "
            "away?"
        )
    return _grey(array.shape, where) if array.ndim == 3 else _channels(array.shape, where)


def _reshape(shape: tuple[int, ...]) -> str:
    if len(shape) != 2:
        return "Reshape them."
    single = "A single image needs a leading axis: images[None]."
    for channels in (1, 3):
        side = math.isqrt(shape[1] // channels)
        if side > 1 and channels * side * side == shape[1]:
            return f"Of flattened images, one a row, pass images.reshape(-1, {channels}, {side}, {side}). {single}"
    return single


def require_variety(nchw: NDArray[np.uint8], where: str) -> None:
    """A set in which every pixel of every image has one value is a mistake, not data."""
    value = int(nchw.flat[0])
    at_once = max(1, AT_ONCE // math.prod(nchw.shape[1:]))
    parts = (nchw[start : start + at_once] for start in range(0, len(nchw), at_once))
    if nchw.size > 1 and all(bool((part == value).all()) for part in parts):
        raise constant(value, where)


def channels_first(array: NDArray[np.uint8], where: str) -> NDArray[np.uint8]:
    """(n, c, h, w) of an array with four axes, which must show in one way only where the channels are."""
    return as_nchw(array, _channels(array.shape, where))


def _channels(shape: Sequence[int], where: str) -> Layout:
    first, last = shape[1] in (1, 3), shape[3] in (1, 3)
    if first and last:
        raise WrongInputError(
            f"Shape {shape} of {where} can be (n, c, h, w) and (n, h, w, c). "
            "Say which: ImageSet.from_array(x) takes (n, c, h, w); of the other, pass x.transpose(0, 3, 1, 2)."
        )
    if not first and not last:
        alpha = " Drop an alpha channel that is opaque everywhere: images[..., :3]." if 4 in shape[1::2] else ""
        raise WrongInputError(f"Images of {where} must have 1 or 3 channels; got shape {shape}.{alpha}")
    return "nchw" if first else "nhwc"


def _grey(shape: Sequence[int], where: str) -> Layout:
    """(n, h, w), unless it may be a single colour image."""
    if shape[0] == 3 or shape[2] in (1, 3):
        raise WrongInputError(
            f"Shape {shape} of {where} can be several grey images and one image with channels. "
            "Say which: images[:, None] for grey images, images[None] for one image."
        )
    return "nhw"


def require_uint8(array: NDArray[Any], where: str, *, torch: bool = False, hint: str = "") -> None:
    """Refuse any other type, with the line that converts it, in numpy's or torch's words."""
    if array.dtype == np.uint8:
        return
    cast = ".to(torch.uint8)" if torch else ".astype('uint8')"
    must = f"Images of {where} must be uint8 in [0, 255]; got {array.dtype}"
    if array.dtype == bool:
        raise WrongInputError(f"{must}. Pass x{cast} * 255.")
    if array.dtype.kind not in "iuf":
        raise WrongInputError(f"{must}. Stack images of one size into one array of numbers.")
    raise WrongInputError(f"{must} {_guess(array, cast)}{hint}")


def _guess(array: NDArray[Any], cast: str) -> str:
    """What probably happened, with the line that fixes it."""
    if array.size == 0:
        return f"of shape {array.shape}, no image at all."
    finite = np.isfinite(array)
    if not finite.all():
        at = tuple(int(i) for i in np.unravel_index(int(np.argmin(finite)), array.shape))
        return f"with {array[at]} at index {at}. A generator that makes NaN or infinity has diverged: fix it first."
    low, high = array.min().item(), array.max().item()
    return f"from {low:.6g} to {high:.6g}. {_remedy(low, high, array.dtype.kind, cast)}"


def _remedy(low: float, high: float, kind: str, cast: str) -> str:
    if kind in "iu":
        if low >= 0 and high <= 255:
            return f"Pass x{cast}."
        return "Pass (x // 257)" + cast + " of 16-bit values." if low >= 0 else "Undo what made them negative first."
    if -1.01 <= low < 0 and high <= 1.01:
        return f"If they lie in [-1, 1], pass ((x + 1) * 127.5).round().clip(0, 255){cast}."
    if low >= 0 and high <= 1.0:
        return f"If they lie in [0, 1], pass (x * 255).round(){cast}."
    if low >= 0 and high <= 255:
        return f"If they lie in [0, 255], pass x.round(){cast}."
    return f"Undo your own normalisation, so that they lie in [0, 255], then .round(){cast}."
