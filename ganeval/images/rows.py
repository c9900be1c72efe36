"""Row numbers that somebody asks for: there, or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import WrongInputError
from ganeval.images.tensors import as_numpy


def checked_rows(rows: Any, n: int) -> NDArray[np.int64]:
    """Numbers of rows of n, in the order asked for; a mask (n,) becomes the numbers that it marks.

    >>> checked_rows([2, 0], 3).tolist(), checked_rows([True, False, True], 3).tolist()
    ([2, 0], [0, 2])
    """
    asked = as_numpy(rows, "The rows to take")
    if asked.dtype == bool and asked.shape == (n,):
        asked = np.flatnonzero(asked)
    if asked.ndim != 1 or not len(asked) or asked.dtype.kind not in "iu":
        raise WrongInputError(
            f"Rows to take must be at least one whole number, or a mask of {n}; got {asked.dtype} of shape "
            f"{asked.shape}."
        )
    if int(asked.min()) < 0 or int(asked.max()) >= n:
        raise WrongInputError(f"Rows to take must lie in 0..{n - 1}; got {asked.min()} to {asked.max()}.")
    return asked.astype(np.int64)
