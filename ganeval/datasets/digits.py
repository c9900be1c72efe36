"""Digits: the 1,797 handwritten digits that ship inside scikit-learn, 8x8, grey; needs no file and no network.

They are the test part of the UCI set "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak 1998): each
pixel counts the ink dots of a 4x4 block, 0..16. Here 0..16 becomes 0..255 as round(255 v / 16), a one-to-one map.

scikit-learn publishes no split. Ours: with `np.random.default_rng(1998)`, each class in turn is shuffled and its first
quarter (rounded half to even) is `test`: 450 images; the other 1,347 are `train`. Both keep the original row order.
The writers are the same in both, so a test accuracy here says nothing about unseen writers.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganeval.core.extras import require
from ganeval.datasets.dataset import Dataset, Split

SPLIT_SEED = 1998
TEST_SHARE = 0.25


def read_digits(split: str, _files: Mapping[str, Path]) -> Split:
    """`train` (1,347) or `test` (450): images uint8 (n, 1, 8, 8), labels int64 (n,).

    >>> read_digits("test", {}).images.shape
    (450, 1, 8, 8)
    """
    require("sklearn", what="Reading the digits, which lie inside scikit-learn,")
    images, labels = _whole()
    chosen = _in_test(labels) == (split == "test")
    return Split(images[chosen], labels[chosen])  # copies, so that nobody writes into what is kept


@cache
def _whole() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All images and labels; scikit-learn reads them from a file of text at every call."""
    from sklearn.datasets import load_digits

    values, targets = load_digits(return_X_y=True)
    images = ((np.asarray(values, dtype=np.int64) * 255 + 8) // 16).astype(np.uint8).reshape(-1, 1, 8, 8)
    return images, np.asarray(targets, dtype=np.int64)


def _in_test(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    rng = np.random.default_rng(SPLIT_SEED)
    chosen = np.zeros(len(labels), dtype=bool)
    for digit in range(10):
        rows = rng.permutation(np.flatnonzero(labels == digit))
        chosen[rows[: round(len(rows) * TEST_SHARE)]] = True
    return chosen


DATASET = Dataset(
    name="digits",
    classes=tuple("0123456789"),
    splits=("train", "test"),
    shape=(1, 8, 8),
    licence="CC BY 4.0 (UCI machine learning repository)",
    read=read_digits,
)
