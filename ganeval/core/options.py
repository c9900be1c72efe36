"""What an option of a metric may be: its type and its range, declared in the metric's signature, checked before it
runs.

    def kid(pair, *, subsets: Annotated[int | None, Within(1, 10_000)] = None): ...

The annotation is the only place where an option's kind is said; `Metric.__call__` is the only place where it is
checked.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from ganeval.core.registry import unknown_name
from ganeval.errors import UnknownNameError, WrongInputError


def checked_whole(value: Any, name: str, least: int) -> int:
    """`value` as an int, of numpy too; raises for what is no whole number from `least` on, and for true and false.

    >>> checked_whole(5, "n", 1)
    5
    """
    try:
        number = None if type(value).__name__ in ("bool", "bool_") else operator.index(value)
    except TypeError:
        number = None
    if number is None or not least <= number < 2**63:
        raise WrongInputError(
            f"{name} must be a whole number of at least {least}; got {value!r:.60}. Pass another {name}."
        )
    return number


@dataclass(frozen=True)
class Within:
    """Numbers from `low` to `high`; `open` leaves both ends out. NaN lies in no range, infinity only where it is an
    end.
    """

    low: float
    high: float
    open: bool = False

    def __contains__(self, value: float) -> bool:
        return self.low < value < self.high if self.open else self.low <= value <= self.high

    def __str__(self) -> str:
        if self.open:
            return f"above {self.low:g}" if math.isinf(self.high) else f"between {self.low:g} and {self.high:g}"
        return f"from {self.low:g} to {self.high:g}" if self.high < 1e6 else f"from {self.low:g} to {self.high:,.0f}"


@dataclass(frozen=True)
class OneOf:
    """One of these words; those in `like_none` give the number that leaving the option out gives."""

    words: tuple[str, ...]
    like_none: tuple[str, ...] = ()


@dataclass(frozen=True)
class Only:
    """The option has an effect only beside another one, which must then be given too."""

    beside: str


class Silent:
    """The option moves no number (it leaves out an error), so it is no part of the signature."""


Count = Annotated[int, Within(1, 1_000_000)]
Neighbours = Annotated[int, Within(1, 100)]  # of a row; the jackknife counts them in one byte
Share = Annotated[float, Within(0, 1, open=True)]
Permutations = Annotated[int, Within(1, 100_000)]

_NOUN = {int: "a whole number", float: "a number", bool: "True or False", str: "a word"}


@dataclass(frozen=True)
class Option:
    """One declared option: its name, default, type, whether it may be None, and the rules of its annotation."""

    name: str
    default: Any
    kind: type | None = None  # None: undeclared, anything goes
    optional: bool = False
    rules: tuple[Any, ...] = ()

    def checked(self, value: Any, metric: str) -> Any:
        """`value` as a plain Python value of the declared kind, or `WrongInputError` saying what is allowed."""
        if self.kind is None or (value is None and self.optional):
            return value
        if not _is_a(value, self.kind):
            raise self._refusal(value, metric)
        try:
            plain = self.kind(value)
        except OverflowError:  # a whole number beyond every float
            raise self._refusal(value, metric) from None
        for rule in self.rules:
            if isinstance(rule, Within) and plain not in rule:
                raise self._refusal(value, metric)
            if isinstance(rule, OneOf) and plain not in rule.words:
                raise UnknownNameError(unknown_name(f"{self.name} of {metric}", plain, rule.words))
        return plain

    def is_idle(self, given: Mapping[str, Any]) -> str:
        """The option that has to stand beside this one and does not, else an empty string."""
        beside = next((rule.beside for rule in self.rules if isinstance(rule, Only)), "")
        return beside if beside and given.get(beside) is None else ""

    def moves(self, value: Any) -> bool:
        """Whether this value can make the number another one than None would."""
        like_none = next((rule.like_none for rule in self.rules if isinstance(rule, OneOf)), ())
        return value is not None and value not in like_none and not any(isinstance(rule, Silent) for rule in self.rules)

    def _refusal(self, value: Any, metric: str) -> WrongInputError:
        assert self.kind is not None
        ranges = "".join(f" {rule}" for rule in self.rules if isinstance(rule, Within))
        without = ", or None" if self.optional else ""
        return WrongInputError(
            f"{self.name} of {metric} must be {_NOUN.get(self.kind, self.kind.__name__)}{ranges}{without}; got "
            f"{value!r}."
        )


def options_of(function: Callable[..., Any], names: Mapping[str, Any]) -> dict[str, Option]:
    """The declarations of a metric's options, from its annotations; `names` are those options with their defaults."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError:  # an annotation of another package that exists for type checkers only
        hints = {}
    return {name: _option(name, default, hints.get(name)) for name, default in names.items()}


def _option(name: str, default: Any, hint: Any) -> Option:
    rules: list[Any] = []
    kinds: list[Any] = [hint]
    while any(get_args(kind) for kind in kinds):  # Annotated[int, rule] | None, and the like, opened one by one
        opened: list[Any] = []
        for kind in kinds:
            inner = get_args(kind)
            if get_origin(kind) is Annotated:
                rules += inner[1:]
                inner = inner[:1]
            opened += inner or [kind]
        kinds = opened
    known = [kind for kind in kinds if kind in _NOUN]
    return Option(name, default, known[0] if known else None, type(None) in kinds, tuple(rules))


def _is_a(value: Any, kind: type) -> bool:
    if kind is bool:
        return isinstance(value, bool)
    if isinstance(value, bool) or kind is str:
        return kind is str and isinstance(value, str)
    return isinstance(value, numbers.Integral if kind is int else numbers.Real)
