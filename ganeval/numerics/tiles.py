"""Squared Euclidean distances in tiles: proven lower bounds from matrix products, exact values for the few that matter.

|x - y|^2 = |x|^2 + |y|^2 - 2 x.y is fast and inexact. Here every product carries a bound of its error (Higham 2002,
"Accuracy and Stability of Numerical Algorithms", eq. 3.5: any order of summation, with or without fused multiply-add),
so a tile holds numbers that are certainly not above the true squared distances. Whoever compares them with a threshold
re-computes the pairs inside the bound by differences in double precision.

Rows are centred, and scaled by a power of two so that no square overflows: all squares in this module are in those
scaled units, `Screen.unit` turns them back.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from ganeval.numerics.coarse import Coarse, chosen_products
from ganeval.numerics.products import onednn_is_faster, product

TILE = 1536  # rows: 6 % faster than 1024 at d = 2048, as fast at d = 128; 2048 is slower at d = 128
_ROUNDOFF = {torch.float32: 2.0**-24, torch.float64: 2.0**-53}
_UNDERFLOW = 1e-30  # far above what flushed denormals can add up to when the largest norm is 1
_EXTRA = 64  # roundings besides the product's: centring, norms, two additions, the exact value's own
_LONGEST = 2**16  # columns beyond which single precision bounds too loosely
_CHUNK = 1 << 17  # elements worked on at once in double precision: 1 MiB stays in the cache
_FEW_THREADS = 3  # up to which one of NumPy compares as fast as all of PyTorch's: its loop is vectorised
_CROWDED = 12  # a tile with more than one pair in so many below its limits is multiplied again, in full precision
_PATIENCE = 4  # such tiles, after which no tile is coarse any more
_NARROW = 64  # columns at which the sums of many chunks are finished together


@dataclass(frozen=True, eq=False)
class Screen:
    """Rows made ready for products: for rows i, j of two screens, lower_ij <= |x_i - x_j|^2 <= lower_ij + slack_i +
    slack_j.

    rows (n, d) centred and scaled, norms (n,) squared norms less their share of the error, slack (n,) twice that share.
    """

    source: torch.Tensor  # (n, d) as they came
    rows: torch.Tensor
    norms: torch.Tensor
    slack: torch.Tensor
    unit: float  # scaled squared distance = unit * squared distance; a power of four

    def __len__(self) -> int:
        return len(self.rows)


def screens(*sources: torch.Tensor, dtype: torch.dtype | None = None) -> list[Screen]:
    """One `Screen` for each set of rows, all with one centre and one scale, so that any two can be multiplied."""
    dtype = dtype or (torch.float32 if sources[0].shape[1] <= _LONGEST else torch.float64)
    filled = [rows for rows in sources if len(rows)]
    centre = torch.stack([rows.mean(0, dtype=dtype) for rows in filled]).mean(0)
    reach = max((_largest(rows) for rows in filled), default=0.0) + float(centre.abs().max())
    longest = reach * math.sqrt(len(centre))  # no centred row is longer
    scale = 2.0 ** -math.ceil(math.log2(longest)) if longest > 0 else 1.0
    return [_screen(rows, centre, scale) for rows in sources]


def _largest(rows: torch.Tensor) -> float:
    """The largest absolute entry; four times as fast as a norm."""
    low, high = rows.aminmax()
    return max(-float(low), float(high))


def _screen(source: torch.Tensor, centre: torch.Tensor, scale: float) -> Screen:
    # x - centre is rounded once: both are numbers of the wider of the two types, and the scale is a power of two
    wide = torch.promote_types(source.dtype, centre.dtype)
    rows = torch.empty(source.shape, dtype=centre.dtype, device=source.device)
    squares = torch.empty(len(source), dtype=torch.float64, device=source.device)
    for at in spans(len(source), max(1, _CHUNK // source.shape[1])):
        rows[at] = (source[at].to(wide) - centre.to(wide)).mul_(scale)
        squares[at] = rows[at].double().square().sum(1)
    error = _relative_error(source.shape[1], rows.dtype, source.device) * squares + _UNDERFLOW
    return Screen(source, rows, (squares - error).to(rows.dtype), (2.02 * error).to(rows.dtype), scale * scale)


def _relative_error(columns: int, dtype: torch.dtype, device: torch.device) -> float:
    """c such that the computed |x|^2 + |y|^2 - 2 x.y is within c (|x|^2 + |y|^2) of the truth."""
    u = _ROUNDOFF[dtype]
    gamma = columns * u / (1 - columns * u)
    rounded = _input_roundoff(device) if dtype is torch.float32 else 0.0
    return 1.01 * (gamma + 2 * rounded + rounded * rounded + _EXTRA * u)


def _input_roundoff(device: torch.device) -> float:
    """What torch may drop from float32 before multiplying: TF32 keeps 10 bits of the mantissa, bfloat16 keeps 7."""
    backend = torch.backends.cuda if device.type == "cuda" else torch.backends.mkldnn
    mode = getattr(getattr(backend, "matmul", None), "fp32_precision", "none")  # since torch 2.9
    modes = {torch.get_float32_matmul_precision(), mode}
    if modes & {"medium", "bf16"}:
        return 2.0**-8
    return 2.0**-10 if modes & {"high", "tf32"} else 0.0


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
