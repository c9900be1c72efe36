"""TensorBoard: scalars with their errors, and the headline as a table of text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ganeval.errors import WrongInputError, guarded
from ganeval.integrations.loggers.failing import heard_by
from ganeval.integrations.loggers.values import PREFIX, checked_prefix, step_of, values_of
from ganeval.integrations.needed import needed
from ganeval.records.scores import Evaluation

REMEDY = "Name a folder that can be written, or a SummaryWriter that is open."


class TensorBoardLogger:
    """Writes to a `SummaryWriter` of yours, or to a folder."""

    def __init__(self, writer: Any, *, prefix: str = PREFIX) -> None:
        """writer: a `torch.utils.tensorboard.SummaryWriter`, or the folder for a new one."""
        needed("tensorboard", "loggers")
        self.prefix = checked_prefix(prefix)
        if isinstance(writer, (str, Path)):
            library = needed("torch.utils.tensorboard", "loggers")
            with heard_by("TensorBoard", REMEDY):
                writer = library.SummaryWriter(str(writer))
        if not callable(getattr(writer, "add_scalar", None)):
            raise WrongInputError(f"writer must be a SummaryWriter or a folder; got {type(writer).__name__}.")
        self.writer = writer

    @guarded
    def log(self, evaluation: Evaluation, step: int | None = None) -> None:
        """Add every number of the evaluation at `step` (by default its own) and flush."""
        values, at = values_of(evaluation, self.prefix), step_of(evaluation, step)
        with heard_by("TensorBoard", REMEDY):
            for name, value in values.items():
                self.writer.add_scalar(name, value, at)
            self.writer.add_text(f"{self.prefix}headline", evaluation.to_markdown(), at)
            self.writer.flush()
