"""One-dimensional optimal transport along many projections, exact for unequal numbers of rows.

Along a line the squared 2-Wasserstein distance is the integral of (F^-1(u) - G^-1(u))^2 over u in (0, 1). For n and
m points both quantile functions are steps, at multiples of 1/n and 1/m: cutting (0, 1) at both makes the integral a
finite sum, and no point has to be thrown away to make the sets equally large.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

CHUNK = 2**19  # projected values held at a time, per set


@dataclass(frozen=True, eq=False)
class Steps:
    """The common steps of two quantile functions: widths (s,) summing to 1, and which point each one belongs to."""

    widths: torch.Tensor
    first: torch.Tensor  # (s,) int64
    second: torch.Tensor  # (s,) int64

    @classmethod
    def of(cls, n: int, m: int, device: torch.device) -> Steps:
        # In units of 1 / lcm(n, m) every cut is an integer: no rounding decides which point a step belongs to.
        cuts = torch.unique(torch.cat([torch.arange(n + 1) * m, torch.arange(m + 1) * n])).to(device)
        left = cuts[:-1]
        return cls((cuts[1:] - left).to(torch.float64) / (n * m), left // m, left // n)


def directions(dim: int, count: int, seed: int, device: torch.device) -> torch.Tensor:
    """(d, count) float64 unit vectors, uniform on the sphere, from their own generator."""
    raw = torch.randn(dim, count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (raw / raw.norm(dim=0)).to(device)


def sliced_transport(real: torch.Tensor, fake: torch.Tensor, axes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The squared 2-Wasserstein distance along each axis, (p,), and the mean influence of each fake row, (m,); float64.

    real (n, d), fake (m, d), axes (d, p). The influence of a row is the Kantorovich potential at its projection,
    phi'(z) = 2 (z - T(z)) with T the monotone map from fake to real (Santambrogio 2015, Proposition 7.17).
    """
    steps = Steps.of(len(real), len(fake), real.device)
    real64, fake64 = real.to(torch.float64).T, fake.to(torch.float64).T
    distances, influence = [], torch.zeros(len(fake), dtype=torch.float64, device=fake.device)
    width = max(1, CHUNK // max(len(real), len(fake)))
    for start in range(0, axes.shape[1], width):
        along = axes[:, start : start + width]
        target = _sorted(along.T @ real64)  # (p, n)
        source, order = _sorted_with_order(along.T @ fake64)  # (p, m)
        gaps = source.index_select(1, steps.second) - target.index_select(1, steps.first)  # (p, s)
        distances.append(gaps.square() @ steps.widths)
        influence.index_add_(0, order.flatten(), _potential(source, gaps, steps).flatten())
    return torch.cat(distances), influence / axes.shape[1]


def _sorted(values: torch.Tensor) -> torch.Tensor:
    # NumPy sorts rows with vector instructions, PyTorch on a CPU does not: a factor of ten.
    return torch.from_numpy(np.sort(values.numpy(), axis=1)) if values.device.type == "cpu" else values.sort(1).values


def _sorted_with_order(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    if values.device.type != "cpu":
        ranked = values.sort(dim=1)
        return ranked.values, ranked.indices
    order = torch.from_numpy(np.argsort(values.numpy(), axis=1))
    return values.gather(1, order), order


def _potential(source: torch.Tensor, gaps: torch.Tensor, steps: Steps) -> torch.Tensor:
    """(p, m) phi at the sorted points of the fake set, mean 0 along each axis, by the trapezium rule."""
    m = source.shape[1]
    slopes = torch.zeros_like(source).index_add_(1, steps.second, gaps * steps.widths) * m  # mean of z - T(z) per point
    rises = source.diff(dim=1) * (slopes[:, 1:] + slopes[:, :-1])  # 2 * mean slope * step
    phi = torch.cat([torch.zeros_like(source[:, :1]), rises.cumsum(dim=1)], dim=1)
    return phi - phi.mean(dim=1, keepdim=True)
