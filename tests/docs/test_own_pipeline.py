"""The tutorial of a diffusers pipeline runs as it stands, and what it writes is a whole run that measures well."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from ganeval import Evaluation
from ganeval.runs.readers.native import read_run

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorials" / "own_pipeline.py"


@pytest.mark.study
@pytest.mark.filterwarnings("ignore")
def test_a_pipeline_of_diffusers_writes_a_run_that_is_measured_like_any_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("diffusers", reason="this tutorial is about diffusers")
    ran = runpy.run_path(str(TUTORIAL))
    record = read_run(ran["run"].path)
    assert record.status == "done"
    assert record.grids[-1].rows == 10
    losses = record.curves["loss"].values
    assert sum(losses[-50:]) < sum(losses[:50]) / 2
    assert (ran["runs"] / "report.html").is_file()
    assert "classifier_score" in capsys.readouterr().out
    stored = next((ran["run"].path / "eval").glob("*/result.json"), None)
    if stored is not None:
        assert float(Evaluation.read(stored)["classifier_score"].value or 0) > 0.8
