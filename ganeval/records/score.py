"""One number with its error: `Score` as a metric gives it, `ScoreRecord` as it is stored, `Floor` beside it.
No torch.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, Self, SupportsFloat

import numpy as np
from numpy.typing import NDArray

from ganeval.core.files import strict
from ganeval.core.wording import ended
from ganeval.errors import UndefinedError
from ganeval.records.numbers import render_value

Z95 = 1.959963984540054  # two-sided 95 % point of the normal distribution
Better = Literal["lower", "higher", "target"]
Scale = Literal["", "log"]  # on which an interval is symmetric
Question = Literal[
    "close", "fidelity", "diversity", "label", "memorisation", "two-sample", "latent", "representation", "paired"
]


class Score(float):
    """A number with its error: behaves as a `float`, knows `se`, `interval`, `n` and where it comes from.

    Other programs get the plain number: `str`, csv, json, yaml. People get the error too: in an f-string and as `repr`.
    A checkpoint of `torch.save` holds a tensor of one number, which `torch.load` reads without trusting the file.

    `se` and `interval` are None where no honest error is known. `interval` is a 95 % interval; where none is given it
    is worked out of `se`, symmetric on the score's `scale`: "" that of the number itself, "log" that of its logarithm.
    `per_sample` maps a name to one value per fake image. `details` is JSON-ready (confusion matrices, classes).

    >>> s = Score(3.21432, se=0.0361, n=1000, name="fid")
    >>> s < 4, str(s), f"{s}", f"{s:.1f}"
    (True, '3.21432', '3.214 +- 0.036', '3.2')
    """

    name: str
    se: float | None
    interval: tuple[float, float] | None
    n: int | None
    per_sample: Mapping[str, NDArray[np.floating]]
    details: Mapping[str, Any]
    scale: Scale
    better: Better
    perfect: float | None
    version: int
    question: str
    signature: str
    biased_in_n: bool
    linear: str  # the per-sample vector whose mean moves as the score does; "" where there is none

    def __new__(
        cls,
        value: float,
        *,
        se: float | None = None,
        interval: tuple[float, float] | None = None,
        n: int | None = None,
        per_sample: Mapping[str, NDArray[np.floating]] | None = None,
        details: Mapping[str, Any] | None = None,
        scale: Scale = "",
        **protocol: Any,
    ) -> Self:
        score = super().__new__(cls, float(value))
        score.se = None if se is None else float(se)
        score.interval = (
            interval_of(float(value), score.se, scale) if interval is None else (float(interval[0]), float(interval[1]))
        )
        score.scale = scale
        score.n = n
        score.per_sample = dict(per_sample or {})
        score.details = dict(details or {})
        for key, default in _PROTOCOL.items():
            setattr(score, key, protocol.pop(key, default))
        if protocol:
            raise TypeError(f"Score() got unknown fields {sorted(protocol)}")
        _tell_yaml()
        return score

    @classmethod
    def from_influence(
        cls, value: float, influence: NDArray[np.floating], name: str = "influence", **rest: Any
    ) -> Self:
        """The standard error of an asymptotically linear estimate: sd of the per-sample influence over sqrt(n); of one
        row none.
        """
        psi = np.asarray(influence, dtype=np.float64)
        se = float(psi.std(ddof=1) / math.sqrt(len(psi))) if len(psi) > 1 else None
        per_sample = {name: psi.astype(np.float32), **rest.pop("per_sample", {})}
        return cls(value, se=se, n=len(psi), per_sample=per_sample, linear=name, **rest)

    @property
    def value(self) -> float:
        return float(self)

    def with_(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        fields = {key: getattr(self, key) for key in (*_DATA, *_PROTOCOL)}
        return type(self)(float(self), **{**fields, **changes})

    def __str__(self) -> str:
        return float.__repr__(self)

    def __format__(self, spec: str) -> str:
        return format(float(self), spec) if spec else render_value(float(self), self.se)

    def __repr__(self) -> str:
        label = self.name or "score"
        interval = "" if self.interval is None else f", 95% [{self.interval[0]:.4g}, {self.interval[1]:.4g}]"
        return f"<{label} {self:}{interval}, n={self.n}>"

    def _repr_html_(self) -> str:
        """The last line of a notebook's cell."""
        from ganeval.records.text import interval, name, number

        ends = "" if self.interval is None else f", 95 % {interval(self)}"
        n = "" if self.n is None else f", n = {self.n:,}"
        return f"<span>{name(self.name or 'score')} <b>{number(float(self), self.se)}</b>{ends}{n}</span>"

    def __reduce_ex__(self, protocol: Any) -> Any:
        torch = sys.modules.get("torch")
        if protocol == 2 and torch is not None:  # torch.save: no class of ours, or the checkpoint could not be loaded
            return torch.tensor(float(self), dtype=torch.float64).__reduce_ex__(protocol)
        fields = {key: getattr(self, key) for key in (*_DATA, *_PROTOCOL)}
        return _rebuild, (float(self), fields)


_DATA = ("se", "interval", "n", "per_sample", "details", "scale")
_PROTOCOL: dict[str, Any] = {
    "name": "",
    "better": "lower",
    "perfect": None,
    "version": 1,
    "question": "close",
    "signature": "",
    "biased_in_n": False,
    "linear": "",
}


@cache
def _tell_yaml() -> None:
    """PyYAML looks at exact types: where it is installed, it learns that a `Score` is written as a float is."""
    try:
        import yaml
    except ImportError:
        return
    for dumper in (getattr(yaml, name, None) for name in ("SafeDumper", "Dumper", "CSafeDumper", "CDumper")):
        if dumper is not None:
            dumper.add_representer(Score, lambda to, score: to.represent_float(float(score)))


def _rebuild(value: float, fields: dict[str, Any]) -> Score:
    return Score(value, **fields)


def interval_of(value: float, se: float | None, scale: Scale = "") -> tuple[float, float] | None:
    """The 95 % interval of a normal estimate, or of one whose logarithm is (`scale="log"`); None without an error.

    >>> interval_of(1.0, None), [round(end, 3) for end in interval_of(2.0, 1.0, "log")]
    (None, [0.751, 5.329])
    """
    if se is None:
        return None
    if scale == "log":
        factor = math.exp(Z95 * se / value)
        return value / factor, value * factor
    return value - Z95 * se, value + Z95 * se


def share_interval(value: float, se: float) -> tuple[float, float]:
    """The same of a number in [0, 1], cut to that range.

    >>> share_interval(0.5, 0.0), share_interval(1.0, 0.5)[1]
    ((0.5, 0.5), 1.0)
    """
    return max(0.0, value - Z95 * se), min(1.0, value + Z95 * se)


BY_TEST = "test"  # what stands for `Floor.against` where an exact test knows the floor


@dataclass(frozen=True)
class Floor:
    """The same metric on real against real: what a perfect generator would get.

    `n` rows in the generator's place; `against` is "heldout" or "train" (as many rows as generated ones, the same n),
    "halves" (the reference set cut in two disjoint parts, so n may be smaller: for metrics with a bias in n an upper
    bound), or "test" (nothing was measured: at every n an exact test says so, but for its false alarm).
    """

    value: float
    se: float | None = None
    n: int | None = None
    against: str = ""


@dataclass(frozen=True)
class ScoreRecord:
    """One line of an evaluation as it is stored: a `Score` without its per-sample values, or why there is none."""

    name: str
    status: str  # "ok", or "not computed: ..."
    value: float | None = None
    se: float | None = None
    interval: tuple[float, float] | None = None
    n: int | None = None
    better: Better = "lower"
    perfect: float | None = None
    version: int = 1
    question: str = "close"
    signature: str = ""
    biased_in_n: bool = False
    linear: str = ""  # the per-sample vector whose mean moves as the score does
    floor: Floor | None = None  # real against real at the same n
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.value is not None

    @property
    def only_a_bound(self) -> bool:
        """Whether the value is a lower bound: images that never repeat say how many there are at least."""
        return self.details.get("bounded_below") is True

    def __str__(self) -> str:
        if self.ok and self.only_a_bound:
            return f">= {render_value(self.value, self.se)} (no repeat found)"
        return render_value(self.value, self.se) if self.ok else self.status

    def __format__(self, spec: str) -> str:
        return format(float(self), spec) if spec else str(self)

    def __float__(self) -> float:
        if self.value is None:
            raise UndefinedError(f"{self.name} has no value: {ended(self.status)}")
        return self.value

    def __lt__(self, other: SupportsFloat) -> bool:
        return float(self) < float(other)

    def __le__(self, other: SupportsFloat) -> bool:
        return float(self) <= float(other)

    def __gt__(self, other: SupportsFloat) -> bool:
        return float(self) > float(other)

    def __ge__(self, other: SupportsFloat) -> bool:
        return float(self) >= float(other)

    @classmethod
    def of(cls, score: Score, floor: Floor | None = None) -> Self:
        plain = {key: getattr(score, key) for key in _PROTOCOL}
        wrong = _not_finite(score)
        if wrong:
            return cls(status=f"not computed: {wrong} is not finite", **plain)
        return cls(
            status="ok",
            value=float(score),
            se=score.se,
            interval=score.interval,
            n=score.n,
            floor=floor,
            details=strict(score.details),
            **plain,
        )


def _not_finite(score: Score) -> str:
    if not math.isfinite(score):
        return "the value"
    return "" if all(map(math.isfinite, (score.se or 0.0, *(score.interval or ())))) else "its error"
