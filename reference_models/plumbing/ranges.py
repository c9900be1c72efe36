"""What the fields of a recipe and of the options may be: one table by name for every trainer.

A number not named here must be 0 or more, and all must be finite; of a tuple that holds for every element. Types are
those that the dataclass declares. What only one trainer knows (a batch that several samples share) it says itself.
"""

from __future__ import annotations

import sys
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

import torch

from ganeval.errors import WrongInputError
from ganeval.features.extraction import choose_device

MOST = 10**9  # of any whole number
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
SHARES = {"apart", "final_lr", "flips", "noise_until", "smoothing"}
BELOW_ONE = {"beta1", "beta2", "dropout", "reject"}


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
        return next(
            (f"made of elements that are {wrong}" for item in value if (wrong := _wrong(name, inner, item))), ""
        )
    if hint in (bool, str):
        return "" if isinstance(value, hint) else {bool: "true or false", str: "text"}[hint]
    return _wrong_number(name, hint, value)


def _wrong_number(name: str, hint: type, value: Any) -> str:
    most = MOSTS.get(name, MOST) if hint is int else sys.float_info.max
    kind, limit = ("a whole number", f" and at most {most:,}") if hint is int else ("a finite number", "")
    fits = isinstance(value, int if hint is int else (int, float)) and not isinstance(value, bool)
    if name in POSITIVE:
        span, inside = "above 0", lambda x: x > 0
    elif name in SHARES:
        span, inside = "from 0 to 1", lambda x: 0 <= x <= 1
    elif name in BELOW_ONE:
        span, inside = "from 0 to below 1", lambda x: 0 <= x < 1
    else:
        span, inside = "of 0 or more", lambda x: x >= 0
    return "" if fits and inside(value) and value <= most else f"{kind} {span}{limit}"


def first_line(error: Exception) -> str:
    return (str(error).partition("\n")[0].rstrip(".") or type(error).__name__) + "."
