"""Several eyes: the Frechet distance of each network over what real images get from it at the same n.

The ratio is that of FDr (Yang et al. 2026, "Representation Frechet Loss for Visual Generation", arXiv:2604.28190): a
distance of one network has no unit that another network shares, but "how many times as far as real images are from real
images" has, so that ratios of several networks can be averaged and compared. There the distance of a validation set is
a published constant; here it is measured on the user's own images, at the same n and against the same reference, and
its error is part of the error.

A generator that was chosen, or trained, by what one network sees is good in the eyes of that network. A network that
had no part in the choice tells whether it is good.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.errors import TooFewSamplesError, UndefinedError
from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.gaussian import Gaussian, frechet_influence
from ganeval.numerics.order import seeded_rows
from ganeval.records.score import Z95
from ganeval.records.scores import Score

LEAST = 15  # fakes, and real images in their place: below it no error of a Frechet distance holds


@dataclass(frozen=True, eq=False)
class Eye:
    """What one network makes of both sets: distances of m fakes and of m real images to the same other real images."""

    name: str
    fake: float
    real: float
    of_fakes: NDArray[np.float64]  # (m,) influence on `fake`
    of_reals: NDArray[np.float64]  # (m,) influence on `real`

    @property
    def ratio(self) -> float:
        return self.fake / self.real

    @property
    def pulls(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Influence of each fake and of each real image on the ratio (delta method)."""
        return self.of_fakes / self.real, -self.ratio * self.of_reals / self.real


@metric(
    "fdr",
    better="lower",
    perfect=None,
    version=1,
    paper="arXiv:2604.28190",
    question="close",
    needs=("real", "eyes"),
    within=(0, math.inf),
    biased_in_n=True,
    least_n=LEAST,
)
def fdr(pair: Pair) -> Score:
    """How many times as far from the real images as other real images are, averaged over several networks.

    For the network of the protocol and each of `extractors`: the Frechet distance of m fakes to a part of the real
    images, over the distance of m other real images to that same part, m the smaller of the number of fakes and half of
    the real images, drawn with the seed. The value is the mean of these ratios. `details`: `eyes`, one row a network
    with `ratio`, `se`, both distances and whether it was `chosen`; and each ratio under the name of its network, so
    that a rule of the gate can limit it (`fdr.wavelet`).

    Returns: [0, inf); about 1 for images that are as good as real ones in every network.
    Bias: the numerator has the denominator's bias in n; for a generator that is off the ratio grows with n; compare
    at equal n only.
    Standard error: delta method, fakes and the real images in their place both random, the other real images held
    fixed; what networks share of an image is counted once. Simulated (8
    columns, n = 300): 1.1 to 1.25 times the truth.
    Differs from the paper: normalisers are measured, not published constants.

    >>> from ganeval.features.rows import Features
    >>> real, fake = torch.randn(600, 3, generator=torch.Generator().manual_seed(0)).split([400, 200])
    >>> eye = Pair(Features.given(real[:, :2]), Features.given(fake[:, :2]))
    >>> 0.2 < fdr(Pair(Features.given(real), Features.given(fake), eyes=(eye,))) < 5
    True
    """
    eyes = _eyes(pair)
    fakes, reals = (np.mean([eye.pulls[side] for eye in eyes], axis=0) for side in (0, 1))
    flat = {key: value for eye in eyes for key, value in _flat(eye).items()}
    value = float(np.mean([eye.ratio for eye in eyes]))
    error, details = _error(fakes, reals), {"eyes": _rows(eyes), **flat}
    return Score(value, se=error, interval=_interval(value, error), n=len(fakes), details=details)


@metric(
    "eye_gap",
    better="lower",
    perfect=None,
    version=1,
    paper="arXiv:2604.28190",
    question="close",
    needs=("real", "eyes"),
    within=(0, math.inf),
    biased_in_n=True,
    least_n=LEAST,
)
def eye_gap(pair: Pair) -> Score:
    """How many times as bad the images look to the worst of `extractors`, which had no part in choosing them.

    The ratio of `fdr` of each further network over that of the protocol's own network, which is taken for the one that
    the model was selected with; the largest counts. Large: the chosen network does not see what another does, as after
    selecting or training by it. `details`: `eyes` as in `fdr`, `worst`, and `p_value`, of "no network sees more",
    one-sided, times the number of further networks.

    Returns: [0, inf); about 1 where all networks agree. An honest generator need not have 1: networks differ in what
    they see. Hold it against the same generator of before, or against a limit.
    Bias: grows with n where networks disagree; the maximum is above 1 by chance; compare at equal n only.
    Standard error: delta method for the logarithm, as for `fdr`; that the worst was chosen is in the p-value alone.
    Differs from the paper: it averages; a network that was held out is compared here.
    Raises: UndefinedError where the further networks are the protocol's own.

    >>> from ganeval.features.rows import Features
    >>> real, fake = torch.randn(600, 3, generator=torch.Generator().manual_seed(0)).split([400, 200])
    >>> wide = Pair(Features.given(real), Features.given(fake + torch.tensor([0.0, 0.0, 1.0])))
    >>> blind = Pair(Features.given(real[:, :2]), Features.given(fake[:, :2]), eyes=(wide,))
    >>> eye_gap(blind) > 10, eye_gap(blind).details["p_value"] < 0.001
    (True, True)
    """
    chosen, *others = _eyes(pair)
    if not others:
        raise UndefinedError(
            f"eye_gap compares {chosen.name} with networks that had no part in choosing, and extractors= names no "
            "other. Name another one, for example wavelet."
        )
    gaps = [_gap(chosen, other) for other in others]
    worst = max(range(len(gaps)), key=lambda i: gaps[i][0])
    value, error = gaps[worst]
    p = min(1.0, len(gaps) * min(_upper_tail(math.log(gap) / se) for gap, se in gaps))
    details = {"eyes": _rows([chosen, *others]), "worst": others[worst].name, "p_value": p}
    error *= value
    return Score(value, se=error, interval=_interval(value, error), n=len(chosen.of_fakes), details=details)


def _interval(ratio: float, se: float) -> tuple[float, float]:
    """95 %, symmetric in the logarithm: a ratio is never below 0."""
    times = math.exp(Z95 * se / ratio) if ratio > 0 else 1.0
    return ratio / times, ratio * times


def _gap(chosen: Eye, other: Eye) -> tuple[float, float]:
    """The ratio of two ratios, and the standard error of its logarithm."""
    if chosen.ratio <= 0 or other.ratio <= 0:
        raise UndefinedError("A network puts the fakes at distance 0 from the real images: they are the same images.")
    fakes, reals = (other.pulls[side] / other.ratio - chosen.pulls[side] / chosen.ratio for side in (0, 1))
    return other.ratio / chosen.ratio, max(_error(fakes, reals), 1e-12)


def _upper_tail(z: float) -> float:
    from scipy.special import log_ndtr

    return float(np.exp(log_ndtr(-z)))


def _error(fakes: NDArray[np.float64], reals: NDArray[np.float64]) -> float:
    return math.sqrt(fakes.var(ddof=1) / len(fakes) + reals.var(ddof=1) / len(reals))


def _flat(eye: Eye) -> dict[str, float]:
    return {eye.name: eye.ratio, f"{eye.name}_se": _error(*eye.pulls)}


def _rows(eyes: list[Eye]) -> list[dict[str, Any]]:
    return [
        {
            "name": eye.name,
            "ratio": eye.ratio,
            "se": _error(*eye.pulls),
            "distance": eye.fake,
            "real_against_real": eye.real,
            "chosen": eye is eyes[0],
        }
        for eye in eyes
    ]


def _eyes(pair: Pair) -> list[Eye]:
    """Each network once, the protocol's own first."""
    return pair.once("eyes", lambda: _looked(pair))


def _looked(pair: Pair) -> list[Eye]:
    real, fake = pair.require_real(), pair.fake
    m = min(len(fake), len(real) // 2)
    if m < LEAST:
        raise TooFewSamplesError(
            f"A ratio of distances needs {LEAST} fakes and {2 * LEAST} real images; got {len(fake)} and {len(real)}. "
            "Pass more images."
        )
    order = seeded_rows(real.embeddings, len(real), pair.seed)
    fakes = seeded_rows(fake.embeddings, m, pair.seed)
    return [_eye(name, eye, order[:m], order[m:], fakes) for name, eye in _named(pair).items()]


def _named(pair: Pair) -> dict[str, Pair]:
    """Each network once, under its name; two of one name with their weights; of rows that are given nobody knows."""
    named: dict[str, Pair] = {}
    for number, eye in enumerate((pair, *pair.eyes)):
        passport = eye.fake.passport
        taken = named.get(passport.extractor)
        if taken is None:
            named[passport.extractor] = eye
        elif passport.extractor == "given":
            named[f"given {number + 1}"] = eye
        elif taken.fake.passport.weights_sha256 != passport.weights_sha256:
            named[f"{passport.extractor}@{passport.weights_sha256[:8]}"] = eye
    return named


def _eye(name: str, pair: Pair, stand_in: torch.Tensor, rest: torch.Tensor, fakes: torch.Tensor) -> Eye:
    pair.require_resolved()
    real = pair.require_real().embeddings
    reference = Gaussian.of(real[rest])
    (far, of_fakes), (near, of_reals) = (
        frechet_influence(reference, Gaussian.of(rows), rows) for rows in (pair.fake.embeddings[fakes], real[stand_in])
    )
    if near <= 0:
        raise UndefinedError(
            f"{name} puts real images at distance 0 from real images: it gives all of them one row. Leave it out of "
            "extractors."
        )
    return Eye(name, far, near, of_fakes.cpu().numpy(), of_reals.cpu().numpy())
