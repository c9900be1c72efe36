"""Precision and recall for distributions, PRD (Sajjadi et al. 2018, arXiv:1806.00035): a curve, and its two ends.

Both sets are clustered together and the two histograms over clusters compared, so mass counts, not only support.
Conventions of the authors' code: 20 clusters by mini-batch k-means, curves averaged over 10 clusterings, 1001 angles,
F_8 for recall and F_1/8 for precision, sets of equal size (the larger one is cut, seeded). Unlike there each clustering
starts once, not ten times: they are averaged anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.core.options import Within
from ganeval.errors import TooFewSamplesError
from ganeval.features.pair import Pair
from ganeval.metrics import metric
from ganeval.numerics.clustering import clustering_rows
from ganeval.numerics.order import canonical_order, seeded_rows
from ganeval.numerics.prd import best_f, best_slope, prd_curve
from ganeval.numerics.strata import error_of_mean
from ganeval.records.scores import Score, share_interval

CLUSTERS = 20
RUNS = 10
BETA = 8.0
DRAWN = 50  # points of the curve that are kept
REDRAWN = 0.45  # of the spread over clusterings, that of their mean; 1 / sqrt(RUNS) were they independent


@dataclass(frozen=True)
class Histograms:
    """Shares of the clusters, (runs, clusters); the cluster of each fake, (runs, n), and the stratum it was drawn
    in.
    """

    real: NDArray[np.float64]
    fake: NDArray[np.float64]
    cluster: NDArray[np.int64]
    strata: NDArray[np.int64] | None


@metric(
    "prd_precision",
    better="higher",
    perfect=1.0,
    version=1,
    paper="arXiv:1806.00035",
    question="fidelity",
    within=(0, 1),
    biased_in_n=True,
)
def prd_precision(pair: Pair, *, clusters: Annotated[int, Within(2, 1000)] = CLUSTERS) -> Score:
    """The precision end of the PRD curve: how little of the fakes' mass lies where reals have none (F_1/8).

    Returns: [0, 1]; 1 for identical sets. Twenty clusters see which regions are populated, not whether an image is
    sharp.
    Bias: downwards, about proportional to 1/n (0.95, 0.98 and 0.99 for n = 100, 400 and 1200 of one distribution in a
    simulation with d = 4), because the noise of the histograms looks like a difference; compare at equal n only.
    Standard error: influence of each fake on the histograms, and 0.45 of the spread over clusterings, for fresh fakes
    move all clusterings together (a share that was measured, not derived); the real set is held fixed. Up to
    1.6 times too wide near 1 (docs/results/coverage.md): k-means cuts where the fakes are, so that its histograms vary
    less than those of fixed clusters.
    details: curve, 51 points of recall and precision.
    """
    return _end(pair, 1 / BETA, clusters, pair.seed)


@metric(
    "prd_recall",
    better="higher",
    perfect=1.0,
    version=1,
    paper="arXiv:1806.00035",
    question="diversity",
    within=(0, 1),
    biased_in_n=True,
)
def prd_recall(pair: Pair, *, clusters: Annotated[int, Within(2, 1000)] = CLUSTERS) -> Score:
    """The recall end of the PRD curve: how much of the reals' mass the fakes reach at all (F_8).

    Returns: [0, 1]; 1 for identical sets.
    Bias: downwards, about proportional to 1/n (0.95, 0.98 and 0.99 for n = 100, 400 and 1200 of one distribution in a
    simulation with d = 4), because the noise of the histograms looks like a difference; compare at equal n only.
    Standard error: influence of each fake on the histograms, and 0.45 of the spread over clusterings, for fresh fakes
    move all clusterings together (a share that was measured, not derived); the real set is held fixed. Up to
    1.6 times too wide near 1 (docs/results/coverage.md): k-means cuts where the fakes are, so that its histograms vary
    less than those of fixed clusters.
    details: curve, 51 points of recall and precision.
    """
    return _end(pair, BETA, clusters, pair.seed)


def _end(pair: Pair, beta: float, clusters: int, seed: int) -> Score:
    shares = pair.once(("prd", clusters, seed), lambda: _histograms(pair, clusters, seed))
    curves = prd_curve(shares.real, shares.fake)
    curve = curves.mean(0)
    value = float(best_f(curve, beta))
    drawn = error_of_mean(_influence(shares, curve, beta), shares.strata)
    se = float(np.hypot(drawn, REDRAWN * best_f(curves, beta).std(ddof=1)))
    return Score(
        value,
        se=se,
        interval=share_interval(value, se),
        n=shares.cluster.shape[1],
        details={"curve": curve[::-1, :: curve.shape[1] // DRAWN].T.round(6).tolist()},
    )


def _influence(shares: Histograms, curve: NDArray[np.float64], beta: float) -> NDArray[np.float64]:
    """(n,): what each fake adds to F_beta, up to a constant.

    At a slope s, F_beta = (1 + beta^2) / (1 + s beta^2) sum min(s real, fake): a fake counts where its cluster has
    fewer fakes than s times its reals. At the best slope a change of the slope itself has no effect of first order.
    """
    slope = best_slope(curve, beta)
    lacking = shares.fake < slope * shares.real
    counted = np.take_along_axis(lacking, shares.cluster, axis=1).mean(axis=0)
    return (1 + beta**2) / (1 + slope * beta**2) * counted


def _histograms(pair: Pair, clusters: int, seed: int) -> Histograms:
    """Cluster both sets together `RUNS` times."""
    rng = np.random.default_rng(seed)
    real, fake = pair.require_real().embeddings, pair.fake.embeddings
    n = min(len(real), len(fake))
    if n < clusters:
        raise TooFewSamplesError(
            f"PRD needs at least as many rows as clusters, {clusters}, in each set; got {n}. Pass more or fewer "
            "clusters=."
        )
    chosen = [seeded_rows(rows, n, seed) if len(rows) > n else torch.arange(n) for rows in (real, fake)]
    rows = clustering_rows([rows[at.to(rows.device)] for rows, at in zip((real, fake), chosen, strict=True)])
    order = canonical_order(rows)
    names = np.empty((RUNS, 2 * n), np.int64)
    for run in range(RUNS):
        # sorted rows: k-means then starts from the same rows whatever order they came in
        names[run, order] = _clustering(rows[order], clusters, int(rng.integers(2**31)))
    one_hot = names[:, :, None] == np.arange(clusters)
    strata = None if pair.strata is None else pair.strata[chosen[1].cpu().numpy()]
    return Histograms(one_hot[:, :n].mean(1), one_hot[:, n:].mean(1), names[:, n:], strata)


def _clustering(rows: NDArray[np.floating], clusters: int, seed: int) -> NDArray[np.int32]:
    from sklearn.cluster import MiniBatchKMeans

    return MiniBatchKMeans(clusters, random_state=seed).fit_predict(rows)
