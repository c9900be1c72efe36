"""A training that is interrupted in the midst of a step, and resumed, beside one that was left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ganeval.runs.directory import RunDirectory
from reference_models.plumbing.options import Options
from reference_models.plumbing.session import Session
from reference_models.plumbing.system import fit, resume


def whole_and_resumed(
    name: str, config: Any, options: Options, step: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[RunDirectory, RunDirectory]:
    """The run that was left alone, and the one that ended in `step`, before its log line, and went on."""
    whole = fit(name, config, dataset="synthetic", out=folder / "whole", options=options)
    log = Session.log

    def stop(self: Session, **values: Any) -> None:
        if self.step == step:
            raise KeyboardInterrupt
        log(self, **values)

    with monkeypatch.context() as patch:
        patch.setattr(Session, "log", stop)
        with pytest.raises(KeyboardInterrupt):
            fit(name, config, dataset="synthetic", out=folder / "stopped", options=options)
    (stopped,) = (folder / "stopped").iterdir()
    return whole, resume(stopped)
