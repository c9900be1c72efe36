"""KID from features: all pairs with a standard error, against torch-fidelity's 100 subsets of 1000."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from benchmarks.frechet import rows
from benchmarks.timing import Contest
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics.kernel import kid


def contests(n: int = 10_000, d: int = 2048) -> Iterator[Contest]:
    real, fake = rows(n, d, 0), rows(n, d, 1)
    size = min(1000, n)

    yield Contest(
        f"KID over all pairs with its standard error, n = {n}, d = {d}",
        lambda: kid(Pair(Features.given(real), Features.given(fake))),
        {f"torch-fidelity, 100 x {size}": kid_in_subsets(real, fake)},
        {f"torch-fidelity, 100 x {size}": 1.3},
    )


def kid_in_subsets(real: torch.Tensor, fake: torch.Tensor) -> Callable[[], object]:
    def work() -> object:
        from torch_fidelity.metric_kid import kid_features_to_metric

        settings = {"kid_subsets": 100, "kid_subset_size": min(1000, len(real)), "rng_seed": 2020, "verbose": False}
        return kid_features_to_metric(real, fake, **settings)

    return work
