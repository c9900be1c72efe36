"""Weights & Biases, online or offline: one `run.log` with every number and its error."""

from __future__ import annotations

from typing import Any

from ganeval.errors import WrongInputError, guarded
from ganeval.integrations.loggers.failing import heard_by
from ganeval.integrations.loggers.values import PREFIX, checked_prefix, step_of, values_of
from ganeval.integrations.needed import needed
from ganeval.records.scores import Evaluation


class WandbLogger:
    """Logs to an open run. `wandb.init(mode="offline")` needs no network."""

    def __init__(self, run: Any = None, *, prefix: str = PREFIX) -> None:
        """run: what `wandb.init` returned; left out, the run that is open."""
        wandb = needed("wandb", "loggers")
        self.run, self.prefix = run or wandb.run, checked_prefix(prefix)
        if self.run is None:
            raise WrongInputError("No run of W&B is open. Call wandb.init() before, or pass run=.")
        if not callable(getattr(self.run, "log", None)):
            raise WrongInputError(f"run must be what wandb.init() returned; got {type(self.run).__name__}.")

    @guarded
    def log(self, evaluation: Evaluation, step: int | None = None) -> None:
        """Log at the run's own step, which never goes back; the evaluation's is beside it as `PREFIXstep`."""
        values, at = values_of(evaluation, self.prefix), step_of(evaluation, step)
        with heard_by("W&B", "Is the run still open?"):
            self.run.log({**values, f"{self.prefix}step": at})
