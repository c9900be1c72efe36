"""What values a metric can take and which of them are good, read from its card; no metric (and no torch) is imported.

Every card says `Returns: [0, 1]` and stands under a decorator `@metric("precision", better="higher", ...)`. Both are
text, so the source is parsed and not run. What a card leaves open ("[-small, inf)") is open here, and so is a plug-in's
metric. A bound of k classes or n images is open until an evaluation says how many there are.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_RETURNS = re.compile(r"Returns: [\[(]([^,\]]+), ([^\])]+)")
_COUNTED = {"k": "classes", "n": "images", "min(n, d": "images"}  # by what a card calls a bound, as _RETURNS finds it
_NEAR = 1e-6  # of a range: a share that is so near to its end is told from it by millions of images at the least
_COUNTS = re.compile(r"Returns: (\d+), \d+, \.\.\. (\w+)")


@dataclass(frozen=True)
class Range:
    """A metric's values lie in [low, high]; `better` is "lower", "higher", "target" or "" where it is not known.

    about_copies: the fakes are compared with the training images, where these are named.
    counted: what the upper bound is a number of ("classes", "images"), "" where it is a number or open.
    """

    low: float = -math.inf
    high: float = math.inf
    better: str = ""
    about_copies: bool = False
    counted: str = ""

    @property
    def room(self) -> float:
        """A limit that is not farther from an end than this cannot be told from it."""
        width = self.high - self.low
        return _NEAR * (width if math.isfinite(width) else 1e-3)

    def of(self, *, classes: int, images: int) -> Range:
        """The range where so many classes and images were measured; 0 where that is not known."""
        most = {"classes": classes, "images": images}.get(self.counted, 0)
        return replace(self, high=float(most)) if most else self

    def __str__(self) -> str:
        return f"[{self.low:g}, {self.high:g}]"


@cache
def range_of(metric: str) -> Range:
    """The range of a metric that comes with ganeval; everything for any other name.

    >>> str(range_of("precision")), range_of("precision").better, range_of("no such metric").high
    ('[0, 1]', 'higher', inf)
    """
    for source in _sources():
        if f'"{metric}"' in source:
            for call, card in _decorated(source):
                if call.args and getattr(call.args[0], "value", None) == metric:
                    return _range(call, card)
    return Range()


@cache
def _sources() -> tuple[str, ...]:
    spec = find_spec("ganeval.metrics")
    places = spec.submodule_search_locations if spec else None
    return tuple(
        path.read_text(encoding="utf-8") for place in places or () for path in sorted(Path(place).rglob("*.py"))
    )


def _decorated(source: str) -> Iterator[tuple[ast.Call, str]]:
    for function in (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)):
        for call in function.decorator_list:
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "metric":
                yield call, ast.get_docstring(function) or ""


def _range(call: ast.Call, card: str) -> Range:
    given = {key.arg: key.value for key in call.keywords}
    better, question = (getattr(given.get(name), "value", "") for name in ("better", "question"))
    needs = "".join(ast.dump(given[name]) for name in ("needs", "wants") if name in given)
    found = _RETURNS.search(card) or _COUNTS.search(card)
    low, high = found.groups() if found else ("", "")
    return Range(
        _bound(low, -math.inf),
        _bound(high, math.inf),
        str(better),
        about_copies=question == "memorisation" or "'heldout'" in needs,
        counted=_COUNTED.get(high, ""),
    )


def _bound(text: str, otherwise: float) -> float:
    try:
        return float(text)
    except ValueError:
        return otherwise
