"""Did the generator copy? Authenticity, the data-copying test, train/held-out ratios, memorisation-informed FID,
copies.

Dgm-eval's authors found no such number reliable once other properties of the samples differ (arXiv:2306.04675): look
at the pairs in the details too, and give held-out images, which say what a generator that copies nothing would get.
"Real" means the images the generator was trained on.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.core.options import Share, Within
from ganeval.errors import TooFewSamplesError, UndefinedError
from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.clustering import clustering_rows
from ganeval.numerics.directions import unit_rows
from ganeval.numerics.gaussian import frechet_influence
from ganeval.numerics.intervals import wilson
from ganeval.numerics.jackknife import EIGHTHS
from ganeval.numerics.nearest import Nearest, nearest_between
from ganeval.numerics.order import canonical_order, seeded_rows
from ganeval.records.scores import Z95, Score, share_interval

LISTED = 20  # pairs in the details
CELLS = 3  # Meehan et al. 2020 and dgm-eval
MIFID_THRESHOLD = 0.1  # of the cosine distance, Kaggle's generative dog images, 2019
_MIFID_EPSILON = 1e-14  # of the competition's code
_NO_ANGLE = 1e-12  # a mean cosine distance that is rounding of the rows of length 1
NEAR = 0.01  # near-duplicate: closer than all but 1 % of reals are to their nearest other real

Distances = NDArray[np.float64]


@metric(
    "authenticity",
    against="train",
    better="higher",
    perfect=None,
    version=1,
    paper="arXiv:2102.08921",
    question="memorisation",
    within=(0, 1),
)
def authenticity(pair: Pair) -> Score:
    """The share of fakes that are farther from their nearest real image than that image is from its own nearest other.

    Alaa et al. 2022, section 3.3. A fake closer to a training image than any other training image counts as a copy.

    Returns: [0, 1]; 0 for a set of copies. Fresh samples of the same distribution get about 0.5 or more, depending on
    the dimension, and bad samples get 1: read it with `precision`.
    Improved by: blur, noise, garbage, warps, shifts, fading. What looks less like the data was copied less.
    `details["heldout"]` is the same share for held-out real images where they are given.
    Bias: none in the number of fakes, of which it is a mean; with other reals it is another question.
    Standard error: binomial, the real set held fixed.
    per_sample: authentic, 0 or 1.
    Differs from dgm-eval (0 to 100) and fld (minus 50) in scale.
    """
    near = pair.neighbours(1)
    authentic = _authentic(near.crossing.fake_to_real, near.real)
    details: dict[str, Any] = {"nearest": _nearest_pairs(near.crossing.fake_to_real)}
    if pair.heldout is not None:
        details["heldout"] = float(_authentic(_heldout_to_real(pair), near.real).mean())
    return _share(authentic, details, "authentic")


def _authentic(to_real: Nearest, real: Nearest) -> NDArray[np.bool_]:
    return to_real.squared[:, 0] > real.squared[to_real.index[:, 0], 0]


@metric(
    "copies",
    against="train",
    better="lower",
    perfect=None,
    version=1,
    paper="arXiv:2306.04675",
    question="memorisation",
    within=(0, 1),
)
def copies(pair: Pair, *, near: Share = NEAR) -> Score:
    """The share of fakes that are exact or near copies of a real image.

    A near copy is closer to a real image than all but the share `near` of reals are to their nearest other real.

    Returns: [0, 1]; fresh samples of the same distribution and equal n get about `near`, copies 1. With held-out
    images `details["heldout"]` is their share: what a generator that copies nothing would get.
    Bias: none in the number of fakes, of which it is a mean; with other reals it is another question.
    Standard error: binomial, the real set held fixed; the interval is Wilson's.
    per_sample: copy, 0 or 1. details: exact (how many), threshold (a distance), nearest (pairs fake, real, distance).
    """
    sweep = pair.neighbours(1)
    to_real, limit = sweep.crossing.fake_to_real, _near_limit(sweep.real, near)
    copied = to_real.squared[:, 0] <= limit
    details = {
        "exact": int((to_real.squared[:, 0] == 0).sum()),
        "threshold": math.sqrt(limit),
        "nearest": _nearest_pairs(to_real),
    }
    if pair.heldout is not None:
        details["heldout"] = float((_heldout_to_real(pair).squared[:, 0] <= limit).mean())
    return _share(copied, details, "copy")


@metric(
    "duplicates",
    better="lower",
    perfect=None,
    version=1,
    paper="arXiv:2306.04675",
    question="memorisation",
    within=(0, 1),
    biased_in_n=True,
)
def duplicates(pair: Pair, *, near: Share = NEAR) -> Score:
    """The share of fakes with an exact or near duplicate among the other fakes: does the generator repeat itself?

    Near means: closer than all but the share `near` of reals are to their nearest other real.

    Returns: [0, 1]; a fresh sample of the same distribution, as large as the real set, gets about `near`.
    Bias: grows with the number of fakes; compare at equal n only.
    Standard error: delete-a-group jackknife over fakes.
    per_sample: repeated, 0 or 1. details: exact (how many fakes equal another), threshold, nearest (pairs of fakes).
    """
    sweep = pair.neighbours(1)
    limit = _near_limit(sweep.real, near)
    close = sweep.fake.squared <= limit
    repeated = close[:, 0]
    details = {
        "exact": int((sweep.fake.squared[:, 0] == 0).sum()),
        "threshold": math.sqrt(limit),
        "nearest": _nearest_pairs(sweep.fake, once=True),
    }
    value, n = float(repeated.mean()), len(repeated)
    se = EIGHTHS.se(_shares_left(close, sweep.fake.index, EIGHTHS.kept(n, pair.strata)))
    interval = share_interval(value, se) if se > 0 else wilson(int(repeated.sum()), n)
    return Score(
        value, se=se, interval=interval, n=n, details=details, per_sample={"repeated": repeated.astype(np.float32)}
    )


def _shares_left(close: NDArray[np.bool_], index: NDArray[np.int64], kept: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The share of rows with a close row among those kept, for each subset of rows."""
    found = np.zeros(kept.shape, bool)
    for column in range(index.shape[1]):
        found |= kept[index[:, column]] & close[:, [column]]
    return (found & kept).sum(0) / kept.sum(0)


@metric(
    "ct",
    against="train",
    better="target",
    perfect=None,
    version=1,
    paper="arXiv:2004.05675",
    question="memorisation",
    needs=("real", "heldout"),
    biased_in_n=True,
)
def ct(pair: Pair, *, cells: Annotated[int, Within(1, 1000)] = CELLS) -> Score:
    """The data-copying test C_T: are fakes closer to the training images than held-out images are?

    Meehan, Chaudhuri and Dasgupta 2020, section 4: in each cell of a k-means partition of the training set, the z of
    a Mann-Whitney test between distances to the nearest training image of fakes and of held-out images, averaged with
    the held-out share of the cell. Cells with fewer than 20 fakes or no held-out row are left out.

    Returns: (-inf, inf), target 0; far below 0 (under -3) means copying, far above 0 underfitting.
    Bias: none at 0; away from it a test statistic grows with the square root of n, so compare at equal n only.
    Standard error: influence of each fake on the weighted sum of z values, the real sets held fixed; 0.9 to 1.1 times
    the truth on two real embeddings (n = 500). Were the held-out images drawn anew as well, each z would have variance
    1 when nothing was copied: judge the null by that.
    Raises: UndefinedError when no cell has enough of both.
    per_sample: influence. details: cells, each with its z, fakes and held-out images.
    """
    fake, held = pair.neighbours(1).crossing.fake_to_real, _heldout_to_real(pair)
    cell = _cells(pair.require_real().embeddings, cells, pair.seed)
    fake_cell, held_cell = cell[fake.index[:, 0]], cell[held.index[:, 0]]
    chosen = [c for c in range(cells) if (fake_cell == c).sum() >= 20 and (held_cell == c).any()]
    if not chosen:
        raise UndefinedError(
            f"ct needs a cell with 20 fakes and a held-out row; {len(fake_cell)} fakes and {len(held_cell)} held-out "
            f"rows in {cells} cells have none. Pass more images or fewer cells."
        )
    rows, influence, heldout = [], np.zeros(len(fake_cell)), np.isin(held_cell, chosen).sum()
    for c in chosen:
        at = fake_cell == c
        row, moved = _cell_z(fake.squared[at, 0], held.squared[held_cell == c, 0])
        rows.append(row)
        influence[at] = row["heldout"] / heldout * len(at) * moved
    value = math.fsum(row["heldout"] / heldout * row["z"] for row in rows)
    return Score.from_influence(value, influence - influence.mean(), details={"cells": rows})


def _cells(real: torch.Tensor, cells: int, seed: int) -> NDArray[np.int64]:
    """The k-means cell of each training row."""
    from sklearn.cluster import KMeans

    if len(torch.unique(real, dim=0)) < cells:
        raise TooFewSamplesError(
            f"{cells} cells need as many different training rows; got {len(real)} rows, not enough differ."
        )
    order, cell = canonical_order(real), np.empty(len(real), np.int64)
    cell[order] = KMeans(cells, random_state=seed, n_init="auto").fit_predict(clustering_rows([real])[order])
    return cell


def _cell_z(fake: Distances, held: Distances) -> tuple[dict[str, Any], Distances]:
    """Mann-Whitney's z, negative when fakes have the smaller distances, and what one more of each fake adds to it,
    (m,).

    Ties share their ranks and their variance. A fake adds how far its rank among the held-out ones is off the middle,
    and stretches the whole by a little, because the spread of U shrinks relative to it as m grows.
    """
    m, n = len(fake), len(held)
    _, ties = np.unique(np.concatenate([fake, held]), return_counts=True)
    below = (np.searchsorted(np.sort(held), fake, "left") + np.searchsorted(np.sort(held), fake, "right")) / 2 - n / 2
    tied = (ties**3 - ties).sum() / max(1, (m + n) * (m + n - 1))
    spread = math.sqrt(m * n / 12 * (m + n + 1 - tied))
    z = float(below.sum() / spread) if spread > 0 else 0.0
    moved = below / spread - z / 2 * (1 / m + 1 / (m + n + 1)) if spread > 0 else np.zeros(m)
    return {"z": z, "fakes": m, "heldout": n}, moved


@metric(
    "nn_ratio",
    against="train",
    better="target",
    perfect=None,
    version=1,
    paper="arXiv:2306.04675",
    question="memorisation",
    least_n=15,
    within=(0, math.inf),
    needs=("real", "heldout"),
)
def nn_ratio(pair: Pair) -> Score:
    """How much nearer fakes lie to training images than to as many held-out images they could not have copied.

    The mean distance of fakes to their nearest training image over the mean distance to their nearest held-out image,
    both sets cut to the same size (seeded), because a larger set is always nearer.

    Returns: [0, inf), target 1; below 1 the training images are nearer, 0 for exact copies.
    Bias: none in the number of fakes to first order (a ratio of their means).
    Standard error: delta method on the ratio of means over fakes, both real sets held fixed.
    per_sample: influence. details: nearer_train, the share of fakes nearer to a training image (0.5 expected), with
    its Wilson interval and nearer_train_se, that interval's width over 2 x 1.96.
    """
    train, held = _same_size(pair)
    fake = pair.fake.embeddings
    if len(fake) < 2:
        raise TooFewSamplesError(f"nn_ratio needs at least two fakes for its error; got {len(fake)}. Pass more images.")
    a, b = (nearest_between(fake, rows, 1).distance[:, 0] for rows in (train, held))
    if b.mean() == 0:
        raise UndefinedError(
            "nn_ratio divides by the distance to held-out images; all fakes equal one. Check the sets."
        )
    value, nearer = a.mean() / b.mean(), float((a < b).sum() + (a == b).sum() / 2)
    low, high = wilson(nearer, len(a))
    details = {
        "nearer_train": nearer / len(a),
        "nearer_train_se": (high - low) / (2 * Z95),
        "interval": [low, high],
        "rows": len(train),
    }
    return Score.from_influence(value, (a - value * b) / b.mean(), details=details)


def _same_size(pair: Pair) -> tuple[torch.Tensor, torch.Tensor]:
    """Training and held-out rows, the larger set cut at random to the size of the smaller."""
    sets = [pair.require_real().embeddings, _heldout(pair)]
    size = min(map(len, sets))
    train, held = (rows[seeded_rows(rows, size, pair.seed)] if len(rows) > size else rows for rows in sets)
    return train, held


@metric(
    "mifid",
    against="train",
    better="lower",
    perfect=0.0,
    version=1,
    paper="arXiv:2106.03062",
    question="memorisation",
    least_n=100,
    within=(0, math.inf),
    biased_in_n=True,
)
def mifid(pair: Pair, *, threshold: Annotated[float, Within(0, 2)] = MIFID_THRESHOLD) -> Score:
    """Memorisation-informed FID: the Frechet distance, divided by a memorisation distance where that is small.

    Bai et al. 2021, eq. 3 and 4: the mean over *fakes* of the cosine distance to the nearest real image; from
    `threshold` on it counts as 1. Exact copies (distance 0) make any distance that is not 0 enormous.

    Returns: [0, inf); 0 for identical sets, because their Frechet distance is 0.
    Bias: that of `fid`; compare at equal n only.
    Standard error: influence of each fake on both factors, the real set held fixed.
    per_sample: influence, cosine (distance to the nearest real image). details: memorisation, penalised.
    Differs from torchmetrics, which averages over reals (the nearest fake of each): a generator that copied one image
    ten thousand times is not seen there.
    """
    value, psi = frechet_influence(pair.real_gaussian, pair.fake_gaussian, pair.fake.embeddings)
    cosine = (
        nearest_between(unit_rows(pair.fake.embeddings), unit_rows(pair.require_real().embeddings), 1).squared[:, 0] / 2
    )
    memorisation = float(cosine.mean())
    if memorisation <= _NO_ANGLE and value > 0:
        raise UndefinedError(
            f"mifid divides by the angle between fakes and their nearest real images; it is {memorisation:.2g}, which "
            "is rounding. The fakes are copies, or the features lie far from 0: read copies and fid."
        )
    penalised = memorisation < threshold
    divisor = (memorisation if penalised else 1.0) + _MIFID_EPSILON
    influence = psi.cpu().numpy() / divisor
    if penalised:
        influence = influence - value / divisor**2 * (cosine - memorisation)
    return Score.from_influence(
        value / divisor,
        influence,
        per_sample={"cosine": cosine.astype(np.float32)},
        details={"memorisation": memorisation, "penalised": penalised, "fid": value},
    )


def _heldout(pair: Pair) -> torch.Tensor:
    if pair.heldout is None or len(pair.heldout) < 2:
        raise TooFewSamplesError("This question needs held-out real images. Pass heldout= with at least two.")
    return pair.heldout.embeddings


def _heldout_to_real(pair: Pair) -> Nearest:
    real = pair.require_real().embeddings
    return pair.once("heldout to real", lambda: nearest_between(_heldout(pair), real, 1))


def _near_limit(real: Nearest, near: float) -> float:
    """The squared distance below which the share `near` of reals have another real."""
    return float(np.quantile(real.squared[:, 0], near, method="inverted_cdf"))


def _nearest_pairs(near: Nearest, *, once: bool = False) -> list[list[float]]:
    """The closest pairs [row, nearest, distance], nearest first; with `once` a mutual pair appears once."""
    order = np.argsort(near.squared[:, 0], kind="stable")
    if once:
        order = order[(order < near.index[order, 0]) | (near.index[near.index[order, 0], 0] != order)]
    return [[int(i), int(near.index[i, 0]), float(near.distance[i, 0])] for i in order[:LISTED]]


def _share(hits: NDArray[np.bool_], details: dict[str, Any], called: str) -> Score:
    value, n = float(hits.mean()), len(hits)
    se = math.sqrt(value * (1 - value) / n)
    rows = {called: hits.astype(np.float32)}
    return Score(
        value, se=se, interval=wilson(int(hits.sum()), n), n=n, details=details, per_sample=rows, linear=called
    )
