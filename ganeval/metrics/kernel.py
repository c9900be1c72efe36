"""Kernel distances: KID (Binkowski et al. 2018, arXiv:1801.01401) and a Gaussian-kernel MMD in the manner of CMMD.

Where implementations differ: all use the cubic kernel with gamma = 1/d and offset 1, unbiased within the sets, the
full mean across. torch-fidelity, torchmetrics, clean-fid, StyleGAN3 and dgm-eval average 100 subsets of 1000, drawn
without replacement (torch-fidelity: NumPy's legacy generator, seed 2020; the others unseeded), and print the
spread over those overlapping subsets, which is not a standard error. Here: all pairs, and a standard error.
CMMD (Jayasumana et al. 2024, arXiv:2401.09603) uses the biased estimate, sigma = 10 on unit-length CLIP rows, times
1000.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated

import numpy as np
import torch

from ganeval.core.options import Only, Within
from ganeval.errors import TooFewSamplesError, UndefinedError, WrongInputError
from ganeval.features.gaussian_sums import gaussian_sums
from ganeval.features.held import sums_of, within_of
from ganeval.features.own import Own
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics import metric
from ganeval.numerics import directions
from ganeval.numerics.kernels import (
    MEDIAN_ROWS,
    NARROW,
    cubic,
    gaussian,
    kernel_sums,
    median_distance,
    of_evenly_spaced,
    product_rows,
    within_sums,
)
from ganeval.numerics.order import by_lot
from ganeval.records.scores import Score

SUBSET_SIZE = 1000  # Binkowski et al. 2018, and every implementation since
SEED = 2020  # torch-fidelity's
CMMD_BANDWIDTH, CMMD_SCALE = 10.0, 1000.0  # Jayasumana et al. 2024


@metric(
    "kid",
    better="lower",
    perfect=0.0,
    version=1,
    paper="arXiv:1801.01401",
    question="close",
    least_n=100,
    shares=(),
)
def kid(
    pair: Pair,
    *,
    subsets: Annotated[int, Within(1, 10_000)] | None = None,
    subset_size: Annotated[int, Within(2, 1_000_000), Only("subsets")] | None = None,
    block_size: Annotated[int, Within(2, 1_000_000)] | None = None,
) -> Score:
    """How far apart real and fake are, without the bias in n that a Frechet distance has.

    mean k(r, r') + mean k(f, f') - 2 mean k(r, f), off-diagonal means, k(x, y) = (x.y / d + 1)^3 over *all* pairs: the
    usual mean over 100 subsets of 1000 estimates the same number with more noise.

    Returns: [-small, inf), unitless; slightly negative values are normal near 0.
    Bias: none in n.
    Standard error: first-order influence of each fake row, the real set held fixed; `per_sample["influence"]`.
    Near 0, where the first-order term vanishes, it is too small by about the noise between two real sets.
    Differs from torch-fidelity: all pairs instead of subsets. `subsets=100` reproduces theirs, with
    their defaults, subset_size=1000 and the seed 2020 in every protocol; then `details` holds the spread over subsets
    and there is no standard error.
    block_size: for more than about 20,000 images. Both sets are cut into as many disjoint blocks of at least that size
    as the smaller one has, and the mean over pairs of blocks is the value (Zaremba et al. 2013, arXiv:1307.1954): n d B
    products in place of n^2 d, unbiased, too; every image is used once. The standard error is the spread of the blocks
    over the root of their number, and holds the noise of both sets.

    >>> from ganeval.features.rows import Features
    >>> real, fake = Features.given(np.array([[0.0], [1.0]])), Features.given(np.array([[2.0], [3.0]]))
    >>> float(kid(Pair(real, fake)))  # 1 + 343 - 2 (1 + 1 + 27 + 64) / 4
    297.5
    """
    real, fake = pair.require_real().embeddings, pair.fake.embeddings
    _require_told_apart(pair.require_real().own, pair.fake.own)
    if pair.held:
        return _of_shares(pair)
    if block_size is not None:
        if subsets is not None:
            raise WrongInputError("subsets= and block_size= are two ways to take kid; got both. Pass one of them.")
        values = _block_values(real, fake, block_size, pair.seed)
        error = float(values.std(ddof=1)) / math.sqrt(len(values))
        return Score(float(values.mean()), se=error, n=len(fake), details={"blocks": len(values)})
    if subsets is None:
        sums = kernel_sums(real, fake, cubic, within=_within(pair.require_real()) if len(real) > 1 else None)
        return Score.from_influence(sums.mmd2, sums.influence.cpu().numpy())
    values = _subset_values(
        real,
        fake,
        subsets,
        size=SUBSET_SIZE if subset_size is None else subset_size,
    )
    return Score(float(values.mean()), n=len(fake), details={"subset_sd": float(values.std()), "subsets": subsets})


@metric(
    "mmd_rbf",
    better="lower",
    perfect=0.0,
    version=1,
    paper="arXiv:2401.09603",
    question="close",
    least_n=15,
    within=(-1, 2),
    shares=("bandwidth", "unit_rows"),
)
def mmd_rbf(
    pair: Pair, *, bandwidth: Annotated[float, Within(0, 1e25, open=True)] | None = None, unit_rows: bool = False
) -> Score:
    """Squared maximum mean discrepancy with a Gaussian kernel exp(-|x - y|^2 / (2 bandwidth^2)), all pairs, unbiased.

    bandwidth: None takes the median distance between real rows (about 1000 of them, evenly spaced along a direction).
    unit_rows: rows scaled to length 1 first. CMMD's number on CLIP rows is 1000 times this one with `unit_rows=True,
    bandwidth=10.0`, apart from its bias of about 1/n.

    Returns: [-small, 2], unitless; slightly negative values are normal near 0.
    Bias: none in n.
    Standard error: as for `kid`; at n = 250 and d = 784 its 95 % interval covered 90 to 92 %.
    `per_sample["influence"]`; the bandwidth used is in `details`.

    >>> from ganeval.features.rows import Features
    >>> near, far = Features.given(np.zeros((3, 1))), Features.given(np.full((3, 1), 1e6))
    >>> float(mmd_rbf(Pair(near, far), bandwidth=1.0))  # all alike within, nothing in common across
    2.0
    """
    if pair.held:
        return _rbf_of_shares(pair, bandwidth, unit_rows=unit_rows)
    real, fake = (
        _scaled(rows.double(), unit_rows=unit_rows) for rows in (pair.require_real().embeddings, pair.fake.embeddings)
    )
    scale = median_distance(real) if bandwidth is None else bandwidth
    centre = real.mean(dim=0)  # distances do not change, their rounding gets smaller
    sums = kernel_sums(real - centre, fake - centre, gaussian(scale)) if unit_rows else gaussian_sums(pair, scale)
    return Score.from_influence(sums.mmd2, sums.influence.cpu().numpy(), details={"bandwidth": scale})


@metric(
    "cmmd",
    better="lower",
    perfect=0.0,
    version=1,
    paper="arXiv:2401.09603",
    question="close",
    least_n=15,
    within=(-1000, 2000),
    slow=True,
    eye="clip-vit-l-14-336px",
)
def cmmd(pair: Pair) -> Score:
    """CMMD: 1000 times the squared MMD with a Gaussian kernel of bandwidth 10 on CLIP ViT-L/14@336 rows of length 1.

    Jayasumana et al. 2024, whatever extractor the protocol names. The published weights are looked for in
    GANEVAL_WEIGHTS; where they are not, a sentence says so and the other metrics are measured.

    Returns: [-small, 2000]; slightly negative values are normal near 0.
    Bias: none in n; the authors' code keeps the pairs of a row with itself, which adds about 1000 (1 - k) / n a side,
    k the mean of the kernel within it.
    Standard error: as for `kid`. per_sample: influence.
    """
    found = mmd_rbf.compute(pair, bandwidth=CMMD_BANDWIDTH, unit_rows=True)
    return Score.from_influence(
        CMMD_SCALE * float(found), CMMD_SCALE * found.per_sample["influence"], details={"bandwidth": CMMD_BANDWIDTH}
    )


def _of_shares(pair: Pair) -> Score:
    """The same number where no rank has all rows."""
    own = pair.require_real().own
    real, fake = own.shares(pair.ranks), pair.fake.own.shares(pair.ranks)
    sums = sums_of(real, fake, cubic, lambda: own.once("cubic", lambda: within_of(real, cubic)))
    return Score.from_influence(sums.mmd2, sums.influence.cpu().numpy())


def _rbf_of_shares(pair: Pair, bandwidth: float | None, *, unit_rows: bool) -> Score:
    """`mmd_rbf` where no rank has all rows."""
    sides = (pair.require_real().own.shares(pair.ranks), pair.fake.own.shares(pair.ranks))
    real, fake = (replace(side, rows=_scaled(side.rows.double(), unit_rows=unit_rows)) for side in sides)
    scale = of_evenly_spaced(real.evenly_spaced(MEDIAN_ROWS)) if bandwidth is None else bandwidth
    centre = real.mean()
    real, fake = (replace(side, rows=side.rows - centre) for side in (real, fake))
    kernel = gaussian(scale)
    sums = sums_of(real, fake, kernel, lambda: within_of(real, kernel))
    return Score.from_influence(sums.mmd2, sums.influence.cpu().numpy(), details={"bandwidth": scale})


def _scaled(rows: torch.Tensor, *, unit_rows: bool) -> torch.Tensor:
    return directions.unit_rows(rows) if unit_rows else rows


def _within(real: Features) -> torch.Tensor:
    """What the real images say among themselves, once for all sets that are compared with them."""
    return real.own.once("cubic", lambda: within_sums(product_rows(real.embeddings), cubic))


def _require_told_apart(real: Own, fake: Own) -> None:
    """Raise where what the kernel's values differ by drowns in their rounding.

    With s the mean square of a coordinate and t its variance, values are about (s + 1)^3 and differ by (t + 1)^3 - 1;
    float64 products must leave six digits of that, float32 ones, which are averaged over all pairs, three.
    """
    wide = real.rows.dtype != torch.float64 and real.rows.shape[1] > NARROW
    eps, digits = (torch.finfo(torch.float32).eps, 1e-3) if wide else (torch.finfo(torch.float64).eps, 1e-6)
    sets = [own.every(-(-len(own.rows) // MEDIAN_ROWS)).double() for own in (real, fake)]
    s, t = (float(x) for x in (torch.cat(sets).square().mean(), torch.cat(sets).var(dim=0, correction=0).mean()))
    if eps * (s + 1) ** 3 > digits * t * (t * t + 3 * t + 3):
        raise UndefinedError(
            f"kid cubes products of rows, and their differences drown in rounding: a feature is {math.sqrt(s):.3g} in "
            f"size and varies by {math.sqrt(t):.3g}. Use mmd_rbf, or features that lie near 0 and vary by about 1."
        )


def _subset_values(real: torch.Tensor, fake: torch.Tensor, subsets: int, *, size: int) -> np.ndarray:
    if min(len(real), len(fake)) < size:
        raise TooFewSamplesError(
            f"KID subsets of {size} need at least {size} rows in each set; got {len(real)} real and {len(fake)} fake. "
            "Pass a smaller subset_size, or leave subsets out to use all pairs."
        )
    random = np.random.RandomState(SEED)  # the legacy stream is part of the convention
    values = []
    for _ in range(subsets):
        chosen = [random.choice(len(rows), size, replace=False) for rows in (real, fake)]
        part = [rows[torch.from_numpy(i).to(rows.device)] for rows, i in zip((real, fake), chosen, strict=True)]
        values.append(kernel_sums(part[0], part[1], cubic, size).mmd2)
    return np.array(values)


def _block_values(real: torch.Tensor, fake: torch.Tensor, size: int, seed: int) -> np.ndarray:
    """MMD^2 of disjoint blocks of both sets, (b,); which rows a block holds does not depend on the
    order of the file.
    """
    count = min(len(real), len(fake)) // size
    if count < 2:
        raise TooFewSamplesError(
            f"Blocks of {size} need at least {2 * size} rows in each set; got {len(real)} real and {len(fake)} fake. "
            "Pass a smaller block_size, or leave it out to use all pairs."
        )
    cut = [by_lot(rows, (seed, side)).tensor_split(count) for side, rows in enumerate((real, fake))]
    return np.array([kernel_sums(real[i], fake[j], cubic, size).mmd2 for i, j in zip(*cut, strict=True)])
