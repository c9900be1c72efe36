"""Mean shift: the first term of FID, |mu_real - mu_fake|^2, which tells a shift from a change of spread."""

import torch

from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.records.scores import Score


@metric(
    "mean_shift",
    better="lower",
    perfect=0.0,
    version=1,
    paper="arXiv:1706.08500",
    question="close",
    within=(0, float("inf")),
    biased_in_n=True,
)
def mean_shift(pair: Pair) -> Score:
    """Are the fakes on average where the reals are?

    Returns: [0, inf), squared units of the embedding. Bias: upwards, tr S_f / n + tr S_r / m.
    Standard error: influence of each fake row, the real set held fixed.
    """
    real, fake = pair.real.embeddings.double(), pair.fake.embeddings.double()
    shift = fake.mean(0) - real.mean(0)
    influence = 2 * (fake - fake.mean(0)) @ shift
    return Score.from_influence(float(torch.dot(shift, shift)), influence.cpu().numpy())
