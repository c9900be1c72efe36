"""NDB: number of statistically different bins (Richardson and Weiss 2018, arXiv:1805.12462).

Real rows are clustered into bins; a bin differs when the shares of real and fake rows in it differ by more than chance.
The original counts bins with p < 0.05 by a z-test, so identical distributions score 5 % of the bins. Here the tests are
exact and corrected for their number (Holm), and the uncorrected count is printed with its floor.
"""

from __future__ import annotations

import warnings
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.core.options import Within
from ganeval.errors import TooFewSamplesError
from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.intervals import holm
from ganeval.records.scores import Score

ALPHA = 0.05
BINS = 100  # Richardson and Weiss 2018
ROWS_PER_BIN = 10  # real rows a bin should hold on average, for a test to have any power


@metric(
    "ndb",
    better="lower",
    perfect=0.0,
    version=1,
    paper="arXiv:1805.12462",
    question="diversity",
    within=(0, 1),
    biased_in_n=True,
)
def ndb(pair: Pair, *, bins: Annotated[int, Within(2, 10_000)] | None = None) -> Score:
    """Share of bins whose population differs between real and fake, after correction for the number of bins.

    k-means with `bins` centres on the real embeddings (None: 100, or one per ten rows where that is less), Fisher's
    exact test per bin, Holm at 5 %.
    `details`: bins, the corrected and the uncorrected count with its floor for identical distributions, the
    Jensen-Shannon divergence of the two histograms in nats, and the most over- and under-filled bins.

    Returns: [0, 1], 0 when no bin differs. No standard error: a count of tests is not a mean.
    Bias: where the sets differ it rises with n, for tests see more; compare at equal n only.
    Differs from the paper: exact tests, Holm, no random choice of dimensions.
    Raises: TooFewSamplesError below 20 rows a side.

    >>> from ganeval.features.rows import Features
    >>> rows = Features.given(torch.randn(200, 2, generator=torch.Generator().manual_seed(0)))
    >>> float(ndb(Pair(rows, rows), bins=5))
    0.0
    """
    assert pair.real is not None
    real = pair.real.embeddings.cpu().double().numpy()
    fake = pair.fake.embeddings.cpu().double().numpy()
    if min(len(real), len(fake)) < 2 * ROWS_PER_BIN:
        raise TooFewSamplesError(
            f"Bins need at least {2 * ROWS_PER_BIN} real rows and as many fakes; got {len(real)} and {len(fake)}."
        )
    most = len(real) // ROWS_PER_BIN
    if bins is not None and bins > most:
        raise TooFewSamplesError(
            f"{bins} bins need {bins * ROWS_PER_BIN} real rows; got {len(real)}: bins= up to {most}."
        )
    a, b = _histograms(real, fake, min(BINS, most) if bins is None else bins, pair.seed)
    p = [_p_value(x, len(real), y, len(fake)) for x, y in zip(a, b, strict=True)]
    differ = np.asarray(holm(p)) <= ALPHA
    difference = b / len(fake) - a / len(real)
    details = {
        "bins": len(a),
        "differ": int(differ.sum()),
        "uncorrected": sum(value < ALPHA for value in p),
        "uncorrected_floor": ALPHA * len(a),
        "jensen_shannon": jensen_shannon(a / len(real), b / len(fake)),
        "under_filled": _extremes(difference, a, b, differ, smallest=True),
        "over_filled": _extremes(difference, a, b, differ, smallest=False),
    }
    return Score(float(differ.mean()), n=len(fake), details=details)


def _p_value(x: int, n: int, y: int, m: int) -> float:
    """Fisher's exact test of x out of n against y out of m."""
    from scipy.stats import fisher_exact

    return float(np.asarray(fisher_exact([[x, n - x], [y, m - y]]))[1])


def _histograms(real: NDArray, fake: NDArray, bins: int, seed: int) -> tuple[NDArray, NDArray]:
    """Rows per bin; the clustering sees the real rows in sorted order, so the order of the file is irrelevant."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    ordered = real[np.lexsort(real.T[::-1])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than bins: empty bins are no news
        model = KMeans(n_clusters=bins, n_init="auto", random_state=seed).fit(ordered)
    a, b = (np.bincount(_nearest(rows, model.cluster_centers_), minlength=bins) for rows in (real, fake))
    return a, b


def _nearest(rows: NDArray, centres: NDArray) -> NDArray:
    middle = centres.mean(axis=0)  # far from the origin the distances would lose their digits
    return torch.cdist(torch.from_numpy(rows - middle), torch.from_numpy(centres - middle)).argmin(dim=1).numpy()


def jensen_shannon(p: NDArray, q: NDArray) -> float:
    """Jensen-Shannon divergence of two histograms in nats, [0, log 2].

    >>> jensen_shannon(np.array([1.0, 0.0]), np.array([1.0, 0.0]))
    0.0
    >>> round(jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])), 4)
    0.6931
    """
    middle = (p + q) / 2

    def kl(x: NDArray) -> float:
        seen = x > 0
        return float((x[seen] * np.log(x[seen] / middle[seen])).sum())

    return (kl(p) + kl(q)) / 2


def _extremes(difference: NDArray, a: NDArray, b: NDArray, differ: NDArray, *, smallest: bool) -> list[dict[str, int]]:
    order = np.argsort(difference if smallest else -difference, kind="stable")[:5]
    return [{"bin": int(i), "real": int(a[i]), "fake": int(b[i])} for i in order if differ[i]]
