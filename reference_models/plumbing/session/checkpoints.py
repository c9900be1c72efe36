"""What a training must not forget: networks, averages, optimisers; and which of its checkpoints was the best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import nn

from ganeval.errors import BrokenRunError
from ganeval.runs.directory import RunDirectory
from reference_models.plumbing.checkpoint import encode_state, restore
from reference_models.plumbing.data import Data
from reference_models.plumbing.ranges import first_line
from reference_models.plumbing.sampling import Sampler
from reference_models.plumbing.selection import selection_score

SELECT_PER_CLASS = 50  # images of each class that the judge sees at every checkpoint


class Stateful(Protocol):
    def state_dict(self) -> Any: ...
    def load_state_dict(self, state: Any, /) -> Any: ...


class Checkpoints:
    """Things held by name, written and brought back together."""

    def __init__(self, run: RunDirectory, judge: str) -> None:
        self._run, self._judge = run, judge
        self.held: dict[str, Stateful] = {}
        self.best: dict[str, Any] = {}

    @property
    def networks(self) -> list[nn.Module]:
        return [thing for thing in self.held.values() if isinstance(thing, nn.Module)]

    def broken(self) -> list[str]:
        """The networks with a weight that is not finite."""
        return [name for name, thing in self.held.items() if isinstance(thing, nn.Module) and not _finite(thing)]

    def write(self, step: int, state: Mapping[str, Any], *, best: bool, keep_last: int, info: dict[str, Any]) -> None:
        """Everything held and the state of the other parts, as one file."""
        content = {**state, "best": self.best, "held": {name: thing.state_dict() for name, thing in self.held.items()}}
        self._run.write_checkpoint(step, encode_state(content), keep_last=keep_last, best=best, info=info)

    def load(self, state: Mapping[str, Any]) -> None:
        """Bring back what a checkpoint holds, into things of the same names."""
        differ = sorted(set(self.held) ^ set(state["held"]))
        if differ:
            raise BrokenRunError(f"The checkpoint and the trainer differ in {', '.join(differ)}. Start a new run.")
        self.best = state["best"]
        load_parts(self.held, state)

    def is_best(self, step: int, draw: Sampler, data: Data, seed: int) -> bool:
        """Ask the judge and keep the record; without a judge no checkpoint is the best."""
        if not self._judge:
            return False
        value = selection_score(draw, data, self._judge_of_run(), SELECT_PER_CLASS, seed)
        self._run.log(step, {"select/kid": value})
        if self.best and self.best["value"] <= value:
            return False
        self.best = {"metric": "kid", "judge": self._judge, "value": value, "step": step}
        return True

    def _judge_of_run(self) -> str:
        """The judge by its name; one of these images lies in the run."""
        named = self._judge
        return str(self._run.path / self._run.info["protocol"]["classifier"]) if named == "auto" else named


def load_parts(things: Mapping[str, Stateful], state: Mapping[str, Any]) -> None:
    """Some of what a checkpoint holds, by name; parts that are named or shaped otherwise are refused."""
    for name, thing in things.items():
        try:
            restore(thing, state["held"][name])
        except (RuntimeError, ValueError, KeyError) as error:
            raise BrokenRunError(
                f"The checkpoint's {name} is of another version of this trainer: {first_line(error)} Start a new run."
            ) from error


def _finite(net: nn.Module) -> bool:
    return all(bool(torch.isfinite(value).all()) for value in net.state_dict().values())
