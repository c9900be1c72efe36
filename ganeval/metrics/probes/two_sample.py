"""Two-sample tests: can a machine tell real from fake? (C2ST: Lopez-Paz and Oquab 2017, arXiv:1610.06545;
MMD permutation test: Gretton et al. 2012, JMLR 13:723).

Both answer "is there a difference?", never "how good?": with enough images every generator is recognised.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
import torch

from ganeval.core.options import Permutations, Within
from ganeval.errors import TooFewSamplesError, UndefinedError
from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.order import row_keys, seeded_rows, shuffled_sides
from ganeval.records.scores import Z95, Score

LEAST = 20  # rows of each side under which neither test has any power
ROUNDING = 1e-10  # a margin below it, as a share of the target, is none


@metric(
    "c2st",
    better="lower",
    perfect=0.5,
    version=1,
    paper="arXiv:1610.06545",
    question="two-sample",
    within=(0, 1),
    biased_in_n=True,
)
def c2st(
    pair: Pair,
    *,
    folds: Annotated[int, Within(2, 100)] = 5,
    features: Annotated[int, Within(1, 10_000)] = 512,
    ridge: Annotated[float, Within(0, 1e9, open=True)] = 1e-2,
    permutations: Permutations = 200,
) -> Score:
    """Held-out balanced accuracy of a classifier trained to tell real rows from fake ones.

    Ridge regression on the standardised embeddings and `features` random Fourier features of them (Gaussian kernel,
    median bandwidth), cross-fitted over `folds`: every row is judged by a model that has not seen it. A row and its
    copy on the other side fall into one fold, so a copied set passes as real; repeats on one side are spread over the
    folds, so a generator of ten images is.
    `details`: the permutation p-value (exact: the whole cross-fit is repeated with shuffled sides, because the folds of
    a cross-fit are not independent and a binomial test fires twice as often as it says), and the recall of either side.

    Returns: [0, 1]; 0.5 is guessing, 1 recognises every image; values under 0.5 are chance.
    Standard error: binomial over the fakes, times what cross-fitting adds, for all rows share classifiers that
    change with the fakes: the permutations' accuracies spread by so much more than a binomial. Up to 1.3 times too wide
    where most fakes are recognised (docs/results/coverage.md). None of fewer than 20 permutations.
    Bias: none at 0.5; where the sets differ it rises with n, for the classifier learns more; compare at equal n only.
    Differs from the paper: balanced accuracy instead of accuracy, so sides of unequal size are fine; all rows are used.
    Raises: TooFewSamplesError below 20 rows a side, UndefinedError when no feature varies.

    >>> from ganeval.features.rows import Features
    >>> rows = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
    >>> same, far = Features.given(rows), Features.given(rows + 10)
    >>> float(c2st(Pair(same, same))), float(c2st(Pair(same, far)))
    (0.5, 1.0)
    """
    real, fake = _rows(pair)
    phi = _fourier(_standardised(torch.cat([real, fake])), features, pair.seed)
    fold = np.concatenate([_folds(real, folds, pair.seed), _folds(fake, folds, pair.seed)])
    is_fake = shuffled_sides(len(real), len(fake), permutations, pair.seed).to(phi.device)
    recognised = _recognised(phi, torch.from_numpy(fold).to(phi.device), is_fake, folds, ridge)
    rates = [_rate(recognised, ~is_fake), _rate(recognised, is_fake)]
    accuracy = (rates[0] + rates[1]) / 2
    p = float((1 + (accuracy[1:] >= accuracy[0] - 1e-12).sum()) / (1 + permutations))
    by_side = [float(rate[0]) for rate in rates]
    se = _error(by_side[1], accuracy[1:], len(real), len(fake)) if permutations >= LEAST else None
    details = {"p_value": p, "recall_real": by_side[0], "recall_fake": by_side[1]}
    per_sample = {"recognised": recognised[len(real) :, 0].cpu().numpy()}
    return Score(float(accuracy[0]), se=se, n=len(fake), details=details, per_sample=per_sample)


def _error(rate: float, null: torch.Tensor, n: int, m: int) -> float:
    """Of the mean of both sides' rates over m fresh fakes, `rate` of which are recognised; `null` are permutations'."""
    stretch = float(null.std()) / (math.sqrt(0.25 / n + 0.25 / m) / 2)
    return math.sqrt(rate * (1 - rate) / m) / 2 * max(1.0, stretch)


def _recognised(phi: torch.Tensor, fold: torch.Tensor, is_fake: torch.Tensor, folds: int, ridge: float) -> torch.Tensor:
    """1 where a held-out row is put on its own side, 0.5 on the fence; one factorisation serves every column."""
    n_fake, n = int(is_fake[:, 0].sum()), len(phi)
    target = torch.where(is_fake, n / (2 * n_fake), -n / (2 * (n - n_fake))).to(phi)
    held = [(fold == number).nonzero().squeeze(1) for number in range(folds)]
    penalties = [ridge * math.sqrt(n - len(at)) for at in held]
    margin = (_by_rows if n < phi.shape[1] else _by_columns)(phi, target, held, penalties)
    fence = margin.abs() <= ROUNDING * target.abs()  # what sums to 0 exactly on one road is rounded on the other
    return torch.where(fence, 0.5, (margin * target > 0).to(phi))


def _by_columns(
    phi: torch.Tensor, target: torch.Tensor, held: list[torch.Tensor], penalties: list[float]
) -> torch.Tensor:
    """What ridge regression on the other folds says of each held-out row, through the d x d matrices phi'phi."""
    margin = torch.empty_like(target)
    grams = torch.stack([phi[at].T @ phi[at] for at in held])
    sums = torch.stack([phi[at].T @ target[at] for at in held])
    for number, at in enumerate(held):
        rest = [other for other in range(len(held)) if other != number]
        gram = grams[rest].sum(dim=0)
        gram.diagonal().add_(penalties[number])
        margin[at] = phi[at] @ torch.cholesky_solve(sums[rest].sum(dim=0), torch.linalg.cholesky(gram))
    return margin


def _by_rows(phi: torch.Tensor, target: torch.Tensor, held: list[torch.Tensor], penalties: list[float]) -> torch.Tensor:
    """The same through the n x n matrix phi phi', for fewer rows than columns (Saunders et al. 1998, eq. 9)."""
    margin, kernel = torch.empty_like(target), phi @ phi.T
    for number, at in enumerate(held):
        rest = torch.cat([held[other] for other in range(len(held)) if other != number])
        gram = kernel[rest][:, rest]
        gram.diagonal().add_(penalties[number])
        weights = torch.cholesky_solve(target[rest], torch.linalg.cholesky(gram))
        margin[at] = kernel[at][:, rest] @ weights
    return margin


def _rate(recognised: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    return (recognised * chosen).sum(dim=0) / chosen.sum(dim=0)


@metric(
    "mmd_test",
    better="higher",
    perfect=None,
    version=1,
    paper="JMLR 13:723 (2012)",
    question="two-sample",
    within=(0, 1),
    biased_in_n=True,
)
def mmd_test(
    pair: Pair, *, permutations: Permutations = 500, at_most: Annotated[int, Within(20, 20_000)] = 2000
) -> Score:
    """p-value of a permutation test on the Gaussian-kernel MMD between real and fake embeddings.

    The statistic is the unbiased MMD^2 with the median pairwise distance as bandwidth; the p-value is exact:
    (1 + permutations at least as large) / (1 + permutations). At most `at_most` rows a side, drawn with the seed.

    Returns: (0, 1]; uniform when real and fake are one distribution, small when they differ.
    Interval: of the Monte Carlo p-value itself (binomial).
    Bias: none where the sets do not differ; else it falls with n, as power grows; compare at equal n only.
    Raises: TooFewSamplesError below 20 rows a side.

    >>> from ganeval.features.rows import Features
    >>> rows = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    >>> mmd_test(Pair(Features.given(rows), Features.given(rows + 3))) < 0.01
    True
    """
    real, fake = (rows[seeded_rows(rows, at_most, pair.seed)] for rows in _rows(pair))
    x = torch.cat([real, fake])
    kernel = _gaussian(x)
    kernel.fill_diagonal_(0.0)
    n, m = len(real), len(fake)
    rng = np.random.default_rng(pair.seed)
    first = np.zeros((permutations + 1, n + m), dtype=bool)
    first[0, :n] = True
    for row in first[1:]:
        row[rng.permutation(n + m)[:n]] = True
    statistic = _mmd2(kernel, torch.from_numpy(first.T).to(x), n, m)
    hits = int((statistic[1:] >= statistic[0] - 1e-9 * statistic[0].abs()).sum())
    p = (1 + hits) / (1 + permutations)
    half = Z95 * math.sqrt(p * (1 - p) / permutations)
    details = {"mmd2": float(statistic[0]), "rows": [n, m]}
    return Score(p, interval=(max(0.0, p - half), min(1.0, p + half)), n=len(pair.fake), details=details)


def _mmd2(kernel: torch.Tensor, first: torch.Tensor, n: int, m: int) -> torch.Tensor:
    """Unbiased MMD^2 for each column of memberships, (n + m, p) of 0 and 1; the kernel's diagonal is zero."""
    second = 1 - first
    k_first = kernel @ first
    k_second = kernel.sum(dim=1, keepdim=True) - k_first  # every row is on one of both sides: one product is enough
    within_first = (first * k_first).sum(dim=0) / (n * (n - 1))
    across = (second * k_first).sum(dim=0) / (n * m)
    within_second = (second * k_second).sum(dim=0) / (m * (m - 1))
    return within_first + within_second - 2 * across


def _rows(pair: Pair) -> tuple[torch.Tensor, torch.Tensor]:
    assert pair.real is not None
    sides = {"real": pair.real.embeddings, "fake": pair.fake.embeddings}
    for name, rows in sides.items():
        if len(rows) < LEAST:
            raise TooFewSamplesError(
                f"A two-sample test needs {LEAST} rows a side; got {len(rows)} {name} ones. Pass more images."
            )
    return sides["real"].double(), sides["fake"].double()


def _standardised(x: torch.Tensor) -> torch.Tensor:
    sd = x.std(dim=0)
    varies = sd > 1e-12 * x.abs().amax(dim=0).clamp(min=1e-300)
    if not bool(varies.any()):
        raise UndefinedError("No feature varies over real and fake together; a test has nothing to look at.")
    return (x[:, varies] - x[:, varies].mean(dim=0)) / sd[varies]


def _fourier(x: torch.Tensor, count: int, seed: int) -> torch.Tensor:
    """[1, x / sqrt(d), cos(w'x + b) / sqrt(count)]: random Fourier features (Rahimi and Recht 2007) beside the linear
    ones.
    """
    g = torch.Generator().manual_seed(seed)
    w = torch.randn(x.shape[1], count, generator=g, dtype=torch.float64).to(x) / _median_distance(x, seed)
    b = (2 * math.pi * torch.rand(count, generator=g, dtype=torch.float64)).to(x)
    waves = torch.cos(x @ w + b) * math.sqrt(2 / count)
    return torch.cat([torch.ones(len(x), 1).to(x), x / math.sqrt(x.shape[1]), waves], dim=1)


def _folds(rows: torch.Tensor, folds: int, seed: int) -> np.ndarray:
    """A fold for each row of one side, by its values: the j-th of equal rows goes j folds further than the first.

    So row order is irrelevant, a row and its copy on the other side share a fold, and a row repeated on one side is
    spread over all of them: that a side repeats itself is what a machine can tell it by.
    """
    bits = row_keys(rows, seed).view(np.uint64)
    _, same, counts = np.unique(bits, return_inverse=True, return_counts=True)
    nth = np.empty(len(bits), dtype=np.int64)
    nth[np.argsort(same, kind="stable")] = np.arange(len(bits)) - np.repeat(np.cumsum(counts) - counts, counts)
    bits = (bits ^ (bits >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
    return ((bits >> np.uint64(33)).astype(np.int64) + nth) % folds


def _gaussian(x: torch.Tensor) -> torch.Tensor:
    around = x - x.mean(dim=0)  # distances do not change, their rounding gets smaller
    squared = torch.cdist(around, around).square_()
    median = squared.flatten()[:: max(1, squared.numel() // 1_000_000)].median()
    if float(median) == 0:
        raise UndefinedError("More than half of all pairs of rows are equal; a median bandwidth is zero.")
    return squared.neg_().div_(2 * median).exp_()


def _median_distance(x: torch.Tensor, seed: int) -> float:
    some = x[seeded_rows(x, 1000, seed)]
    return max(float(torch.pdist(some).median()), 1e-12)
