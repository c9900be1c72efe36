"""MLflow, on a server or in a folder: one batch of metrics a step."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from ganeval.errors import WrongInputError, guarded
from ganeval.integrations.loggers.failing import heard_by
from ganeval.integrations.loggers.values import PREFIX, checked_prefix, step_of, values_of
from ganeval.integrations.needed import needed
from ganeval.records.scores import Evaluation

MOST = 1000  # metrics of one batch


def _heard() -> AbstractContextManager[None]:
    return heard_by("MLflow", "Look at tracking_uri, whether its server runs, and whether run_id is a run there.")


class MLflowLogger:
    """Logs to a run by its id; left out, to the run that is active."""

    def __init__(self, run_id: Any = None, *, tracking_uri: str | Path | None = None, prefix: str = PREFIX) -> None:
        """run_id: or what `mlflow.start_run` returned."""
        mlflow: Any = needed("mlflow", "loggers")
        with _heard():
            run = mlflow.active_run() if run_id in (None, "") else run_id
        self.run_id, self.prefix = getattr(getattr(run, "info", None), "run_id", run), checked_prefix(prefix)
        if self.run_id is None:
            raise WrongInputError("No run of MLflow is active. Call mlflow.start_run() before, or pass run_id=.")
        if not isinstance(self.run_id, str):
            raise WrongInputError(f"run_id must be text; got {type(run).__name__}. Pass the id of a run, or the run.")
        with _heard():
            self.client = mlflow.MlflowClient(None if tracking_uri is None else str(tracking_uri))
            self._metric = mlflow.entities.Metric

    @guarded
    def log(self, evaluation: Evaluation, step: int | None = None) -> None:
        """Add every number of the evaluation at `step` (by default its own): all of them, or none."""
        values, at, now = values_of(evaluation, self.prefix), step_of(evaluation, step), time.time_ns() // 10**6
        rows = [self._metric(name, value, now, at) for name, value in values.items()]
        with _heard():
            for start in range(0, len(rows), MOST):
                self.client.log_batch(self.run_id, metrics=rows[start : start + MOST])
