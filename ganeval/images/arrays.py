"""Arrays and tensors: uint8 (n, h, w), (n, h, w, c) or (n, c, h, w), c 1 or 3."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import WrongInputError
from ganeval.images.imageset import ImageSet


def from_array(images: Any, *, source: str = "array") -> ImageSet:
    """An `ImageSet` over an array that stays in memory, after all checks."""
    array = checked_array(images, source)
    require_variety(array, source)
    return ImageSet.from_array(array, source=source)


def checked_array(images: Any, where: str) -> NDArray[np.uint8]:
    """uint8 (n, c, h, w) in C order; what is anything else is an error that guesses the mistake.

    >>> checked_array(np.zeros((5, 4, 4), dtype=np.uint8), "here").shape
    (5, 1, 4, 4)
    """
    array = as_numpy(images)
    require_uint8(array, where, torch=hasattr(images, "detach"))
    if array.ndim not in (3, 4):
        remedy = "A single image needs a leading axis: images[None]." if array.ndim == 2 else "Reshape them."
        raise WrongInputError(
            f"Images of {where} must be (n, h, w), (n, h, w, c) or (n, c, h, w); got shape {array.shape}. {remedy}"
        )
    if 0 in array.shape:
        raise WrongInputError(
            f"{where} must hold at least one image with at least one pixel; got shape {array.shape}. Was it filtered away?"
        )
    return np.ascontiguousarray(_grey(array, where) if array.ndim == 3 else channels_first(array, where))


def require_variety(nchw: NDArray[np.uint8], where: str) -> None:
    """A set in which every pixel of every image has one value is a mistake, not data."""
    if nchw.size > 1 and nchw.min() == nchw.max():
        raise constant(int(nchw.flat[0]), where)


def constant(value: int, where: str) -> WrongInputError:
    return WrongInputError(
        f"All pixels of all images of {where} are {value}; that is no image set. "
        "Check the conversion to uint8: values in [0, 1] need (x * 255).round() before it."
    )


def as_numpy(images: Any) -> NDArray[Any]:
    """Tensors on any device, also of types that numpy lacks (bfloat16), as they are or as float32."""
    if not hasattr(images, "detach"):
        return np.asarray(images)
    tensor = images.detach().cpu()
    try:
        return tensor.numpy()
    except (TypeError, RuntimeError):
        return tensor.float().numpy()


def channels_first(array: NDArray[np.uint8], where: str) -> NDArray[np.uint8]:
    """(n, c, h, w) of an array with four axes, which must show in one way only where the channels are."""
    first, last = array.shape[1] in (1, 3), array.shape[3] in (1, 3)
    if first and last:
        raise WrongInputError(
            f"Shape {array.shape} of {where} can be (n, c, h, w) and (n, h, w, c). "
            "Say which: ImageSet.from_array(x) takes (n, c, h, w); of the other, pass x.transpose(0, 3, 1, 2)."
        )
    if not first and not last:
        alpha = " Drop an alpha channel that is opaque everywhere: images[..., :3]." if 4 in array.shape[1::2] else ""
        raise WrongInputError(f"Images of {where} must have 1 or 3 channels; got shape {array.shape}.{alpha}")
    return array if first else array.transpose(0, 3, 1, 2)


def _grey(array: NDArray[np.uint8], where: str) -> NDArray[np.uint8]:
    """(n, 1, h, w) of (n, h, w), unless it may be a single colour image."""
    if array.shape[0] == 3 or array.shape[2] in (1, 3):
        raise WrongInputError(
            f"Shape {array.shape} of {where} can be several grey images and one image with channels. "
            "Say which: images[:, None] for grey images, images[None] for one image."
        )
    return array[:, None]


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
    """What probably happened, with the line that mends it."""
    if array.size == 0:
        return f"of shape {array.shape}, no image at all."
    finite = np.isfinite(array)
    if not finite.all():
        at = tuple(int(i) for i in np.unravel_index(int(np.argmin(finite)), array.shape))
        return f"with {array[at]} at index {at}. A generator that makes NaN or infinity has diverged: mend it first."
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
