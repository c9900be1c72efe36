"""Feature likelihood divergence (Jiralerspong et al. 2023, arXiv:2302.04440): one number for fidelity, diversity and
novelty.

A Gaussian is put on every fake row and its width is chosen so that the training rows are likely; then the likelihood of
held-out rows is measured. A copied training row gets a width near zero and is worth nothing on held-out rows.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch

from ganeval.core.options import Within
from ganeval.errors import TooFewSamplesError, UndefinedError
from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.order import seeded_rows
from ganeval.records.scores import Score

ORIGIN_SHRINK = 0.81  # the background Gaussian sees distances shortened by 0.9, as in the authors' code
LEAST_SQUARE = 1e-3  # the least squared distance a width is made of, where the authors' widths start and mostly stay
MOST_LOG_VARIANCE = 20.0
VARIES = 1e-6  # columns of a smaller standard deviation, as a share of the largest, do not vary
STEPS = 40
LEAST = 20


@metric(
    "fld",
    against="train",
    better="lower",
    perfect=None,
    version=2,
    paper="arXiv:2302.04440",
    question="close",
    needs=("real", "heldout"),
    biased_in_n=True,
)
def fld(pair: Pair, *, at_most: Annotated[int, Within(20, 20_000)] = 2000) -> Score:
    """100 / d times how much less likely held-out rows are under the fakes' mixture than under one of training rows.

    Rows are standardised by the held-out set. The mixture has a Gaussian on each fake, equal weights, widths fitted to
    the training rows (`real`) by expectation maximisation, with a broad background component while fitting; the
    baseline is the same with half of the training rows fitted to the other half. `details["gap"]`: training minus
    held-out negative log-likelihood, strongly negative when the fakes are copies.

    Returns: (-inf, inf), near 0 for new samples of the training distribution, higher is worse. At most `at_most` rows
    of each set, drawn with the seed; columns that are constant over the held-out rows take no part.
    No standard error: fresh fakes change every width, which neither the spread over held-out rows nor the fakes' own
    influence at fixed widths can show. Do not gate by it.
    Bias: falls with the number of fakes; compare at equal n only.
    Nearly blind to garbage: fakes far from all rows get no weight, so that 40 % of them cost log(1 / 0.6) / d only.
    Improved by: averaging, a little of which brings fakes nearer to unseen rows.
    Differs from the authors: widths by EM (closed form, no step size) instead of 50 steps of Adam; no squared width
    falls below 1e-3 / d, where theirs start. Without it a row that training and held-out set share weighs as much as
    the floor of the exponent is deep.
    Raises: TooFewSamplesError below 20 rows of any set; UndefinedError where no column varies.
    """
    assert pair.real is not None
    assert pair.heldout is not None
    sets = [s.embeddings.double() for s in (pair.real, pair.heldout, pair.fake)]
    if min(map(len, sets)) < LEAST:
        raise TooFewSamplesError(
            f"FLD needs {LEAST} training, held-out and fake rows; got {', '.join(str(len(s)) for s in sets)}."
        )
    train, test, fake = (rows[seeded_rows(rows, at_most, pair.seed)] for rows in sets)
    train, test, fake = _standardised(train, test, fake)
    variances = fitted_log_variances(fake, train)
    nll = negative_log_likelihood(test, fake, variances)
    half = min(len(fake), len(train) // 2)
    baseline_variances = fitted_log_variances(train[:half], train[half:])
    baseline = negative_log_likelihood(test, train[:half], baseline_variances).mean()
    gap = 100 * float(negative_log_likelihood(train, fake, variances).mean() - nll.mean())
    details = {"gap": gap, "rows": [len(train), len(test), len(fake)], "columns": train.shape[1]}
    return Score(100 * float(nll.mean() - baseline), n=len(pair.fake), details=details)


def _standardised(train: torch.Tensor, test: torch.Tensor, fake: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The columns that vary over the held-out rows, with mean 0 and standard deviation 1 there."""
    mean, sd = test.mean(dim=0), test.std(dim=0)
    varies = sd > VARIES * sd.max()
    if not bool(varies.any()):
        raise UndefinedError("FLD needs held-out features that differ; all rows are equal. Check the extractor.")
    return tuple(((rows - mean) / sd)[:, varies] for rows in (train, test, fake))


def fitted_log_variances(centres: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """log sigma_j^2 (m,) of the mixture on `centres` (m, d) that makes `rows` (n, d) likely; EM with equal weights."""
    d = rows.shape[1]
    squares = torch.cdist(rows, centres).square()
    origin = ORIGIN_SHRINK * (rows - rows.mean(dim=0)).square().sum(dim=1)
    log_variance = ((squares.min(dim=0).values + LEAST_SQUARE) / d).log()
    origin_log_variance = torch.zeros((), dtype=rows.dtype, device=rows.device)
    for _ in range(STEPS):
        parts = _log_density(squares, log_variance, d) - math.log(len(centres))
        background = _log_density(origin[:, None], origin_log_variance, d)
        share = torch.softmax(torch.cat([parts, background], dim=1), dim=1)
        weight = share.sum(dim=0)
        log_variance = _widths((share[:, :-1] * squares).sum(dim=0), weight[:-1], d, log_variance)
        origin_log_variance = _widths((share[:, -1] * origin).sum(), weight[-1], d, origin_log_variance)
    return log_variance


def _widths(squares: torch.Tensor, weight: torch.Tensor, d: int, before: torch.Tensor) -> torch.Tensor:
    """The M step; a centre that no row belongs to keeps its width."""
    owned = weight > 1e-12
    update = (squares / weight.clamp(min=1e-12)).clamp(min=LEAST_SQUARE) / d
    return torch.where(owned, update.log(), before).clamp(max=MOST_LOG_VARIANCE)


def negative_log_likelihood(rows: torch.Tensor, centres: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """-log p(row) / d of each row under the mixture, (n,) nats per dimension."""
    d = rows.shape[1]
    parts = _log_density(torch.cdist(rows, centres).square(), log_variance, d)
    return (math.log(len(centres)) - torch.logsumexp(parts, dim=1)) / d


def _log_density(squares: torch.Tensor, log_variance: torch.Tensor, d: int) -> torch.Tensor:
    return -0.5 * (squares / log_variance.exp() + d * (log_variance + math.log(2 * math.pi)))
