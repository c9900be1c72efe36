"""Squared Euclidean distances in tiles: proven lower bounds from matrix products, exact values for the few that matter.

A tile holds numbers that are certainly not above the true squared distances (`ganeval.numerics.screens`). Whoever
compares them with a threshold re-computes the pairs inside the bound by differences in double precision. All squares
are in the screens' scaled units.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch

from ganeval.numerics.coarse import Coarse, chosen_products
from ganeval.numerics.products import onednn_is_faster, product
from ganeval.numerics.screens import Screen

TILE = 1536  # rows: 6 % faster than 1024 at d = 2048, as fast at d = 128; 2048 is slower at d = 128
_CHUNK = 1 << 17  # elements worked on at once in double precision: 1 MiB stays in the cache
_FEW_THREADS = 3  # up to which one of NumPy compares as fast as all of PyTorch's: its loop is vectorised
_CROWDED = 12  # a tile with more than one pair in so many below its limits is multiplied again, in full precision
_PATIENCE = 4  # such tiles, after which no tile is coarse any more
_NARROW = 64  # columns at which the sums of many chunks are finished together


Pairs = tuple[torch.Tensor, torch.Tensor, torch.Tensor]  # row, column, lower bound, (p,) each


class Tiles:
    """The tiles of lower bounds between two screens, one buffer for all of them."""

    def __init__(self, left: Screen, right: Screen, size: int, *, same: bool = False) -> None:
        """same: both are one set, and no row is looked at with itself: it stands at an infinite distance."""
        self.left, self.right, self.same = left, right, same
        entries = min(size, len(left)) * min(size, len(right))
        self.buffer = torch.empty(entries, dtype=left.rows.dtype, device=left.rows.device)
        self.other = onednn_is_faster(left.rows)
        self.coarse: Coarse | None = None
        self.crowded = 0  # tiles that had to be multiplied again
        self.limits = torch.empty_like(self.buffer)
        self.marks = torch.empty(entries, dtype=torch.bool, device=left.rows.device)

    @classmethod
    def sieved(cls, left: Screen, right: Screen, size: int, *, same: bool = False) -> Tiles:
        """Tiles whose `rough` is coarse where that is faster."""
        tiles = cls(left, right, size, same=same)
        tiles.coarse = Coarse.of(left, right)
        return tiles

    def lower(self, a: slice, b: slice) -> torch.Tensor:
        """(len a, len b) lower bounds; overwritten by the next call."""
        x, y = self.left.rows[a], self.right.rows[b]
        if self.other:  # it has no factor, and twice a number is exact
            tile = product(x, y * -2, self.right.norms[b])
        else:
            tile = self.buffer[: len(x) * len(y)].view(len(x), len(y))
            torch.addmm(self.right.norms[b], x, y.T, alpha=-2, out=tile)
        return self._without_itself(tile.add_(self.left.norms[a, None]), a, b)

    def rough(self, a: slice, b: slice) -> torch.Tensor:
        """`lower`, or lower bounds that are cheaper and further below; to be looked at by `near`."""
        if self.coarse is None:
            return self.lower(a, b)
        return self._without_itself(self.coarse.lower(a, b), a, b)

    def upper(self, a: slice, b: slice, tile: torch.Tensor, few: int) -> torch.Tensor:
        """Upper bounds of squared distances of the rows `a` to some of `b`, at least `few`; `tile` is `rough`'s."""
        if self.coarse is None:
            return tile[:, :few] + self.right.slack[b][:few] + self.left.slack[a, None]
        return tile + self.coarse.slack[1][b] + self.coarse.slack[0][a, None]

    def upper_of_columns(self, a: slice, b: slice, tile: torch.Tensor, few: int) -> torch.Tensor:
        """The same of the rows `b` to some of `a`."""
        if self.coarse is None:
            return tile.T[:, :few] + self.left.slack[a][:few] + self.right.slack[b, None]
        return tile.T + self.coarse.slack[0][a] + self.coarse.slack[1][b, None]

    def _without_itself(self, tile: torch.Tensor, a: slice, b: slice) -> torch.Tensor:
        return tile.fill_diagonal_(torch.inf) if self.same and a.start == b.start else tile

    def near(
        self, a: slice, b: slice, tile: torch.Tensor, row_limit: torch.Tensor | None, column_limit: torch.Tensor | None
    ) -> tuple[torch.Tensor, Pairs]:
        """The pairs whose bound in `lower` is at most the limit of their row (len a,) or column (len b,), in row order,
        as numbers of rows, and the tile: `rough`'s, or `lower` where too many were below the limit.
        """
        i, j, value = self.below(tile, row_limit, column_limit)
        if self.coarse is not None and len(i) * _CROWDED > tile.numel():
            tile, self.crowded = self.lower(a, b), self.crowded + 1
            i, j, value = self.below(tile, row_limit, column_limit)
            self.coarse = None if self.crowded > _PATIENCE else self.coarse
        elif self.coarse is not None:
            value = self.of_pairs(a, b, i, j)
            limits = [limit[at] for limit, at in ((row_limit, i), (column_limit, j)) if limit is not None]
            kept = (value <= (limits[0] if len(limits) == 1 else torch.maximum(*limits))).nonzero().squeeze(1)
            i, j, value = i[kept], j[kept], value[kept]
        return tile, (i + a.start, j + b.start, value)

    def of_pairs(self, a: slice, b: slice, i: torch.Tensor, j: torch.Tensor) -> torch.Tensor:
        """`lower` of the pairs (i, j) of a tile, (p,); i ascends."""
        dots = chosen_products(self.left.rows[a], self.right.rows[b], i, j)
        return self.right.norms[b][j].sub(dots, alpha=2).add_(self.left.norms[a][i])

    def below(self, tile: torch.Tensor, row_limit: torch.Tensor | None, column_limit: torch.Tensor | None) -> Pairs:
        """The entries at most as large as the limit of their row (h,) or of their column (w,), in row order."""
        limit = column_limit
        if row_limit is not None:
            limit = row_limit[:, None]
            if column_limit is not None:  # one comparison with the larger of the two
                limit = torch.maximum(limit, column_limit, out=self.limits[: tile.numel()].view(tile.shape))
        assert limit is not None
        flat = self._marked(tile, limit)
        row = flat // tile.shape[1]
        return row, flat - row * tile.shape[1], tile.view(-1)[flat]

    def _marked(self, tile: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
        """Flat indices of the entries that are at most `limit`."""
        marks = self.marks[: tile.numel()].view(tile.shape)
        if tile.device.type != "cpu" or torch.get_num_threads() > _FEW_THREADS:
            return torch.le(tile, limit, out=marks).view(-1).nonzero().squeeze(1)
        return torch.from_numpy(np.flatnonzero(np.less_equal(tile.numpy(), limit.numpy(), out=marks.numpy())))


def spans(n: int, size: int) -> list[slice]:
    """`range(n)` cut into slices of `size`.

    >>> spans(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def upper_grid(n: int, size: int, part: tuple[int, int] = (0, 1)) -> Iterator[tuple[slice, slice]]:
    """The tiles on and above the diagonal; `part` = (i, of) takes those of some rows, as many entries as every part.

    >>> [(a.start, a.stop, b.start, b.stop) for a, b in upper_grid(4, 3)]
    [(0, 3, 0, 3), (0, 3, 3, 4), (3, 4, 3, 4)]
    """
    start, stop = (round(n * (1 - math.sqrt(1 - i / part[1]))) for i in (part[0], part[0] + 1))
    for a in _within(start, stop, size):
        yield a, a
        yield from ((a, b) for b in _within(a.stop, n, size))


def full_grid(n: int, m: int, size: int, part: tuple[int, int] = (0, 1)) -> Iterator[tuple[slice, slice]]:
    """All tiles of an n x m matrix; `part` as in `upper_grid`."""
    start, stop = (n * i // part[1] for i in (part[0], part[0] + 1))
    return ((a, b) for a in _within(start, stop, size) for b in spans(m, size))


def _within(start: int, stop: int, size: int) -> list[slice]:
    return [slice(start + at.start, start + at.stop) for at in spans(stop - start, size)]


def exact_squares(x: Screen, i: torch.Tensor, y: Screen, j: torch.Tensor) -> torch.Tensor:
    """|x_i - y_j|^2 of pairs of rows by differences in float64, (p,), in scaled units.

    Symmetric bit for bit, 0 for equal rows, and independent of which pairs are asked for together: the sum is a tree
    of element-wise additions, the same on every device.
    """
    columns = x.source.shape[1]
    step = max(1, _CHUNK // max(1, columns))
    first, second = (torch.empty(step, columns, dtype=torch.float64, device=x.source.device) for _ in range(2))
    out = first.new_empty(len(i))
    for batch in spans(len(i), max(step, _CHUNK // _NARROW)):
        folded = []
        for left, right in zip(i[batch].split(step), j[batch].split(step), strict=True):
            terms = first[: len(left)].copy_(x.source.index_select(0, left))
            terms.sub_(second[: len(left)].copy_(y.source.index_select(0, right))).square_()
            folded.append(_folded(terms, _NARROW).clone())
        out[batch] = _folded(torch.cat(folded), 1)[:, 0]
    return out.mul_(x.unit)


def _folded(terms: torch.Tensor, widest: int) -> torch.Tensor:
    """Row sums as at most `widest` columns, the upper half of them added to the lower ever again; destroys `terms`."""
    width = terms.shape[1]
    while width > widest:
        half = width // 2
        terms[:, :half].add_(terms[:, width - half : width])
        width -= half
    return terms[:, :width]


def first_equal(rows: torch.Tensor) -> torch.Tensor:
    """For each row the index of the first row equal to it, (n,) int64.

    >>> first_equal(torch.tensor([[1.0], [2.0], [1.0]])).tolist()
    [0, 1, 0]
    """
    _, group = torch.unique(rows, dim=0, return_inverse=True)
    index = torch.arange(len(rows), device=rows.device)
    first = torch.full_like(index, len(rows)).scatter_reduce_(0, group, index, "amin")
    return first[group]


def exact_squares_of_repeats(x: Screen, i: torch.Tensor, y: Screen, j: torch.Tensor) -> torch.Tensor:
    """`exact_squares` where many pairs are the same pair: each is computed once."""
    distinct, back = torch.unique(i * len(y) + j, return_inverse=True)
    return exact_squares(x, distinct // len(y), y, distinct % len(y))[back]
