"""Whether everything that a recipe says is heard: no field that another one switches off, no layer without units.

A field that changes nothing is a number that somebody believes in. Which values somebody asked for is not known here,
so that a value counts as asked for if no recipe that the system ships with has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from ganeval.errors import WrongInputError

# By name for every trainer, like the ranges: while the first has this value, the others change nothing.
SWITCHES: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    ("net", "dense", ("channels",)),
    ("net", "conv", ("units", "dropout")),
    ("study", True, ("g_width", "d_width")),
    ("augment", "none", ("flips", "ada_ramp")),
    ("augment", "diff", ("ada_ramp",)),
    ("loss", "plain", ("gamma", "final_gamma")),
    ("gamma", 0, ("final_gamma", "every")),
    ("r1", 0, ("r1_every",)),
    ("auxiliary", 0, ("class_fakes",)),
    ("noise", 0, ("noise_until",)),
    ("styles", 1, ("apart",)),
)
INTERVALS = ("r1_every", "every")  # steps from one penalty to the next


def require_heard(config: Any, shipped: Iterable[Any]) -> None:
    """Raise `WrongInputError` for a field with a value of its own that another field switches off.

    `shipped` are the recipes of the system (functions among them, which name a data set, are passed over).
    """
    recipes = [recipe for recipe in shipped if not callable(recipe)]

    def asked(name: str) -> bool:
        known = [getattr(recipe, name, None) for recipe in recipes]
        return hasattr(config, name) and getattr(config, name) not in known

    for switch, off, idle in SWITCHES:
        for name in idle if getattr(config, switch, None) == off else ():
            if asked(name):
                raise WrongInputError(
                    f"{name} changes nothing while {switch} is {off!r}; got {getattr(config, name)!r}. Leave {name} "
                    f"out, or give another {switch}."
                )
    for name in INTERVALS:
        if asked(name) and getattr(config, name) > config.steps:
            raise WrongInputError(
                f"In {config.steps} steps nothing happens every {getattr(config, name)}. Give a smaller {name}, or "
                "more steps."
            )


def require_units(networks: Mapping[str, nn.Module], system: str) -> None:
    """Raise `WrongInputError` for a layer without a single weight, through which nothing can pass: widths that halve
    from layer to layer end at none.
    """
    for name, net in networks.items():
        for weight, values in net.named_parameters():
            if not values.numel():
                raise WrongInputError(
                    f"Every layer of {system} must have units; {weight.rpartition('.')[0]} of its {name} has none with "
                    "this recipe, because widths halve from layer to layer. Give larger widths."
                )
