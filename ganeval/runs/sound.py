"""Values that every later step can handle: strangers' texts and numbers, made sound once, where a run is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from ganeval.runs.parsing import as_float
from ganeval.runs.record import Curve

LARGEST = 2**63  # an integer beyond it is no count, step or seed


def sound(value: Any) -> Any:
    r"""The value with texts that have a UTF-8 form and integers of at most 64 bits, in containers and records, too.

    A byte of a name that is no UTF-8 and half a surrogate pair are written as an escape, a larger integer is a float.

    >>> sound({"caf\udce9": [10**30, True]})
    {'caf\\udce9': [1e+30, True]}
    """
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, int):
        return value if abs(value) < LARGEST else as_float(value)
    if isinstance(value, Mapping):
        return {sound(key): sound(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(sound, value))
    if is_dataclass(value) and not isinstance(value, (type, Curve)):  # a curve holds floats and nothing else
        return replace(value, **{field.name: sound(getattr(value, field.name)) for field in fields(value)})
    return value
