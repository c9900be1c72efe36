"""Are the classes generated as often as they should be? Histogram against a target prior, with exact tests.

A generator that forgets a class (mode collapse) is invisible to many distances and plain in a histogram. The classes
are those that a classifier assigns. The target prior: the same classifier's verdicts on the real set, so that its
errors stand on both sides; without them the labels of the real set, else uniform.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.errors import TooFewSamplesError, UndefinedError, WrongInputError
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics import metric
from ganeval.numerics.intervals import wilson
from ganeval.numerics.strata import are_balanced
from ganeval.records.scores import Z95, Score

SMALLEST_EXPECTED = 5.0  # Cochran's rule: below it the chi-square tail is not to be trusted
UNIFORM = "uniform"
SIMULATIONS = 9999  # of the exact multinomial test: p is known to 0.01 at worst
SIMULATED = 0  # one stream of draws for every protocol: the value does not depend on it


@metric(
    "class_balance",
    better="lower",
    perfect=0.0,
    version=2,
    paper="doi:10.1214/aoms/1177729694",
    question="diversity",
    within=(0, math.inf),
    needs=("logits",),
    wants=("real_labels",),
    biased_in_n=True,
)
def class_balance(pair: Pair) -> Score:
    """KL divergence, in nats, from the target prior to the histogram of the fakes' classes.

    sum_c p_c log(p_c / q_c) with p the generated and q the target shares (Kullback and Leibler 1951).

    Returns: [0, log(1 / min q)]; 0 when the shares agree exactly.
    Bias: upwards by (k - 1) / 2 (1 / n + 1 / m) for k classes, m the number of real images where the target comes from
    them (`details["expected_by_chance"]`); compare at equal n only.
    Standard error: of fresh fakes, the target held fixed: delta method to second order, for the first order vanishes at
    p = q; within classes where the labels are balanced. The interval also allows for the noise of the target: it is the
    wider one of the normal interval and the inverted non-central chi-square.
    details: `classes` (count, share with Wilson interval, target), `missing` with the probability of missing that
    class by chance, `p_value` of the chi-square test (of two samples where the target is one; simulated where an
    expected count is below 5; conservative with balanced labels),
    `kl_target_fake`, the divergence the other way round, KL(target || fakes) (None when a class is missing: it is
    infinite).

    >>> from ganeval.features.rows import Features
    >>> fakes = Features.given(np.zeros((4, 1)), logits=9 * np.eye(2)[[0, 0, 0, 0]])
    >>> score = class_balance(Pair(None, fakes))
    >>> round(float(score), 4), score.details["missing"]  # log 2; a fair coin misses one side of four with 1/16
    (0.6931, [{'name': '1', 'by_chance': 0.0625}])
    """
    counts, target, source = _counts_and_target(pair)
    n, k, prior = int(counts.sum()), len(counts), target / target.sum()
    m = 0 if source == UNIFORM else int(target.sum())
    shares = counts / n
    if (counts[prior == 0] > 0).any():
        absent = [int(c) for c in np.flatnonzero((prior == 0) & (counts > 0))]
        raise UndefinedError(
            f"The divergence is infinite: classes {absent} were generated but have share 0 in the target ({source}). "
            "Pass real images of every class."
        )
    log_ratio = np.log(shares, where=shares > 0, out=np.zeros(k)) - np.log(prior, where=prior > 0, out=np.zeros(k))
    value = float(max((shares * log_ratio).sum(), 0.0))
    se = _second_order_error(log_ratio, prior, _spread(pair.fake, k), n)
    due = prior > 0
    p_value, test = (_two_samples if m else _goodness_of_fit)(counts[due], target[due])
    df, per_n = int(due.sum()) - 1, 1 / n + (1 / m if m else 0)
    details = {
        "classes": _table(counts, prior, pair.fake.passport.class_names),
        "missing": missing_table(counts, prior, pair.fake.passport.class_names),
        "prior": source,
        "p_value": p_value,
        "test": test,
        "kl_target_fake": _kl_target_fake(shares, prior),
        "expected_by_chance": df / 2 * per_n,
    }
    interval = _interval(value, se, 1 / per_n, df)
    return Score(value, se=se, interval=interval, n=n, details=details)


@metric(
    "missing_classes",
    better="lower",
    perfect=0.0,
    version=1,
    paper="arXiv:1611.02163",
    question="diversity",
    within=(0, math.inf),
    needs=("logits",),
    wants=("real_labels",),
    biased_in_n=True,
)
def missing_classes(pair: Pair) -> Score:
    """The number of target classes that not one generated image was judged to show: a hard count.

    Returns: 0, 1, ... k. No standard error: one image more or less may flip a hard count.
    Bias: falls with n, as every count of missing things does; compare at equal n only. `details["missing"]` gives the
    probability of missing that class by chance at this n, were the generator balanced.
    details["doubtful"]: classes whose images may all be misread ones of other classes: not more of them than the
    classifier's own confusion explains (Poisson tail > 0.01); empty where that confusion is not known.

    >>> from ganeval.features.rows import Features
    >>> float(missing_classes(Pair(None, Features.given(np.zeros((2, 1)), logits=9 * np.eye(5)[[0, 3]]))))
    3.0
    """
    counts, target, source = _counts_and_target(pair)
    prior = target / target.sum()
    names = pair.fake.passport.class_names
    missing = missing_table(counts, prior, names)
    doubtful = [_name(names, c) for c in doubtful_classes(counts, pair.fake.confusion)]
    details = {"missing": missing, "doubtful": doubtful, "prior": source, "counts": counts.tolist()}
    return Score(float(len(missing)), n=int(counts.sum()), details=details)


def missing_table(
    counts: NDArray[np.int64], prior: NDArray[np.float64], names: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """The classes of positive prior that never came, and (1 - q)^n: how probable that is by chance.

    >>> missing_table(np.array([2, 0]), np.array([0.5, 0.5]))
    [{'name': '1', 'by_chance': 0.25}]
    """
    n = int(counts.sum())
    absent = np.flatnonzero((counts == 0) & (prior > 0))
    return [{"name": _name(names, c), "by_chance": float((1 - prior[c]) ** n)} for c in absent]


def doubtful_classes(counts: NDArray[np.int64], confusion: NDArray[np.int64] | None) -> list[int]:
    """Classes that were judged present no more often than misread images of the others explain."""
    if confusion is None or confusion.shape != (len(counts), len(counts)):
        return []
    from scipy import stats

    judged = (confusion + 0.5) / (confusion + 0.5).sum(axis=1, keepdims=True)  # no error rate is exactly 0
    found = []
    for c in np.flatnonzero(counts):
        others = np.delete(counts, c)
        expected = float((others * np.delete(judged[:, c], c)).sum())
        if stats.poisson.sf(counts[c] - 1, expected) > 0.01:
            found.append(int(c))
    return found


def _counts_and_target(pair: Pair) -> tuple[NDArray[np.int64], NDArray[np.int64], str]:
    """Fakes in each class, and reals in each class, or one of each where the target is not known from reals."""
    logits = pair.fake.logits
    if logits is None or len(logits) == 0:
        raise TooFewSamplesError("A histogram of classes needs at least one judged fake image; got none.")
    k = logits.shape[1]
    counts = np.bincount(_judged(logits), minlength=k)
    real = pair.real
    if real is not None and real.logits is not None:
        return counts, _counted(_judged(real.logits), k), "judged classes of the real set"
    if real is not None and real.labels is not None:
        return counts, _counted(real.labels.cpu().numpy(), k), "labels of the real set"
    return counts, np.ones(k, dtype=np.int64), UNIFORM


def _judged(logits: torch.Tensor) -> NDArray[np.int64]:
    return logits.argmax(dim=1).cpu().numpy()


def _counted(labels: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    if len(labels) == 0:
        raise TooFewSamplesError("The target shares come from the real set, which is empty. Pass real images.")
    if labels.min() < 0 or labels.max() >= k:
        raise WrongInputError(f"Real labels must lie in 0..{k - 1}; got {labels.min()} to {labels.max()}.")
    return np.bincount(labels, minlength=k)


def _spread(fake: Features, k: int) -> NDArray[np.float64]:
    """(k, k) covariance of one image's judged class, or its within-class covariance where the labels are balanced."""
    assert fake.logits is not None
    judged, asked = np.eye(k)[_judged(fake.logits)], None if fake.labels is None else fake.labels.cpu().numpy()
    if asked is None or not are_balanced(asked):
        asked = np.zeros(len(judged), dtype=np.int64)
    total = np.zeros((k, k))
    for label in np.unique(asked):
        p = judged[asked == label].mean(axis=0)
        total += (np.diag(p) - np.outer(p, p)) * (asked == label).mean()
    return total


def _second_order_error(
    log_ratio: NDArray[np.float64], prior: NDArray[np.float64], spread: NDArray[np.float64], n: int
) -> float:
    """Var KL = g'V g / n + tr((V / q)^2) / (2 n^2), g = log(p / q), V the covariance of one judged class."""
    curved = spread / np.where(prior > 0, prior, 1)[:, None]
    return float(np.sqrt(log_ratio @ spread @ log_ratio / n + (curved @ curved).trace() / (2 * n * n)))


def _name(names: tuple[str, ...], c: int | np.intp) -> str:
    return names[c] if c < len(names) else str(int(c))


def _table(counts: NDArray[np.int64], prior: NDArray[np.float64], names: tuple[str, ...]) -> list[dict[str, Any]]:
    n = int(counts.sum())
    return [
        {
            "name": _name(names, c),
            "count": int(count),
            "share": count / n,
            "interval": list(wilson(int(count), n)),
            "target": float(prior[c]),
        }
        for c, count in enumerate(counts)
    ]


def _kl_target_fake(shares: NDArray[np.float64], prior: NDArray[np.float64]) -> float | None:
    due = prior > 0
    if (shares[due] == 0).any():
        return None
    return float((prior[due] * np.log(prior[due] / shares[due])).sum())


def _goodness_of_fit(counts: NDArray[np.int64], target: NDArray[np.int64]) -> tuple[float, str]:
    """Of counts against known shares."""
    from scipy import stats

    n, prior = int(counts.sum()), target / target.sum()
    expected = n * prior
    if expected.min() >= SMALLEST_EXPECTED:
        return float(stats.chisquare(counts, expected).pvalue), "chi-square"
    draws = np.random.default_rng(SIMULATED).multinomial(n, prior, size=SIMULATIONS)
    return _simulated(draws, counts, expected), "exact multinomial, simulated"


def _two_samples(counts: NDArray[np.int64], target: NDArray[np.int64]) -> tuple[float, str]:
    """Of two samples: chi-square of their 2 x k table, or the same statistic with rows dealt again at random."""
    from scipy import stats

    if len(counts) < 2:
        return 1.0, "one class only"
    both, n = counts + target, int(counts.sum())
    expected = n * both / both.sum()
    if min(expected.min(), (both - expected).min()) >= SMALLEST_EXPECTED:
        return float(
            np.asarray(stats.chi2_contingency([counts, target], correction=False)[1])
        ), "chi-square of two samples"
    draws = np.random.default_rng(SIMULATED).multivariate_hypergeometric(both, n, size=SIMULATIONS)
    return _simulated(draws, counts, expected), "two samples, dealt again at random"


def _simulated(draws: NDArray[np.int64], counts: NDArray[np.int64], expected: NDArray[np.float64]) -> float:
    distance, seen = (((x - expected) ** 2 / expected).sum(axis=-1) for x in (draws, counts))
    return float((1 + (distance >= seen - 1e-9).sum()) / (1 + SIMULATIONS))


def _interval(value: float, se: float, n: float, df: int) -> tuple[float, float]:
    if df < 1:
        return value, value
    low = _noncentrality(2 * n * value, df, 0.975) / (2 * n)
    # A statistic below its expectation at KL = 0 says no more than one equal to it: the upper end never collapses.
    high = _noncentrality(max(2 * n * value, df), df, 0.025) / (2 * n)
    return max(0.0, min(low, value - Z95 * se)), max(high, value + Z95 * se)


def _noncentrality(statistic: float, df: int, tail: float) -> float:
    """The non-centrality at which P(chi-square <= statistic) is `tail`; 0 where none is that large."""

    from scipy import optimize, stats

    def excess(nc: float) -> float:
        return (
            float(stats.ncx2.cdf(statistic, df, nc)) - tail if nc > 0 else float(stats.chi2.cdf(statistic, df)) - tail
        )

    if excess(0.0) <= 0:
        return 0.0
    top = statistic + 10 * np.sqrt(statistic + df) + 10
    return float(optimize.root_scalar(excess, bracket=(0.0, top), method="brentq").root)
