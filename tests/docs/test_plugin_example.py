"""The package of docs/plugins.md is built, installed and used, and its number is right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "plugin_example"
USE = """
import numpy as np
import ganeval
rng = np.random.default_rng(0)
real, fake = rng.normal(size=(400, 3)), rng.normal(size=(300, 3)) + [2, 0, 0]
score = ganeval.mean_shift(real, fake)
expected = ((real.mean(0) - fake.mean(0)) ** 2).sum()
assert abs(score - expected) < 1e-9 * expected, (float(score), expected)
again = [float(ganeval.mean_shift(real, rng.normal(size=(300, 3)) + [2, 0, 0])) for _ in range(60)]
assert 0.7 < score.se / np.std(again) < 1.4, (score.se, np.std(again))
assert "mean_shift" in ganeval.METRICS.names()
print(ganeval.evaluate(real, fake, metrics=["mean_shift", "fid"])["mean_shift"].ok, score.signature)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package built from a copy of its two files, and installed into a folder of its own."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("target")
    for name in ("pyproject.toml", "mean_shift.py"):
        (source / name).write_bytes((EXAMPLE / name).read_bytes())
    install = [
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--target",
        str(target),
        str(source),
    ]
    done = subprocess.run([sys.executable, "-m", "pip", *install], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


def test_the_installed_metric_is_a_function_of_ganeval_with_the_right_number_and_error(installed: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), str(ROOT)])}
    done = subprocess.run([sys.executable, "-c", USE], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("True mean_shift|v:1|"), done.stderr


def test_the_metric_has_about_twenty_lines() -> None:
    lines = (EXAMPLE / "mean_shift.py").read_text(encoding="utf-8").splitlines()
    assert sum(1 for line in lines if line.strip()) <= 25
