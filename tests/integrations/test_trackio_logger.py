"""Trackio's libraries and those of the site's builder cannot share an environment, so it is tried in one of its own.

`pytest -m study tests/integrations/test_trackio_logger.py` makes it, which takes a download.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from ganeval import Evaluation
from ganeval.runs.discovery import find_runs

ROOT = Path(__file__).parents[2]
LOGS = """
import sys
from ganeval.integrations.loggers.trackio import TrackioLogger
from ganeval.records.scores import Evaluation

assert "torch" not in sys.modules
evaluation = Evaluation.read(sys.argv[1])
logger = TrackioLogger("p", name="r", embed=False)
logger.log(evaluation)
logger.log(evaluation, 400)
logger.finish()
"""


@pytest.mark.study
@pytest.mark.timeout(900)
def test_trackio_reads_back_every_number_from_its_folder(measured: Evaluation, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([python, "-m", "pip", "install", "-q", f"{ROOT}[trackio]"], check=True, env=env)
    measured.write(tmp_path / "result.json")
    env |= {"TRACKIO_DIR": str(tmp_path / "kept"), "HF_HUB_OFFLINE": "1"}
    subprocess.run([python, "-c", LOGS, tmp_path / "result.json"], check=True, env=env, cwd=tmp_path)
    (run,) = find_runs(tmp_path / "kept").runs
    for name, said in (("fid", measured["fid"].value), ("fid_se", measured["fid"].se)):
        curve = run.curves[f"ganeval/{name}"]
        assert (curve.steps, curve.values) == ((200, 400), (said, said))
