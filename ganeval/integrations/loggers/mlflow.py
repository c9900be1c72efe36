"""MLflow, on a server or in a folder: one batch of metrics a step."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from ganeval.errors import WrongInputError, guarded
from ganeval.integrations.loggers.failing import heard_by
from ganeval.integrations.loggers.values import PREFIX, step_of, values_of
from ganeval.integrations.needed import needed
from ganeval.records.scores import Evaluation


def _heard() -> AbstractContextManager[None]:
    return heard_by("MLflow", "Look at tracking_uri, whether its server runs, and whether run_id is a run there.")


class MLflowLogger:
    """Logs to a run by its id; left out, to the run that is active."""

    def __init__(self, run_id: str | None = None, *, tracking_uri: str | None = None, prefix: str = PREFIX) -> None:
        mlflow: Any = needed("mlflow", "loggers")
        with _heard():
            active = None if run_id else mlflow.active_run()
        self.run_id = run_id or (active and active.info.run_id)
        if not self.run_id:
            raise WrongInputError("No run of MLflow is active. Call mlflow.start_run() before, or pass run_id=.")
        with _heard():
            self.client, self.prefix = mlflow.MlflowClient(tracking_uri), prefix

    @guarded
    def log(self, evaluation: Evaluation, step: int | None = None) -> None:
        """Add every number of the evaluation at `step` (by default its own)."""
        values, at = values_of(evaluation, self.prefix), step_of(evaluation, step)
        with _heard():
            for name, value in values.items():
                self.client.log_metric(self.run_id, name, value, step=at)
