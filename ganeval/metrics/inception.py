"""Inception score (Salimans et al. 2016, arXiv:1606.03498) and mode score (Che et al. 2017, arXiv:1612.02136).

Where implementations differ: the classical protocol averages over 10 splits and prints their spread, which is neither
a standard error nor an interval, and depends on the order of the images: a set sorted by class got 62 instead of 298
(openai/guided-diffusion#165). torch-fidelity shuffles with seed 2020 first, torchmetrics unseeded, others not at all.
Taking log of float32 probabilities gives NaN on the saturated outputs of a good digit classifier; here everything is
float64 and starts from logits. "Inception score" on other classifiers' logits is a score of that classifier's classes.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
import torch

from ganeval.core.options import Count, Silent
from ganeval.errors import TooFewSamplesError, UndefinedError, WrongInputError
from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.logits import Verdicts
from ganeval.records.scores import Score

SEED = 2020  # torch-fidelity's shuffle


@metric(
    "inception_score",
    better="higher",
    perfect=None,
    version=1,
    paper="arXiv:1606.03498",
    question="fidelity",
    within=(1, math.inf),
    needs=("logits", "moments"),
    biased_in_n=True,
)
def inception_score(pair: Pair, *, splits: Count | None = None, se: Annotated[bool, Silent()] = True) -> Score:
    """exp of the mean KL divergence from each image's class probabilities to their average.

    Returns: [1, k] for k classes; k when every image is classified with certainty and all classes are equally
    frequent. No single value is perfect: real images score what the classifier makes of them.
    Bias: slightly downwards, of order k/n; compare at equal n only.
    Standard error: delta method on log IS over all images at once; its influence is the per-image KL divergence.
    The 95 % interval is symmetric in log IS.
    `se=False` skips it, and says that sums over the images suffice: no verdict has to be kept.
    Blind to anything within a class: one perfect image per class gets the highest score.
    Improved by: averaging. A classifier is surer of a class's mean than of its members.
    Differs from torch-fidelity: one split. `splits=10` reproduces theirs (shuffled with their seed 2020 in every
    protocol); `details` then holds the spread over splits and there is no standard error.

    >>> from ganeval.features.rows import Features
    >>> certain = Features.given(np.zeros((4, 1)), logits=1000.0 * np.eye(4))
    >>> round(float(inception_score(Pair(None, certain))), 6)
    4.0
    """
    if pair.verdicts is not None:
        return _of_sums(pair.verdicts, splits, se=se)
    log_p = _log_probabilities(pair.fake.logits)
    if splits is not None:
        return _over_splits(log_p, splits)
    divergence = _divergence(log_p, log_marginal(log_p))
    mean = float(divergence.mean())
    return _exponential(mean, divergence) if se else Score(math.exp(mean), n=len(log_p))


def _of_sums(verdicts: Verdicts, splits: int | None, *, se: bool) -> Score:
    if splits is not None:
        raise UndefinedError(
            "Splits of the images need the verdict on each; only sums were kept. Leave splits= or se=False out."
        )
    if verdicts.n < 2:
        raise TooFewSamplesError(f"An average over images needs at least 2 of them; got {verdicts.n}.")
    details = {"no_error": "only sums of the verdicts were kept; the error needs each of them"} if se else {}
    return Score(math.exp(verdicts.mean_divergence()), n=verdicts.n, details=details)


@metric(
    "mode_score",
    better="higher",
    perfect=None,
    version=1,
    paper="arXiv:1612.02136",
    question="fidelity",
    within=(0, math.inf),
    needs=("real", "logits", "real_logits"),
    biased_in_n=True,
)
def mode_score(pair: Pair) -> Score:
    """The inception score, less what the fake classes differ from the real ones: exp(E KL(p(y|x) | p) - KL(p | p_r)).

    p is the average of the fake class probabilities, p_r that of the real ones. (With p_r in the first term too, as
    some surveys print it, the two terms would collapse to the inception score by the chain rule.)

    Returns: (0, k]; equal to the inception score where the fake classes are as frequent as the real ones.
    Bias: downwards, of order k/n in both terms; compare at equal n only.
    Standard error: delta method on its logarithm, the real set held fixed.

    >>> from ganeval.features.rows import Features
    >>> classes = ([0, 1, 2, 3], [0, 1, 0, 1])
    >>> real, fake = (Features.given(np.zeros((4, 1)), logits=1000.0 * np.eye(4)[c]) for c in classes)
    >>> round(float(mode_score(Pair(real, fake))), 6)  # two certain classes, but half of those due: exp(log 2 - log 2)
    1.0
    """
    log_p, log_real = _log_probabilities(pair.fake.logits), _log_probabilities(pair.require_real().logits)
    marginal, target = log_marginal(log_p), log_marginal(log_real)
    penalty = float((marginal.exp() * (marginal - target)).sum())
    divergence = _divergence(log_p, marginal)
    influence = divergence - (log_p.exp() * (marginal - target)).sum(dim=1)
    return _exponential(float(divergence.mean()) - penalty, influence)


def log_marginal(log_p: torch.Tensor) -> torch.Tensor:
    """log of the average of the rows of exp(log_p) (n, k), without underflow: (k,)."""
    return torch.logsumexp(log_p, dim=0) - math.log(len(log_p))


def _log_probabilities(logits: torch.Tensor | None) -> torch.Tensor:
    if logits is None or logits.ndim != 2 or logits.shape[1] < 2:
        shape = None if logits is None else tuple(logits.shape)
        raise WrongInputError(f"Logits must be (n, k) with at least 2 classes; got {shape}.")
    if len(logits) < 2:
        raise TooFewSamplesError(f"An average over images needs at least 2 of them; got {len(logits)}.")
    return logits.to(torch.float64).log_softmax(dim=1)


def _divergence(log_p: torch.Tensor, log_q: torch.Tensor) -> torch.Tensor:
    return (log_p.exp() * (log_p - log_q)).sum(dim=1)


def _exponential(log_value: float, influence: torch.Tensor) -> Score:
    value = math.exp(log_value)
    psi = (influence - influence.mean()).cpu().numpy()
    return Score.from_influence(value, value * psi, scale="log")


def _over_splits(log_p: torch.Tensor, splits: int) -> Score:
    n = len(log_p)
    if not 1 <= splits <= n:
        raise WrongInputError(f"splits must lie between 1 and the number of images, {n}; got {splits}.")
    order = np.random.RandomState(SEED).permutation(n)  # the legacy stream is part of the convention
    log_p = log_p[torch.from_numpy(order).to(log_p.device)]
    parts = [log_p[i * n // splits : (i + 1) * n // splits] for i in range(splits)]
    values = np.array([math.exp(float(_divergence(part, log_marginal(part)).mean())) for part in parts])
    return Score(float(values.mean()), n=n, details={"split_sd": float(values.std()), "splits": splits})
