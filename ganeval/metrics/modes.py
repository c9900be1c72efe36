"""Modes captured: how many of the known modes a generator reaches (VEEGAN, arXiv:1705.07761; PacGAN, arXiv:1712.04086).

Three protocols share the arithmetic: classes of a classifier (digits, stacked digits), and points around known centres
(ring, grid). A classifier that errs invents modes: with 1 % error 10,000 images of nine digits show all ten. A mode
counts as captured here when it is hit more often than the classifier's own confusion explains.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.core.options import Count
from ganeval.errors import TooFewSamplesError, WrongInputError
from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.intervals import wilson
from ganeval.records.scores import Score

FALSE_MODE = 0.01  # probability, over all modes together, that the classifier's errors alone make a mode look captured


@metric(
    "modes",
    better="higher",
    perfect=None,
    version=1,
    paper="arXiv:1712.04086",
    question="diversity",
    within=(0, math.inf),
    needs=("logits",),
    biased_in_n=True,
)
def modes(pair: Pair, *, min_hits: Count = 1) -> Score:
    """How many of the classifier's classes the fakes reach, beyond what the classifier's own errors would show.

    A class counts when at least `min_hits` images are assigned to it and, where the classifier's confusion matrix is
    known, when its count is improbable (1 % over all classes) as errors made on the images of the other classes.
    `details`: the naive count, captured and missing classes, hits, and `reverse_kl`, KL(hits || uniform):
    what `class_balance` is where nothing but equal shares is asked for.

    Returns: [0, k] modes, an integer; k classes is perfect. No standard error: a count of modes is a hard rule.
    Bias: rises with n; compare at equal n only.

    >>> from ganeval.features.rows import Features
    >>> logits = torch.tensor([[9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [8.0, 0.0, 0.0]])
    >>> float(modes(Pair(None, Features.given(torch.zeros(3, 2), logits=logits))))
    2.0
    """
    logits = pair.fake.logits
    assert logits is not None
    hits = np.bincount(logits.argmax(dim=1).cpu().numpy(), minlength=logits.shape[1])
    return count_modes(hits, confusion=pair.fake.confusion, min_hits=min_hits, names=pair.fake.passport.class_names)


def count_modes(
    hits: NDArray[np.int64],
    *,
    confusion: NDArray[np.int64] | None = None,
    min_hits: int = 1,
    names: Sequence[str] = (),
) -> Score:
    """Modes captured from the number of images assigned to each mode, (k,) integers.

    >>> float(count_modes(np.array([50, 49, 1]), confusion=np.array([[98, 0, 2], [0, 98, 2], [0, 0, 100]])))
    2.0
    """
    n, k = int(hits.sum()), len(hits)
    if n < 1:
        raise TooFewSamplesError("Counting modes needs at least one image; got none.")
    names = list(names) or [str(i) for i in range(k)]
    reached = hits >= min_hits
    captured = reached & ~_explained_by_errors(hits, confusion)
    details = {
        "possible": k,
        "naive": int(reached.sum()),
        "captured": [names[i] for i in np.flatnonzero(captured)] if k <= 100 else int(captured.sum()),
        "missing": [names[i] for i in np.flatnonzero(~captured)][:100],
        "hits": hits.tolist() if k <= 1000 else [],
        "reverse_kl": reverse_kl(hits),
    }
    return Score(int(captured.sum()), n=n, details=details)


def _explained_by_errors(hits: NDArray[np.int64], confusion: NDArray[np.int64] | None) -> NDArray[np.bool_]:
    """Which modes are hit no more often than the classifier's confusion of the other modes makes likely."""
    if confusion is None:
        return np.zeros(len(hits), dtype=bool)
    from scipy.stats import binom

    rates = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(rates, 0.0)
    expected = hits @ rates  # errors expected in each column, were every other hit genuine
    n = int(hits.sum())
    chance = binom.sf(hits - 1, n, np.clip(expected / n, 0.0, 1.0))
    return chance > FALSE_MODE / len(hits)


def reverse_kl(hits: NDArray[np.int64]) -> float:
    """KL(empirical modes || uniform prior) in nats; 0 is perfect, log k one mode out of k.

    >>> reverse_kl(np.array([5, 5])), round(reverse_kl(np.array([10, 0])), 4)
    (0.0, 0.6931)
    """
    p = hits / hits.sum()
    seen = p > 0
    return float((p[seen] * np.log(p[seen] * len(hits))).sum())


def modes_of_points(points: torch.Tensor, centres: torch.Tensor, sigma: float, *, radius: float = 3.0) -> Score:
    """Modes captured by 2-D points: a point is of high quality within `radius` sigma of its nearest centre.

    A mode is captured by at least one high-quality point; `details["high_quality"]` is their share with a Wilson
    interval, `reverse_kl` is over the high-quality points, as in PacGAN. points (n, d), centres (k, d).

    >>> ring = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    >>> score = modes_of_points(torch.tensor([[1.0, 0.01], [0.0, 0.0]]), ring, sigma=0.02)
    >>> float(score), score.details["high_quality"]["value"]
    (1.0, 0.5)
    """
    if points.shape[1] != centres.shape[1]:
        raise WrongInputError(
            f"Points and centres must share a dimension; got {points.shape[1]} and {centres.shape[1]}."
        )
    nearest = torch.cdist(points.double(), centres.double()).min(dim=1)
    good = nearest.values <= radius * sigma
    hits = np.bincount(nearest.indices[good].cpu().numpy(), minlength=len(centres))
    n, k_good = len(points), int(good.sum())
    low, high = wilson(k_good, n)
    quality = {"value": k_good / n, "interval": [low, high]}
    if k_good == 0:
        return Score(0, n=n, details={"possible": len(centres), "high_quality": quality, "hits": hits.tolist()})
    score = count_modes(hits)
    return Score(float(score), n=n, details={**score.details, "high_quality": quality})


def stacked_hits(digits: NDArray[np.int64], classes: int = 10) -> NDArray[np.int64]:
    """Hits on the classes**c modes of stacked digits, from one predicted digit per channel, (n, c) -> (classes**c,).

    >>> int(stacked_hits(np.array([[1, 2, 3]]))[123])
    1
    """
    places = classes ** np.arange(digits.shape[1] - 1, -1, -1)
    return np.bincount(digits @ places, minlength=classes ** digits.shape[1])
