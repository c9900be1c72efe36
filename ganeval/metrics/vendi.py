"""Vendi score: the effective number of different samples (Friedman and Dieng 2022, arXiv:2210.02410).

The exponential of the Renyi entropy of order q of the eigenvalues of K/n, K the cosine kernel. Those eigenvalues are
also the ones of the d x d second-moment matrix of the unit rows, so the smaller of the two is decomposed. Orders as in
Pasarkar and Dieng 2023 (arXiv:2310.12952): q < 1 listens to rare modes, q = inf only to the largest.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
import torch

from ganeval.core.options import Within
from ganeval.errors import TooFewSamplesError
from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.directions import unit_rows
from ganeval.records.scores import Score

ORDERS = (0.5, 1.0, 2.0, math.inf)
NEAR_ONE = 1e-7  # orders nearer to 1 are 1: the power of 1 / (1 - q) would be rounding
NULL = 1e-12  # eigenvalues below this share of their sum are rounding, not variety


@metric(
    "vendi",
    better="target",
    perfect=None,
    version=1,
    paper="arXiv:2210.02410",
    question="diversity",
    least_n=50,
    within=(1, math.inf),
    needs=(),
    biased_in_n=True,
)
def vendi(pair: Pair, *, q: Annotated[float, Within(0.001, math.inf)] = 1.0) -> Score:
    """How many clearly different samples the fakes amount to, as seen by cosine similarity of the embeddings.

    V_q = exp(H_q(eigenvalues of K/n)), K_ij the cosine of rows i and j; H_1 is Shannon's entropy.
    `details` holds V_q for q in 0.5, 1, 2, inf, for the real set too where there is one, and the ratio to it.

    Returns: [1, min(n, d)], unitless; 1 when all rows are parallel. Higher is more varied, not better (noise, shifts
    and warps raise it): the target is a ratio to the real set of 1.
    Standard error: delta method; row x moves H_1 by -x' log(M) x - H_1, M the mean of x x' (similar for other q).
    At n = 250 and d = 784 its 95 % interval covered 90 to 92 %; on two real embeddings (n = 500, d = 64) it is right.
    Bias: grows with n towards its limit; compare at equal n only.
    Differs from vendi-score: its `score_X(q=)` ignores q, ours does not.
    Raises: UndefinedError when a row is zero (no direction), TooFewSamplesError below 2 rows.

    >>> from ganeval.features.rows import Features
    >>> two_directions = Features.given(torch.tensor([[1.0, 0.0], [0.0, 3.0], [2.0, 0.0], [0.0, 1.0]]))
    >>> round(float(vendi(Pair(None, two_directions))), 6)
    2.0
    """
    spectrum = Spectrum.of(pair.fake.embeddings)
    values = {_label(order): spectrum.score(order) for order in ORDERS}
    details: dict[str, object] = {"orders": values}
    if pair.real is not None:
        real = Spectrum.of(pair.real.embeddings)
        details["real"] = {_label(order): real.score(order) for order in ORDERS}
        details["ratio_to_real"] = {_label(o): spectrum.score(o) / real.score(o) for o in ORDERS}
    q = 1.0 if abs(q - 1) < NEAR_ONE else q
    value = spectrum.score(q)
    return Score.from_influence(value, value * spectrum.influence(q), details=details)


class Spectrum:
    """Eigenvalues of the second-moment matrix of unit rows, and each row's squared coordinates on its eigenvectors."""

    def __init__(self, eigenvalues: torch.Tensor, coordinates: torch.Tensor) -> None:
        self.eigenvalues = eigenvalues  # (r,) positive, sum 1
        self.coordinates = coordinates  # (n, r), rows sum to 1

    @classmethod
    def of(cls, rows: torch.Tensor) -> Spectrum:
        if len(rows) < 2:
            raise TooFewSamplesError(f"The Vendi score needs at least 2 rows; got {len(rows)}. Generate more images.")
        unit = unit_rows(rows.double())
        n, d = unit.shape
        if d <= n:
            values, vectors = torch.linalg.eigh(unit.T @ unit / n)
            coordinates = (unit @ vectors).square()
        else:  # the n x n Gram has the same eigenvalues; u_i' x_j = sqrt(n lambda_i) v_ij
            values, vectors = torch.linalg.eigh(unit @ unit.T / n)
            coordinates = n * values.clamp(min=0) * vectors.square()
        keep = values > NULL * values.sum()
        return cls(values[keep], coordinates[:, keep])

    def score(self, q: float) -> float:
        p = self.eigenvalues
        if q == 1:
            return float(torch.exp(-(p * p.log()).sum()))
        if math.isinf(q):
            return float(1 / p.max())
        return float(torch.exp(torch.logsumexp(q * p.log(), dim=0) / (1 - q)))

    def influence(self, q: float) -> np.ndarray:
        """First-order effect of each row on the entropy H_q, (n,)."""
        p, c = self.eigenvalues, self.coordinates
        if q == 1:
            psi = -(c @ p.log()) + (p * p.log()).sum()
        elif math.isinf(q):
            psi = 1 - c[:, -1] / p.max()
        else:
            psi = q / (1 - q) * (c @ ((q - 1) * p.log() - torch.logsumexp(q * p.log(), dim=0)).exp() - 1)
        return psi.cpu().numpy()


def _label(q: float) -> str:
    return "inf" if math.isinf(q) else f"{q:g}"
