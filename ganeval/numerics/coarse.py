"""A first sieve of pairs of rows by products in bfloat16, on processors that multiply it fast; results stay exact.

A product of bfloat16 costs half of one of float32 on Zen 4 and has two digits. Its error is bounded like that of any
other product (Higham 2002, "Accuracy and Stability of Numerical Algorithms", eq. 3.5), with the rounding of the rows as
it was measured; so what lies below a limit in truth lies below it here, and the few that are left are looked at again.

GANEVAL_SIEVE = "bfloat16" or "float32" says which to take; "measure", and no value, lets the machine decide: both are
timed on a tile the first time, some tens of milliseconds, and the winner is kept in the cache.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Self

import torch

from ganeval.errors import WrongInputError
from ganeval.numerics.fastest import remembered, seconds
from ganeval.numerics.products import product
from ganeval.numerics.screens import Screen

VARIABLE = "GANEVAL_SIEVE"
WAYS = ("float32", "bfloat16")
WIDE = 256  # columns below which comparing costs as much as multiplying
TRIED = (1024, 1024)  # rows and columns of the tile that is timed
ROUNDS = 4
CLEARLY = 1.3
ROUNDOFF = 2.0**-8  # of bfloat16: 8 bits
SUMMED = 2 * 2.0**-24  # of sums in float32; 2: processors that add up bfloat16 may round each sum twice
MARGIN = 1.02  # for what the bound's own arithmetic rounds


@dataclass(frozen=True, eq=False)
class Coarse:
    """Rows of two screens in bfloat16. norms, slack (n,): as those of a `Screen`, for products of these rows."""

    rows: tuple[torch.Tensor, torch.Tensor]
    norms: tuple[torch.Tensor, torch.Tensor]
    slack: tuple[torch.Tensor, torch.Tensor]

    @classmethod
    def of(cls, left: Screen, right: Screen) -> Self | None:
        """None where float32 is to be taken."""
        if not _pays(left.rows):
            return None
        sides = [left] if left is right else [left, right]
        rows = [side.rows.bfloat16() for side in sides]
        share = max(_rounded_away(side.rows, half) for side, half in zip(sides, rows, strict=True))
        error, lengths = relative_error(left.rows.shape[1], share), [s.norms.double() + s.slack.double() for s in sides]
        norms = [(side.norms.double() - error * x).float() for side, x in zip(sides, lengths, strict=True)]
        slack = [(side.slack.double() + 2.02 * error * x).float() for side, x in zip(sides, lengths, strict=True)]
        return cls((rows[0], rows[-1]), (norms[0], norms[-1]), (slack[0], slack[-1]))

    def lower(self, a: slice, b: slice) -> torch.Tensor:
        """(len a, len b) float32: none is above the squared distance of the two rows."""
        crossed = torch.mm(self.rows[0][a], self.rows[1][b].T)
        return torch.add(self.norms[1][b], crossed, alpha=-2).add_(self.norms[0][a, None])


def chosen_products(x: torch.Tensor, y: torch.Tensor, i: torch.Tensor, j: torch.Tensor) -> torch.Tensor:
    """x_i.y_j, (p,), of pairs of rows of x (n, d) and y (m, d), float32; i ascends.

    A tenth of the price of gathering both rows of every pair.

    >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> chosen_products(x, x, torch.tensor([0, 1]), torch.tensor([1, 1])).tolist()
    [11.0, 25.0]
    """
    ends = torch.zeros(len(x) + 1, dtype=torch.int64)
    ends[1:] = torch.bincount(i, minlength=len(x)).cumsum(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch tells every new user of its sparse tensors that they are a beta
        chosen = torch.sparse_csr_tensor(ends, j, x.new_zeros(len(i)), (len(x), len(y)), check_invariants=False)
        return torch.sparse.sampled_addmm(chosen, x, y.T, beta=0.0).values()


def relative_error(columns: int, share: float) -> float:
    """c such that |2 x.y - what bfloat16 says of it| <= c (|x|^2 + |y|^2), where the rounding of x and y took away at
    most `share` of their lengths.
    """
    summed = columns * SUMMED / (1 - columns * SUMMED)
    return MARGIN * (share * (2 + share) + (ROUNDOFF + summed) * (1 + share) ** 2)


def _rounded_away(rows: torch.Tensor, half: torch.Tensor) -> float:
    """The largest length of what rounding took away of a row, as a share of the row's."""
    return max((_share(x, y) for x, y in zip(rows.split(64), half.split(64), strict=True)), default=0.0)


def _share(x: torch.Tensor, y: torch.Tensor) -> float:
    length = torch.linalg.vector_norm(x, dim=1, dtype=torch.float64)
    lost = torch.linalg.vector_norm(x - y.float(), dim=1, dtype=torch.float64)
    return float((lost / length.clamp_min(1e-30)).max())


def _pays(rows: torch.Tensor) -> bool:
    named = os.environ.get(VARIABLE, "measure")
    if named not in (*WAYS, "measure"):
        raise WrongInputError(f"{VARIABLE} must be float32, bfloat16 or measure; got {named!r:.40}. Set it to one.")
    if rows.dtype != torch.float32 or rows.device.type != "cpu" or rows.shape[1] < WIDE:
        return False
    return (named if named in WAYS else _fastest(torch.get_num_threads())) == "bfloat16"


@cache
def _fastest(threads: int) -> str:
    return remembered("products of bfloat16", threads, WAYS, _measured)


def _measured() -> str:
    """One of the ways, by a tile; float32 where the other is not clearly faster, or adds up in bfloat16."""
    x = torch.randn(*TRIED, generator=torch.Generator().manual_seed(0))
    half, shift, few = x.bfloat16(), torch.zeros(len(x)), torch.arange(2)
    exact, squares = half.double() @ half.double().T, half.double().square().sum(dim=1)
    allowed = (ROUNDOFF + TRIED[1] * SUMMED) * (squares[:, None] + squares) / 2
    try:
        chosen_products(x, x, few, few)
        if bool(((half @ half.T).double() - exact).abs().gt(allowed).any()):
            return "float32"
    except (RuntimeError, NotImplementedError):  # a build of PyTorch without one of the two
        return "float32"
    took = [(seconds(lambda: product(x, x, shift)), seconds(lambda: half @ half.T)) for _ in range(ROUNDS)]
    plain, other = (min(times) for times in zip(*took, strict=True))
    return "bfloat16" if other * CLEARLY < plain else "float32"
