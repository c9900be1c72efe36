"""`fit`: what each image goes through as it is read (a crop, a resize), and the check of what comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import WrongInputError

Fit = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]  # (c, h, w) -> (c, h', w')


def checked(fit: Any) -> Fit:
    """`fit`, which raises for what is no image of uint8 (c, h, w)."""

    def call(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        made = fit(image)
        if not isinstance(made, np.ndarray) or made.dtype != np.uint8 or made.ndim != 3 or 0 in made.shape:
            kind = getattr(made, "dtype", type(made).__name__)
            raise WrongInputError(
                f"fit= must return one image of uint8, (c, h, w), as a numpy array; it returned {kind} of shape "
                f"{tuple(getattr(made, 'shape', ()))}."
            )
        return made

    return call


def require_shape(image: NDArray[np.uint8], shape: tuple[int, int, int], where: str) -> None:
    """Raise `WrongInputError` where `fit` has made images of several sizes."""
    if image.shape != shape:
        (_, h, w), (_, height, width) = image.shape, shape
        raise WrongInputError(
            f"fit= must make all images one size; of {where} it made {h} x {w}, of the first image {height} x {width}."
        )
