"""Arrays and tensors of any library, on any device, as numpy arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ganeval.core.extras import require
from ganeval.errors import WrongInputError

if TYPE_CHECKING:
    import torch


def as_numpy(values: Any, where: str = "the input") -> NDArray[Any]:
    """Without a copy where there need be none; of types that numpy lacks (bfloat16), as float32."""
    if np.ma.is_masked(values):
        raise WrongInputError(
            f"{where} must be a plain array of numbers; {int(np.ma.count_masked(values))} of its entries are masked. "
            "Leave these rows out, or fill them: x.filled(value)."
        )
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


def as_tensor(values: Any, where: str) -> torch.Tensor:
    """Numbers of any library as a tensor: torch knows neither long doubles, nor other byte orders,
    nor negative strides.
    """
    require("torch", what=f"Making a tensor of {where}")
    import torch

    if isinstance(values, torch.Tensor):
        if values.layout != torch.strided or values.is_quantized or values.is_meta:
            raise WrongInputError(f"{where} must be a dense tensor of numbers; got a sparse, quantised or meta one.")
        return values.detach()
    array = as_numpy(values, where)
    if array.dtype.kind not in "fiub":
        raise WrongInputError(f"{where} must be an array of numbers; got {array.dtype}. Pass float32 or float64.")
    kind = np.dtype(np.float64) if array.dtype.itemsize > 8 else array.dtype.newbyteorder("=")
    return torch.from_numpy(np.require(array, kind, ["C", "W"]))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:100].rstrip(".")
