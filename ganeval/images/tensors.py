"""Arrays and tensors of any library, on any device, as numpy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import WrongInputError


def as_numpy(values: Any, where: str = "the input") -> NDArray[Any]:
    """Without a copy where there need be none; of types that numpy lacks (bfloat16), as float32."""
    try:
        if not hasattr(values, "detach"):
            return np.asarray(values)
        tensor = values.detach().cpu()
        try:
            return tensor.numpy()
        except (TypeError, RuntimeError):
            return tensor.float().numpy()
    except Exception as error:  # ragged lists, sparse, quantised and meta tensors, objects with a broken __array__
        raise WrongInputError(
            f"{where} must be a plain array of numbers; {type(values).__name__} is none ({_first_line(error)}). "
            "Pass a dense array or tensor in which all rows have one length."
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:100].rstrip(".")
