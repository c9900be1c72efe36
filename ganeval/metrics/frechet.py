"""Frechet distances between feature sets: FID (Heusel et al. 2017, arXiv:1706.08500) and its debiased forms.

Where implementations differ, given the same features: pytorch-fid, torch-fidelity, clean-fid and torchmetrics divide
covariances by n - 1 and coincide up to rounding (torch-fidelity keeps the mean in float32, about 1e-8 relative;
their non-symmetric roots carry noise of 1e-8 to 1e-5 where n < d); StyleGAN3 divides by n. Larger differences
between published numbers come from resizing and weights, before the features: that is the extractor's passport.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.errors import TooFewSamplesError, UndefinedError, UnknownNameError
from ganeval.metric import metric
from ganeval.numerics.gaussian import Gaussian, frechet_distance, frechet_influence
from ganeval.pair import Pair
from ganeval.registry import unknown_name
from ganeval.scores import Score

DIVISOR_N_MINUS_1 = ("clean-fid", "pytorch-fid", "torch-fidelity", "torchmetrics")
DIVISOR_N = ("stylegan3",)
ROWS_PER_DIMENSION = 10  # below it the half-split over-corrects (simulated at n / d = 2 to 4)


@metric("fid", better="lower", perfect=0.0, version=1, paper="arXiv:1706.08500", question="close", biased_in_n=True)
def fid(pair: Pair, *, se: bool = True, convention: str | None = None) -> Score:
    """Frechet distance between Gaussians fitted to real and fake embeddings.

    |mu_r - mu_f|^2 + tr S_r + tr S_f - 2 tr (S_r S_f)^(1/2), covariances divided by n - 1 (eq. 6 of the paper).

    Returns: [0, inf), in squared units of the embedding; 0 for identical sets (differences of shape below 1e-10 of
    the total variance read as 0).
    Bias: upwards, about proportional to 1/n, so that only equal n may be compared; `fid_debiased` removes it.
    Standard error: influence function with the real set held fixed (arXiv:1507.04090), for the distance *at this n*,
    bias included. `per_sample["influence"]`: positive rows pull the distance up. `se=False` skips both and is faster.
    Differs from: stylegan3, which divides by n (`convention="stylegan3"`); the other conventions coincide given
    features.
    """
    _known_convention(convention)
    real, fake = pair.real_gaussian, pair.fake_gaussian
    if convention in DIVISOR_N:
        real, fake = real.biased(), fake.biased()
    return _distance(real, fake, pair.fake.embeddings, se=se)


@metric(
    "sfid", better="lower", perfect=0.0, version=1, paper="arXiv:2103.03841", question="close", biased_in_n=True,
    needs=("real", "spatial", "real_spatial"),
)  # fmt: skip
def sfid(pair: Pair, *, se: bool = True) -> Score:
    """The Frechet distance on spatial features, which see where things are (Nash et al. 2021, section 3).

    The same formula, bias and error as `fid`, on an intermediate feature map of the extractor, flattened.
    Returns: [0, inf); 0 for identical sets.
    """
    real, rows = pair.require_real().spatial, pair.fake.spatial
    if real is None or rows is None:
        raise UndefinedError("sfid needs spatial features of both sets. Choose an extractor that offers them.")
    return _distance(Gaussian.of(real), Gaussian.of(rows), rows, se=se)


@metric("fid_debiased", better="lower", perfect=0.0, version=1, paper="arXiv:1911.07023", question="close")
def fid_debiased(pair: Pair, *, seed: int = 0) -> Score:
    """The Frechet distance with its 1/n bias removed by a half split: 2 FID_n - (FID_a + FID_b) / 2.

    a and b are the two halves of the fake set in a seeded random order. A bias c/n is doubled in the halves and so
    cancels; what remains is of order 1/n^2 in the fake set (the real set's own share of the bias stays).

    Returns: (-small, inf): slightly negative values are normal near 0.
    Refuses n < 10 d: there the second-order term is as large as the first and the value over-corrects.
    Standard error: the influence values of the whole and of the halves combine linearly, row by row.
    """
    rows = pair.fake.embeddings
    _require_many(rows, "fid_debiased")
    value, psi = frechet_influence(pair.real_gaussian, pair.fake_gaussian, rows)
    halves = np.array_split(np.random.default_rng(seed).permutation(len(rows)), 2)
    influence, means = 2 * psi.cpu().numpy(), []
    for half in halves:
        part = _take(rows, half)
        half_value, half_psi = frechet_influence(pair.real_gaussian, Gaussian.of(part), part)
        influence[half] -= half_psi.cpu().numpy() * (len(rows) / (2 * len(half)))
        means.append(half_value)
    return Score.from_influence(2 * value - sum(means) / 2, influence, details={"fid": value, "halves": means})


def _distance(real: Gaussian, fake: Gaussian, rows: torch.Tensor, *, se: bool) -> Score:
    if not se:
        return Score(frechet_distance(real, fake), n=fake.n)
    value, psi = frechet_influence(real, fake, rows)
    return Score.from_influence(value, psi.cpu().numpy())


def _known_convention(name: str | None) -> None:
    known = (*DIVISOR_N_MINUS_1, *DIVISOR_N)
    if name is not None and name not in known:
        raise UnknownNameError(unknown_name("convention of fid", name, known))


def _require_many(rows: torch.Tensor, name: str) -> None:
    n, d = rows.shape
    if n < ROWS_PER_DIMENSION * d:
        raise TooFewSamplesError(
            f"{name} needs n >= 10 d = {ROWS_PER_DIMENSION * d} fake rows for d = {d}; got {n}. "
            "Generate that many, or use fid, whose bias is the same for equal n."
        )


def _take(rows: torch.Tensor, index: NDArray[np.int64]) -> torch.Tensor:
    return rows[torch.from_numpy(index).to(rows.device)]
