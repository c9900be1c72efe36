"""FID from features: against torch-fidelity, torchmetrics and pytorch-fid on the same arrays."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import numpy as np
import torch

from benchmarks.timing import Contest
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics.frechet import fid

Work = Callable[[], object]


def contests(n: int = 10_000, d: int = 2048) -> Iterator[Contest]:
    """The bars of the issue: the value, the value with its error, and fewer rows than columns."""
    real, fake = rows(n, d, 0), rows(n, d, 1)
    fidelity = {"torch-fidelity": torch_fidelity(real, fake)}
    everyone = {**fidelity, "torchmetrics": torchmetrics(real, fake), "pytorch-fid": pytorch_fid(real, fake)}
    yield Contest(
        f"FID value, n = {n}, d = {d}",
        ours(real, fake, se=False),
        everyone,
        {"torch-fidelity": 1.6, "torchmetrics": 2.5, "pytorch-fid": 5.0},
        repeats=2,
    )
    yield Contest(
        f"FID with its standard error, n = {n}, d = {d}", ours(real, fake, se=True), fidelity, {"torch-fidelity": 1.0}
    )
    few = n // 10
    real, fake = real[:few], fake[:few]
    yield Contest(
        f"FID value, n = {few}, d = {d}",
        ours(real, fake, se=False),
        {"torch-fidelity": torch_fidelity(real, fake)},
        {"torch-fidelity": 20.0} if few < d else {},
        repeats=5,
    )


def rows(n: int, d: int, seed: int) -> torch.Tensor:
    """(n, d) float32, non-negative and correlated, the second set a little off: like pooled features."""
    g = torch.Generator().manual_seed(seed)
    mix = torch.randn(d, d, generator=torch.Generator().manual_seed(99)) / d**0.5
    return (torch.randn(n, d, generator=g) @ mix * (1 + 0.1 * seed) + 0.5).clamp_min_(0)


def ours(real: torch.Tensor, fake: torch.Tensor, *, se: bool) -> Work:
    return lambda: fid(Pair(Features.given(real), Features.given(fake)), se=se)


def torch_fidelity(real: torch.Tensor, fake: torch.Tensor) -> Work:
    def work() -> object:
        from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

        return fid_statistics_to_metric(*map(fid_features_to_statistics, (real, fake)), verbose=False)

    return work


def torchmetrics(real: torch.Tensor, fake: torch.Tensor) -> Work:
    """Its own streaming state (float64 raw sums), fed with all features at once, and its own distance."""

    def statistics(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = features.double()
        n, total, products = len(features), features.sum(dim=0), features.t().mm(features)
        mean = (total / n).unsqueeze(0)
        return mean.squeeze(0), (products - n * mean.t().mm(mean)) / (n - 1)

    def work() -> object:
        from torchmetrics.image.fid import _compute_fid

        return _compute_fid(*statistics(real), *statistics(fake))

    return work


def pytorch_fid(real: torch.Tensor, fake: torch.Tensor) -> Work:
    def work() -> object:
        from pytorch_fid.fid_score import calculate_frechet_distance

        parts = [(rows.mean(axis=0), np.cov(rows, rowvar=False)) for rows in (real.numpy(), fake.numpy())]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return calculate_frechet_distance(*parts[0], *parts[1])

    return work
