"""Where an update of a plain trainer goes: the share of its CPU time that lies within convolutions.

Convolutions are calls of the same library on both sides, so in float32 no way of writing a trainer makes them faster:
one that did everything else in no time at all would be 1 / share times as fast.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

UPDATES = 4
CONVOLUTIONS = "conv"  # in the name of an operation of torch, whichever library does the work


def convolutions(update: Callable[[], object], updates: int = UPDATES) -> float:
    """The share of the CPU time of `update` that convolutions take, forward and backward; between 0 and 1."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as seen:
        for _ in range(updates):
            update()
    took = {row.key: row.self_cpu_time_total for row in seen.key_averages()}
    return sum(time for name, time in took.items() if CONVOLUTIONS in name) / sum(took.values())


def sentence(name: str, share: float) -> str:
    """What a share means for the bar.

    >>> sentence("cgan", 0.8)
    'Convolutions are 80% of an update of `cgan`: nothing in float32 can be more than 1.25 times as fast.'
    """
    most = f"nothing in float32 can be more than {1 / share:.2f} times as fast"
    return f"Convolutions are {share:.0%} of an update of `{name}`: {most}."
