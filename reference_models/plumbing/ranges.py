"""What the fields of a recipe and of the options may be: one table by name for every trainer.

A number not named here must be 0 or more, and all must be finite; of a tuple that holds for every element. Types are
those that the dataclass declares. What only one trainer knows (a batch that several samples share) it says itself.
"""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

import torch

from ganeval.errors import WrongInputError
from ganeval.features.extraction import choose_device

MOST = 10**9  # of any whole number
FLOATS = torch.finfo(torch.float32)  # what networks compute in: beyond it a number is 0 or endless
# More threads, and the libraries below torch end the process; more layers, and memory ends before the first is trained.
MOSTS = {"threads": 1024, "depth": 1000}
POSITIVE = {
    "ada_ramp",
    "batch",
    "channels",
    "clip",
    "critic_steps",
    "d_kernel",
    "d_scale",
    "d_steps",
    "d_width",
    "d_widths",
    "depth",
    "embedding",
    "every",
    "features",
    "g_lr",
    "g_width",
    "g_widths",
    "growth",
    "halflife",
    "keep_last",
    "latent",
    "log_every",
    "lr",
    "nfe",
    "pack",
    "patch",
    "r1_every",
    "steps",
    "styles",
    "units",
    "width",
}
SHARES = {"apart", "final_lr"}
SOME = {"final_gamma", "noise_until"}  # shares of what there would be none of at 0
BELOW_ONE = {"beta1", "beta2", "dropout", "reject", "smoothing"}
BELOW_HALF = {"flips"}  # of coins: at one half nothing is told, above it the opposite


def require_ranges(settings: Any) -> None:
    """Raise `WrongInputError` for the first field of a recipe or of options that cannot be meant."""
    hints = get_type_hints(type(settings))
    for field in fields(settings):
        wrong = _wrong(field.name, hints[field.name], getattr(settings, field.name))
        if wrong:
            raise WrongInputError(
                f"{field.name} must be {wrong}; got {getattr(settings, field.name)!r}. Give another, or leave it out."
            )


def require_device(name: str) -> torch.device:
    """The device, which this machine has; raises `WrongInputError` for another."""
    device = choose_device(name)
    try:
        torch.empty(0, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise WrongInputError(f"This machine cannot train on device {name!r}: {first_line(error)} Take cpu.") from error
    return device


def _wrong(name: str, hint: Any, value: Any) -> str:
    """What the value should be, "" where it is."""
    if get_origin(hint) is Literal:
        return "" if value in get_args(hint) else f"one of {', '.join(map(repr, get_args(hint)))}"
    if get_origin(hint) is tuple:
        inner = get_args(hint)[0]
        if not isinstance(value, tuple):
            return "a tuple"
        if not value and name in POSITIVE:
            return "at least one number"
        return next(
            (f"made of elements that are {wrong}" for item in value if (wrong := _wrong(name, inner, item))), ""
        )
    if hint in (bool, str):
        return "" if isinstance(value, hint) else {bool: "true or false", str: "text"}[hint]
    return _wrong_number(name, hint, value)


def _wrong_number(name: str, hint: type, value: Any) -> str:
    most = MOSTS.get(name, MOST) if hint is int else FLOATS.max
    kind, limit = ("a whole number", f" and at most {most:,}") if hint is int else ("a finite number", _beyond(value))
    fits = isinstance(value, int if hint is int else (int, float)) and not isinstance(value, bool)
    if name in POSITIVE:
        least = FLOATS.tiny if hint is float else 0
        span, inside = "above 0", lambda x: x > 0 and x >= least
    elif name in SHARES:
        span, inside = "from 0 to 1", lambda x: 0 <= x <= 1
    elif name in SOME:
        span, inside = "above 0 and at most 1", lambda x: 0 < x <= 1
    elif name in BELOW_HALF:
        span, inside = "from 0 to below 0.5", lambda x: 0 <= x < 0.5
    elif name in BELOW_ONE:
        span, inside = "from 0 to below 1", lambda x: 0 <= x < 1
    else:
        span, inside = "of 0 or more", lambda x: x >= 0
    return "" if fits and inside(value) and value <= most else f"{kind} {span}{limit}"


def _beyond(value: Any) -> str:
    """Why a number is refused that looks well."""
    if not isinstance(value, float) or not value or not math.isfinite(value):
        return ""
    return "" if FLOATS.tiny <= abs(value) <= FLOATS.max else " in float32"


def first_line(error: Exception) -> str:
    return (str(error).partition("\n")[0].rstrip(".") or type(error).__name__) + "."
