"""Labels: one non-negative integer per image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import WrongInputError

MAX_CLASSES = 100_000


def checked_labels(labels: Any, n: int, where: str) -> NDArray[np.int64]:
    """Labels (n,) int64 from anything array-like; one-hot rows, floats and wrong lengths are refused.

    >>> checked_labels([2, 0], 2, "here").tolist()
    [2, 0]
    """
    values = np.asarray(labels.cpu() if hasattr(labels, "cpu") else labels)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]  # MedMNIST keeps (n, 1)
    if values.ndim != 1:
        raise WrongInputError(
            f"Labels of {where} must be one integer per image, shape ({n},); got shape {values.shape}. "
            "Of one-hot rows take labels.argmax(axis=1)."
        )
    if not np.issubdtype(values.dtype, np.integer):
        raise WrongInputError(f"Labels of {where} must be integers; got {values.dtype}. Pass labels.astype(int).")
    if len(values) != n:
        raise WrongInputError(
            f"{where} must have one label per image: {n} images; got {len(values)} labels. Pass as many."
        )
    if n and (int(values.min()) < 0 or int(values.max()) >= MAX_CLASSES):
        bad = int(np.flatnonzero((values < 0) | (values >= MAX_CLASSES))[0])
        raise WrongInputError(
            f"Labels of {where} must lie in 0..{MAX_CLASSES - 1}; label {bad} is {int(values[bad])}. Number classes from 0."
        )
    return values.astype(np.int64)
