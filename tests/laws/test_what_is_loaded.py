"""Which large libraries a question loads: each only by who needs it, for a process never gives back what it has loaded.

All that was loaded when `from ganeval import fid` was run had 160 MiB above torch; now it has 10.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "sklearn",
    "pandas",
    "pyarrow",
    "matplotlib",
    "sympy",
    "networkx",
    "fsspec",
    "webdataset",
    "torchvision",
    "torch._dynamo",
    "torch._inductor",
    "tensorboard",
    "ray",
    "rich",
    *(f"scipy.{name}" for name in ("linalg", "special", "stats", "optimize", "ndimage", "spatial", "sparse", "fft")),
)

COUNTS = f"""
import json, sys
import torch
before = set(sys.modules)
def new():
    return sorted(set({HEAVY!r}) & (set(sys.modules) - before))
"""
IMAGES = (
    "\nimport numpy as np\nreal, fake = np.random.default_rng(0).integers(0, 256, (2, 100, 8, 8), dtype=np.uint8)\n"
)


def loaded_by(*steps: str) -> list[list[str]]:
    """The large libraries, besides what torch loads itself, after each of the steps in one new process."""
    code = "\n".join([COUNTS, IMAGES, "found = []", *(f"{step}\nfound.append(new())" for step in steps)])
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\nprint(json.dumps(found))"], capture_output=True, text=True, check=True
    )
    return json.loads(run.stdout.splitlines()[-1])


def test_a_distance_of_pixels_loads_linear_algebra_alone() -> None:
    found = loaded_by(
        "from ganeval import fid, kid, precision, Meter, Protocol",
        "fid(real, fake, extractor='pixels')",
        "kid(real, fake, extractor='pixels'); precision(real, fake, extractor='pixels')",
        "from ganeval.cli.main import main",
    )
    assert found == [[], ["scipy.linalg"], ["scipy.linalg"], ["scipy.linalg"]]


@pytest.mark.study
@pytest.mark.parametrize(
    ("metric", "library"), [("ndb", "sklearn"), ("prd_precision", "sklearn"), ("class_balance", "scipy.stats")]
)
def test_who_needs_a_library_loads_it(metric: str, library: str) -> None:
    """Else the test above would not see what it looks for."""
    (found,) = loaded_by(
        "from ganeval import evaluate\n"
        f"evaluate(real, fake, metrics=({metric!r},), extractor='pixels', classifier='digits')"
    )
    assert library in found


def test_a_judge_of_the_zoo_loads_no_algebra_of_symbols() -> None:
    assert loaded_by("from ganeval.features.extraction import load_extractor", "load_extractor('digits')") == [[], []]
