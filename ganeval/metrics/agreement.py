"""Agreement: does the classifier say the same of each image and of the one it should be (McNemar 1947,
doi:10.1007/BF02295996)?
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.intervals import mcnemar, wilson
from ganeval.records.scores import Score

LISTED = 20  # changes of class in the details


@metric(
    "agreement",
    better="higher",
    perfect=1.0,
    version=1,
    paper="doi:10.1007/BF02295996",
    question="paired",
    within=(0, 1),
    needs=("real", "logits", "real_logits", "paired"),
)
def agreement(pair: Pair) -> Score:
    """The share of pairs of which the classifier says the same: the class with the largest logit.

    Returns: [0, 1]; 1 for identical pairs.
    Improved by: nothing that changes a class; blind to whatever leaves the class as it is.
    Bias: none in n.
    Standard error: binomial; the interval is Wilson's.
    per_sample: agrees, 0 or 1. details: changes ([class, class of the fake, how many], most frequent first); where the
    labels are known also real_right and fake_right (shares), only_real_right and only_fake_right (counts) and mcnemar,
    the exact two-sided p-value of "equally often right".
    """
    real, fake = (_verdicts(logits) for logits in (pair.require_real().logits, pair.fake.logits))
    same = real == fake
    n, value = len(same), float(same.mean())
    details: dict[str, Any] = {"changes": _changes(real, fake)}
    if pair.fake.labels is not None:
        details |= _right(real, fake, pair.fake.labels.cpu().numpy())
    se, rows = math.sqrt(value * (1 - value) / n), {"agrees": same.astype(np.float32)}
    interval = wilson(int(same.sum()), n)
    return Score(value, se=se, interval=interval, n=n, details=details, per_sample=rows, linear="agrees")


def _verdicts(logits: Any) -> NDArray[np.int64]:
    return logits.argmax(dim=1).cpu().numpy()


def _changes(real: NDArray[np.int64], fake: NDArray[np.int64]) -> list[list[int]]:
    moved = real != fake
    pairs, counts = np.unique(np.stack([real[moved], fake[moved]]), axis=1, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:LISTED]
    return [[int(pairs[0, i]), int(pairs[1, i]), int(counts[i])] for i in order]


def _right(real: NDArray[np.int64], fake: NDArray[np.int64], asked: NDArray[np.int64]) -> dict[str, Any]:
    a, b = real == asked, fake == asked
    only_real, only_fake = int((a & ~b).sum()), int((b & ~a).sum())
    return {
        "real_right": float(a.mean()),
        "fake_right": float(b.mean()),
        "only_real_right": only_real,
        "only_fake_right": only_fake,
        "mcnemar": mcnemar(only_real, only_fake),
    }
