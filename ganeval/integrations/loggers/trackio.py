"""Trackio: a local data base with a dashboard, `trackio show`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from ganeval.errors import guarded
from ganeval.integrations.loggers.failing import heard_by
from ganeval.integrations.loggers.values import PREFIX, checked_prefix, step_of, values_of
from ganeval.integrations.needed import needed
from ganeval.records.scores import Evaluation


def _heard() -> AbstractContextManager[None]:
    return heard_by("Trackio", "Look at the options of trackio.init, and whether TRACKIO_DIR can be written.")


class TrackioLogger:
    """Logs to a run that is open, or opens one in a project."""

    def __init__(self, project: str | None = None, *, run: Any = None, prefix: str = PREFIX, **options: Any) -> None:
        """run: what `trackio.init` returned. project and options:
        what `trackio.init` is called with where there is none.
        """
        trackio = needed("trackio", "trackio")
        self.prefix = checked_prefix(prefix)
        with _heard():
            self.run = run or trackio.init(project=project or "ganeval", **options)

    @guarded
    def log(self, evaluation: Evaluation, step: int | None = None) -> None:
        """Log every number of the evaluation at `step` (by default its own)."""
        values, at = values_of(evaluation, self.prefix), step_of(evaluation, step)
        with _heard():
            self.run.log(values, step=at)

    def finish(self) -> None:
        """Wait until everything is written."""
        with _heard():
            self.run.finish()
