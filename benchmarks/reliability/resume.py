"""Resuming: every trainer, under every option that changes a number,
stopped half-way and taken up from its checkpoint.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ganeval.runs.directory import RunDirectory
from reference_models.plumbing.checkpoint import decode_state
from reference_models.plumbing.options import Options
from reference_models.plumbing.session import Session
from reference_models.plumbing.system import SYSTEMS, fit, resume

SMALL = Options(device="cpu", log_every=2, checkpoints=2, sample_per_class=2, grids=1, threads=1)
ARITHMETIC: tuple[dict[str, bool], ...] = ({"channels_last": True}, {"amp": True}, {"amp": True, "channels_last": True})
STEPS = 6


def whole_and_resumed(
    name: str, out: Path, options: Options, changes: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The state after 6 steps at once, and after 3 and, from their checkpoint, 3 more."""
    config = replace(SYSTEMS[name].profile("smoke"), steps=STEPS, **(changes or {}))
    whole = fit(name, config, dataset="synthetic", out=out / "whole", options=options)
    with stopping_at(STEPS // 2):
        part = fit(name, config, dataset="synthetic", out=out / "part", options=options)
    if (part.info["status"], part.info["step"]) != ("stopped", STEPS // 2):
        raise ValueError(f"{name} did not stop half-way: {part.info['status']} after step {part.info['step']}.")
    return final(whole), final(resume(part.path))


@contextmanager
def stopping_at(step: int) -> Iterator[None]:
    """Training that starts in this block stops after `step`, as if somebody had pressed Ctrl-C."""
    real: Callable[[Session], None] = Session._after_step  # noqa: SLF001 - the one place where a step ends

    def after(self: Session) -> None:
        self._stop = self.step == step
        real(self)

    Session._after_step = after  # noqa: SLF001
    try:
        yield
    finally:
        Session._after_step = real  # noqa: SLF001


def final(run: RunDirectory) -> dict[str, Any]:
    """Weights, optimisers and random states of the last checkpoint."""
    path = run.checkpoint()
    if path is None:
        raise ValueError(f"{run.path.name} left no checkpoint.")
    state = decode_state(path.read_bytes())
    return {key: state[key] for key in ("step", "images", "held", "random", "torch")}


def same(a: Any, b: Any) -> bool:
    """Equal to the last bit, also in how tensors lie in memory.

    >>> same({"w": torch.ones(2)}, {"w": torch.ones(2)}), same([torch.ones(2)], [torch.ones(2) + 1e-7])
    (True, False)
    """
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b) and a.stride() == b.stride()
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return len(a) == len(b) and all(map(same, a, b)) if isinstance(a, (list, tuple)) else a == b


def resumed(folder: Path, arithmetic: Sequence[Mapping[str, bool]]) -> str:
    """One line a trainer: whether it went on bit for bit, by option."""
    heads = ["+".join(changes) or "default" for changes in arithmetic]
    lines = [f"| trainer | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for name in SYSTEMS.names():
        found = []
        for head, changes in zip(heads, arithmetic, strict=True):
            sys.stderr.write(f"  {name}, {head}\n")
            exact = same(*whole_and_resumed(name, folder / name / head, replace(SMALL, **changes)))
            found.append("exact" if exact else "**differs**")
        lines.append(f"| {name} | {' | '.join(found)} |")
    return "\n".join(lines)
