"""rFID: the Frechet distance between images and their own reconstructions (Rombach et al. 2022, arXiv:2112.10752,
tables).

The number is that of `fid`. What differs is the error: an image and its reconstruction are drawn together, so the noise
of both sides mostly cancels, and neither is held fixed.
"""

from __future__ import annotations

import math

from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.gaussian import frechet_influence
from ganeval.records.scores import Score


@metric(
    "rfid",
    better="lower",
    perfect=0.0,
    version=1,
    paper="arXiv:2112.10752",
    question="paired",
    least_n=15,
    within=(0, math.inf),
    biased_in_n=True,
    needs=("real", "paired"),
)
def rfid(pair: Pair) -> Score:
    """The Frechet distance between images and their own reconstructions: what the decoder loses of the distribution.

    The formula of `fid`, with as many real images as fakes, one for each.

    Returns: [0, inf), in squared units of the embedding; 0 for identical pairs.
    Bias: upwards, but less than that of `fid`, because both sides share their images; compare at equal n only.
    Standard error: the influences of an image and of its reconstruction added, so both sides are random and paired (the
    error of `fid` holds the real set fixed and is several times too large here).
    per_sample: influence.
    """
    real, fake = pair.real_gaussian, pair.fake_gaussian
    value, of_fake = frechet_influence(real, fake, pair.fake.embeddings)
    _, of_real = frechet_influence(fake, real, pair.require_real().embeddings)
    return Score.from_influence(value, (of_fake + of_real).cpu().numpy())
