"""JSON to a frozen dataclass: every field is there and of the type that the class says, or a sentence names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
LARGEST = 1e308  # no NaN, no infinity and no longer integer is below it


class MistypedError(ValueError):
    """A field that is absent, unknown, or of another type."""


def typed(kind: type[T], document: Any, where: str) -> T:
    """An instance of the dataclass `kind` from parsed JSON; raises `MistypedError` naming the field.

    Numbers must be finite, an integer is also a float, a list becomes a tuple where the class says tuple.
    """
    if not isinstance(document, Mapping):
        raise MistypedError(f"{where} must be an object; got {_shown(document)}")
    hints = _hints(kind)
    known = {field.name: field for field in fields(kind)}  # pyright: ignore[reportArgumentType] - a dataclass
    for key in document:
        if key not in known:
            raise MistypedError(f"{where} has an unknown field {key!r}")
    for name, field in known.items():
        if name not in document and field.default is MISSING and field.default_factory is MISSING:
            raise MistypedError(f"{where} has no {name!r}")
    return kind(**{key: converted(hints[key], value, f"{where}.{key}") for key, value in document.items()})


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)


def converted(hint: Any, value: Any, where: str) -> Any:
    """`value` as the annotation `hint` wants it; raises `MistypedError`.

    >>> converted(tuple[float, float] | None, [0, 1.5], "interval")
    (0.0, 1.5)
    """
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        kind = next((one for one in inner if one is not NoneType), Any)
        return None if value is None and NoneType in inner else converted(kind, value, where)
    if origin is Literal:
        return _required(
            value in inner if isinstance(value, str) else False, value, where, " or ".join(map(str, inner))
        )
    if origin is tuple:
        return _tuple(inner, value, where)
    if isinstance(hint, type) and is_dataclass(hint):
        return typed(hint, value, where)
    if (origin or hint) is Mapping:
        return _required(isinstance(value, dict), value, where, "an object")
    return _scalar(hint, value, where)


def _tuple(inner: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    _required(isinstance(value, (list, tuple)), value, where, "a list")
    kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else list(inner)
    _required(len(kinds) == len(value), value, where, f"a list of {len(kinds)}")
    return tuple(converted(kind, one, f"{where}[{i}]") for i, (kind, one) in enumerate(zip(kinds, value, strict=True)))


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        _required(number and abs(value) < LARGEST, value, where, "a finite number")
        return float(value)
    if hint is int:
        return _required(isinstance(value, int) and not isinstance(value, bool), value, where, "an integer")
    if hint in (str, bool):
        return _required(isinstance(value, hint), value, where, "text" if hint is str else "true or false")
    return value


def _required(holds: bool, value: Any, where: str, wanted: str) -> Any:  # noqa: FBT001 - it is the subject
    if not holds:
        raise MistypedError(f"{where} must be {wanted}; got {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    text = ascii(value) if not isinstance(value, int) or abs(value) < 10**15 else "an integer too large"
    return text if len(text) <= 60 else text[:57] + "..."
