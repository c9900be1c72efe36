"""Numbers for people: as many digits as their error supports."""

from __future__ import annotations

import math

NOISE = 1e-12  # relative size of an error that is rounding, not an error


def render_value(value: float | None, se: float | None = None) -> str:
    """Digits follow the error: two significant digits of the standard error, the value cut at the same place.

    >>> render_value(12.34567, 0.41), render_value(0.98765), render_value(None), render_value(1234.5, 210.0)
    ('12.35 +- 0.41', '0.9877', 'not computed', '1234 +- 210')
    >>> render_value(0.25, 1e-17)
    '0.25'
    """
    if value is None:
        return "not computed"
    if se is None or not math.isfinite(se) or se <= NOISE * max(1.0, abs(value)):
        return f"{value:.4g}"
    decimals = min(max(0, 1 - math.floor(math.log10(se))), 12)
    return f"{value:.{decimals}f} +- {se:.{decimals}f}"
