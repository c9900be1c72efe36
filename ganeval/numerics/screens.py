"""Rows made ready for products that say how far they are apart at least: |x - y|^2 = |x|^2 + |y|^2 - 2 x.y.

That is fast and inexact. Here every product carries a bound of its error (Higham 2002, "Accuracy and Stability of
Numerical Algorithms", eq. 3.5: any order of summation, with or without fused multiply-add), which is taken off
beforehand.

Rows are centred, and scaled by a power of two so that no square overflows: all squares are in those scaled units,
`Screen.unit` turns them back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

_ROUNDOFF = {torch.float32: 2.0**-24, torch.float64: 2.0**-53}
_UNDERFLOW = 1e-30  # far above what flushed denormals can add up to when the largest norm is 1
_EXTRA = 64  # roundings besides the product's: centring, norms, two additions, the exact value's own
_LONGEST = 2**16  # columns beyond which single precision bounds too loosely
_AT_ONCE = 1 << 17  # numbers worked on at once in double precision: 1 MiB stays in the cache


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
    step = max(1, _AT_ONCE // source.shape[1])
    for at in (slice(start, start + step) for start in range(0, len(source), step)):
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
