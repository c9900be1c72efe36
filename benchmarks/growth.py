"""How time grows with n: the sweep should follow n^2, the moments n, both within 15 % over four sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks import neighbours
from benchmarks.timing import Series
from ganeval.numerics.moments import Moments

WITHIN = 0.15
DOUBLED = (1, 2, 4, 8)


def series(n: int = 4000, narrow: int = 128, wide: int = 2048) -> Iterator[Series]:
    """Four sizes from n on; the sweep in few columns, where what is not a matrix product shows."""
    sizes = tuple(n * times for times in DOUBLED)
    yield Series(f"neighbour metrics, d = {narrow}", sizes, lambda n: _sweep(n, narrow), 2)
    yield Series(f"moments, d = {wide}", sizes, lambda n: _moments(n, wide), 1)


def _sweep(n: int, d: int) -> Callable[[], object]:
    real, fake = neighbours.rows(n, d, 0), neighbours.rows(n, d, 1)
    return lambda: neighbours.all_ours(real, fake)


def _moments(n: int, d: int) -> Callable[[], object]:
    rows = neighbours.rows(n, d, 0)
    return lambda: Moments.of(rows)
