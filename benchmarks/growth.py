"""How time grows with n: the sweep should follow n^2, moments and KID in blocks n, within 15 % over four sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks import neighbours
from benchmarks.timing import Series
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.metrics.kernel import kid
from ganeval.numerics.moments import Moments

WITHIN = 0.15
DOUBLED = (1, 2, 4, 8)
BLOCK = 1000  # rows a side of a block of KID: what the default of torch-fidelity takes as a subset


def series(n: int = 4000, narrow: int = 128, wide: int = 2048) -> Iterator[Series]:
    """Four sizes from n on; the sweep in few columns, where what is not a matrix product shows."""
    sizes = tuple(n * times for times in DOUBLED)
    yield Series(f"neighbour metrics, d = {narrow}", sizes, lambda n: _sweep(n, narrow), 2)
    yield Series(f"moments, d = {wide}", sizes, lambda n: _moments(n, wide), 1)
    yield Series(f"KID in blocks of {BLOCK}, d = {wide}", sizes, lambda n: _kid(n, wide), 1)


def _sweep(n: int, d: int) -> Callable[[], object]:
    real, fake = neighbours.rows(n, d, 0), neighbours.rows(n, d, 1)
    return lambda: neighbours.all_ours(real, fake)


def _moments(n: int, d: int) -> Callable[[], object]:
    rows = neighbours.rows(n, d, 0)
    return lambda: Moments.of(rows)


def _kid(n: int, d: int) -> Callable[[], object]:
    pair = Pair(Features.given(neighbours.rows(n, d, 0)), Features.given(neighbours.rows(n, d, 1)))
    return lambda: kid(pair, block_size=min(BLOCK, n // 2))
