"""Products of float32 rows on the CPU, by PyTorch's BLAS (MKL) or by oneDNN: whichever is faster on this machine.

On one core of a Zen 4 processor MKL multiplies 90 Gflop a second and oneDNN 105, of about 120; elsewhere it may be the
other way round. Each adds up in an order of its own, so entries differ by a few units of their last place. Both are
timed on a tile the first time, some tens of milliseconds, and the winner is kept in the cache.

GANEVAL_PRODUCTS = "torch" or "onednn" says which one to take; "measure", and no value, lets the machine decide.
"""

from __future__ import annotations

import os
from functools import cache

import torch

from ganeval.errors import WrongInputError
from ganeval.numerics.fastest import remembered, seconds

VARIABLE = "GANEVAL_PRODUCTS"
WAYS = ("torch", "onednn")
TRIED = (512, 1024)  # rows and columns of the tile that is timed
ROUNDS = 4
CLEARLY = 1.03

_LINEAR = getattr(torch.ops.mkldnn, "_linear_pointwise", None)


def product(x: torch.Tensor, y: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """x y' + shift of rows (a, d) and (b, d) and of (b,) numbers: (a, b).

    >>> product(torch.ones(2, 3), torch.ones(1, 3), torch.tensor([0.5])).tolist()
    [[3.5], [3.5]]
    """
    return _by_onednn(x, y, shift) if onednn_is_faster(x) else torch.addmm(shift, x, y.T)


def onednn_is_faster(rows: torch.Tensor) -> bool:
    """Whether `product` of these rows is oneDNN's."""
    return rows.dtype == torch.float32 and rows.device.type == "cpu" and _way() == "onednn"


def _way() -> str:
    named = os.environ.get(VARIABLE, "measure")
    if named not in (*WAYS, "measure"):
        raise WrongInputError(f"{VARIABLE} must be torch, onednn or measure; got {named!r:.40}. Set it to one of them.")
    if _LINEAR is None:
        return "torch"
    return named if named in WAYS else _fastest(torch.get_num_threads())


def _by_onednn(x: torch.Tensor, y: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    assert _LINEAR is not None
    return _LINEAR(x.contiguous(), y.contiguous(), shift.contiguous(), "none", [], "")


@cache
def _fastest(threads: int) -> str:
    return remembered("float32 products", threads, WAYS, _measured)


def _measured() -> str:
    """One of the ways, by a tile of products; PyTorch's where the other is not clearly faster or not here."""
    rows, columns = TRIED
    x = torch.randn(rows, columns, generator=torch.Generator().manual_seed(0))
    shift = torch.zeros(rows)
    try:
        took = [
            (seconds(lambda: torch.addmm(shift, x, x.T)), seconds(lambda: _by_onednn(x, x, shift)))
            for _ in range(ROUNDS)
        ]
    except (RuntimeError, NotImplementedError):  # a build of PyTorch without oneDNN's products
        return "torch"
    plain, other = (min(times) for times in zip(*took, strict=True))
    return "onednn" if other * CLEARLY < plain else "torch"
