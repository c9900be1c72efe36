"""Neighbour metrics: one sweep for all of them, against prdc's four and torch-fidelity's two."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

import torch

from benchmarks.timing import Contest
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics import METRICS

OURS = (
    "precision",
    "recall",
    "density",
    "coverage",
    "clipped_density",
    "clipped_coverage",
    "realism",
    "rarity",
    "authenticity",
    "duplicates",
    "copies",
)
ASKED = 10_000  # rows a side, that the bars are about


def rows(n: int, d: int, seed: int) -> torch.Tensor:
    """(n, d) float32, non-negative and sparse as pooled Inception features are."""
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)).clamp_min_(0)


def all_ours(real: torch.Tensor, fake: torch.Tensor) -> None:
    pair = Pair(Features.given(real), Features.given(fake))
    for name in OURS:
        METRICS[name](pair)


def prdc_four(real: torch.Tensor, fake: torch.Tensor) -> None:
    from prdc import compute_prdc

    with contextlib.redirect_stdout(io.StringIO()):  # it prints
        compute_prdc(real.numpy(), fake.numpy(), nearest_k=5)


def fidelity_two(real: torch.Tensor, fake: torch.Tensor) -> None:
    from torch_fidelity.metric_prc import calculate_precision_recall_full

    calculate_precision_recall_full(fake, real)


def contests(n: int = 10_000, d: int = 2048) -> Iterator[Contest]:
    """All our neighbour metrics from one sweep, against prdc's four and torch-fidelity's two."""
    real, fake = rows(n, d, 0), rows(n, d, 1)
    yield Contest(
        f"Neighbour metrics ({len(OURS)} of ours), n = {n}, d = {d}",
        lambda: all_ours(real, fake),
        {"prdc, 4": lambda: prdc_four(real, fake), "torch-fidelity, 2": lambda: fidelity_two(real, fake)},
        {"prdc, 4": 2.5, "torch-fidelity, 2": 2.0},
        repeats=2,
        most={"ganeval": 400.0},
    )
    if n >= ASKED:
        many, narrow = 5 * n, d // 16
        real, fake = rows(many, narrow, 0), rows(many, narrow, 1)
        yield Contest(
            f"Neighbour metrics ({len(OURS)} of ours), n = {many}, d = {narrow}",
            lambda: all_ours(real, fake),
            {},
            repeats=1,
            most={"ganeval": 1536.0},
            warm_up=lambda: all_ours(real[:1000], fake[:1000]),
        )
