"""The flags that say how to measure, made from the fields of `Protocol` and `Compute`: one list for every verb.

A flag that is not typed says nothing (its value is None), so that a file or a run may say it: see `Protocol.layered`.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import Field, field, fields, make_dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

import tyro

from ganeval.core.compute import Compute
from ganeval.errors import WrongInputError
from ganeval.records.protocol import Protocol, parse_options

METAVAR = {str: "STR", int: "INT", float: "NUMBER"}


def flags_of(*kinds: type, without: Iterable[str] = ()) -> type:
    """A frozen dataclass with a flag for each field of `kinds` that can be typed."""
    found = [
        (kind, f) for kind in kinds for f in fields(kind) if f.metadata.get("flag", True) and f.name not in without
    ]
    return make_dataclass("Flags", [_flag(kind, f) for kind, f in found], frozen=True, kw_only=True)


def _flag(kind: type, f: Field[Any]) -> tuple[str, Any, Any]:
    """A switch keeps its default; anything else is None until it is typed."""
    plain = get_type_hints(kind)[f.name]
    if plain is bool:
        return f.name, Annotated[bool, tyro.conf.arg(help=f.metadata["help"])], field(default=f.default)
    if get_origin(plain) in (tuple, Mapping):
        typed, metavar = tuple[str, ...], "METRIC.OPTION=VALUE ..." if f.name == "options" else "NAME ..."
        hint = tyro.conf.arg(help=f.metadata["help"], metavar=metavar, help_behavior_hint="")
        return f.name, Annotated[typed, hint], field(default=())
    hint = tyro.conf.arg(help=f.metadata["help"], metavar=_metavar(plain), help_behavior_hint=_default(f))
    return f.name, Annotated[plain | None, hint], field(default=None)


def _metavar(plain: Any) -> str:
    choices = [
        str(choice) for part in (plain, *get_args(plain)) if get_origin(part) is Literal for choice in get_args(part)
    ]
    if choices:
        return "{" + ",".join(choices) + "}"
    return next((text for kind, text in METAVAR.items() if plain is kind or kind in get_args(plain)), "VALUE")


def _default(f: Field[Any]) -> str:
    return f"(default: {f.default})" if isinstance(f.default, (int, str)) else ""


def said(flags: Any, kind: type) -> dict[str, Any]:
    """What was typed of the fields of `kind`."""
    default = {f.name: f.default for f in fields(kind)}
    found = {key: value for key, value in vars(flags).items() if key in default and _typed(value, default[key])}
    return {**found, **({"options": parse_options(found["options"])} if "options" in found else {})}


def _typed(value: Any, default: Any) -> bool:
    return value not in (None, ()) and not (isinstance(value, bool) and value == default)


if TYPE_CHECKING:
    Measuring = Drawing = Examining = Embedding = Any
else:
    Measuring = flags_of(Protocol, Compute)
    Drawing = flags_of(Protocol, Compute, without=("metrics", "floor"))  # for rules, which name the metrics
    Embedding = flags_of(Protocol, Compute, without=("real", "train", "heldout", "metrics", "options", "floor"))
    Examining = flags_of(Protocol, Compute, without=("train", "heldout", "labels", "metrics", "options", "floor"))


def protocol_of(flags: Any, *layers: tuple[str, Any]) -> tuple[Protocol, tuple[str, ...]]:
    """The protocol that flags and, below them, `layers` say, with a sentence for each thing that a flag overrode."""
    return Protocol.layered(("the command line", said(flags, Protocol)), *layers)


def require_reference(protocol: Protocol) -> None:
    if protocol.real is None:
        raise WrongInputError("Nothing says what to compare with. Pass --real, for example --real hoda:test.")


def compute_of(flags: Any, **more: Any) -> Compute:
    return Compute(**said(flags, Compute), **more)


def retyped(found: Mapping[str, Any]) -> str:
    """What `said` found, as one would type it again.

    >>> retyped({"real": "my images/", "metrics": ("fid", "kid"), "n": 100, "options": {"fid": {"se": False}}})
    "--real 'my images/' --metrics fid kid --n 100 --options fid.se=False"
    """
    words: list[str] = []
    for key, value in found.items():
        flag = f"--{key.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        elif isinstance(value, Mapping):
            words += [flag, *(f"{m}.{name}={v}" for m, options in value.items() for name, v in options.items())]
        else:
            words += [flag, *(map(str, value) if isinstance(value, (tuple, list)) else [str(value)])]
    return shlex.join(words)
