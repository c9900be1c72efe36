"""TOML out of plain values. The standard library reads TOML (`tomllib`) but does not write it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ganeval.errors import WrongInputError


def render_toml(table: Mapping[str, Any]) -> str:
    """Render scalars, lists of scalars and one level of tables; `None` is left out, for TOML has no null.

    >>> print(render_toml({"lr": 2e-4, "name": "a", "betas": (0.0, 0.99), "adam": {"eps": 1e-8}, "stop": None}), end="")
    lr = 0.0002
    name = "a"
    betas = [0.0, 0.99]
    [adam]
    eps = 1e-08
    """
    plain = {key: value for key, value in table.items() if value is not None}
    lines = [f"{_key(k)} = {_value(v)}" for k, v in plain.items() if not isinstance(v, Mapping)]
    for key, value in plain.items():
        if isinstance(value, Mapping):
            lines += [f"[{_key(key)}]", *(f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None)]
    return "".join(line + "\n" for line in lines)


def _key(key: str) -> str:
    return key if key and key.isascii() and key.replace("_", "").replace("-", "").isalnum() else _string(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, str)):
        return str(value) if isinstance(value, int) else _string(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_value, value)) + "]"
    raise WrongInputError(
        f"A configuration holds numbers, text, booleans and lists of them; got {type(value).__name__}. "
        "Make the field one of these."
    )


def _float(value: float) -> str:
    if math.isfinite(value):
        return repr(value)  # Python always writes a point or an exponent, as TOML asks
    return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")


def _string(text: str) -> str:
    # A JSON string is a TOML basic string, but for DEL, which JSON leaves bare and TOML forbids.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
