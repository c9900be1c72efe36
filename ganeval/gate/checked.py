"""Numbers and words that come from a file, checked before anything is calculated with them."""

from __future__ import annotations

import math
from typing import Any, TypeGuard

from ganeval.errors import BrokenRunError

LARGEST = 1e150  # whose square is still a float
MOST = 10**12  # images


def finite(value: Any, what: str, low: float = -LARGEST) -> float:
    """A number in [low, 1e150]; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= LARGEST:
        raise BrokenRunError(f"{what} must be a finite number{' >= 0' if low == 0 else ''}; got {_shown(value)}.")
    return float(value)


def whole(value: Any, what: str, low: int = 0, high: int = MOST) -> int:
    """An integer in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BrokenRunError(f"{what} must be a whole number from {low} to {high}; got {_shown(value)}.")
    return value


def text(value: Any, what: str) -> str:
    """A string that can be written as UTF-8."""
    if not isinstance(value, str) or any("\ud800" <= c <= "\udfff" for c in value):
        raise BrokenRunError(f"{what} must be a text; got {_shown(value)}.")
    return value


def table(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BrokenRunError(f"{what} must be a table of names and values; got {_shown(value)}.")
    return value


def is_finite(value: Any) -> TypeGuard[float]:
    """Whether a value can be calculated with; never an exception, whatever it is."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST


def _shown(value: Any) -> str:
    if isinstance(value, int) and not -LARGEST <= value <= LARGEST:
        return f"an integer of {math.ceil(value.bit_length() * math.log10(2))} digits"
    words = ascii(value)
    return words if len(words) <= 60 else f"{words[:60]}..."
