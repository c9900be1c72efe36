"""The table of the other files on a CUDA device, with TF32 off and on; the peers' statistics stay on the CPU.

Sums are float64 wherever they are on the CPU. TF32 rounds the products of float32 matrices, not those of float64; what
it does to the number stands in each title. The bar is 20 times every peer's time, and a suite whose time is the
network's. On a machine without CUDA nothing takes part; the tests run `table("cpu", ...)`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from benchmarks import frechet, neighbours, suite
from benchmarks.kernel import kid_in_subsets
from benchmarks.timing import Contest
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics import METRICS

FASTER = 20.0
WITH_TF32 = "ganeval, TF32 on"

Work = Callable[[], object]
Measure = Callable[[Pair], tuple[float, ...]]


def contests(n: int = 10_000, d: int = 2048) -> Iterator[Contest]:
    if not torch.cuda.is_available():
        print("gpu: no CUDA device on this machine; left out", file=sys.stderr)
        return
    yield from table("cuda", n, d)


def table(device: str, n: int, d: int) -> Iterator[Contest]:
    real, fake = frechet.rows(n, d, 0), frechet.rows(n, d, 1)
    few = n // 10
    fidelity = {"torch-fidelity, CPU": frechet.torch_fidelity(real, fake)}
    everyone = {
        **fidelity,
        "torchmetrics, CPU": frechet.torchmetrics(real, fake),
        "pytorch-fid, CPU": frechet.pytorch_fid(real, fake),
    }
    yield row(f"FID value, n = {n}, d = {d}", device, (real, fake), fid_value, everyone)
    yield row(f"FID with its standard error, n = {n}, d = {d}", device, (real, fake), fid_with_error, fidelity)
    yield row(
        f"FID value, n = {few}, d = {d}",
        device,
        (real[:few], fake[:few]),
        fid_value,
        {"torch-fidelity, CPU": frechet.torch_fidelity(real[:few], fake[:few])},
    )
    yield row(
        f"KID over all pairs with its standard error, n = {n}, d = {d}",
        device,
        (real, fake),
        kid,
        {
            "torch-fidelity, 100 subsets, CPU": kid_in_subsets(real, fake),
        },
    )
    real, fake = neighbours.rows(n, d, 0), neighbours.rows(n, d, 1)
    yield row(
        f"Neighbour metrics ({len(neighbours.OURS)}), n = {n}, d = {d}",
        device,
        (real, fake),
        of_neighbours,
        {
            "prdc, 4, CPU": lambda: neighbours.prdc_four(real, fake),
            "torch-fidelity, 2, CPU": lambda: neighbours.fidelity_two(real, fake),
        },
    )
    yield suite.contest(n, device)


def row(
    title: str, device: str, sets: tuple[torch.Tensor, torch.Tensor], measure: Measure, peers: dict[str, Work]
) -> Contest:
    """One line of the table: ours with TF32 off and on, and the peers, who each must take 20 times our time."""
    there = [rows.to(device) for rows in sets]

    def ours(*, tf32: bool) -> tuple[float, ...]:
        with rounding(tf32=tf32):
            values = measure(Pair(Features.given(there[0]), Features.given(there[1])))
        if device == "cuda":
            torch.cuda.synchronize()
        return values

    off = difference(ours(tf32=True), ours(tf32=False))
    return Contest(
        f"{title}, {name_of(device)}, TF32 moves it by {off:.1e}",
        lambda: ours(tf32=False),
        {WITH_TF32: lambda: ours(tf32=True), **peers},
        dict.fromkeys(peers, FASTER),
    )


def fid_value(pair: Pair) -> tuple[float, ...]:
    return (float(METRICS["fid"](pair, se=False)),)


def fid_with_error(pair: Pair) -> tuple[float, ...]:
    return (float(METRICS["fid"](pair)),)


def kid(pair: Pair) -> tuple[float, ...]:
    return (float(METRICS["kid"](pair)),)


def of_neighbours(pair: Pair) -> tuple[float, ...]:
    return tuple(float(METRICS[name](pair)) for name in neighbours.OURS)


@contextmanager
def rounding(*, tf32: bool) -> Iterator[None]:
    """Products of float32 matrices on CUDA with TF32 or without, as before afterwards."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def difference(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """The largest relative difference."""
    return max(abs(x - y) / max(abs(y), 1e-300) for x, y in zip(a, b, strict=True))


def name_of(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else device
