"""In which order the tutorials stand, and which of them can be run on this machine."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path

FIRST = ("own_folder.py", "own_judge.py", "gate_in_ten_minutes.py", "training_loop.py", "papers_fid.py")
LIBRARY = re.compile(r"^(?:import|from) (\w+)", re.MULTILINE)
DATA = re.compile(r'"(mnist|hoda|breastmnist|cifar10):\w+"')  # digits ship inside scikit-learn


class Reading:
    """The order of reading: those named above, then the others by name."""

    def __init__(self, folder: str) -> None:
        del folder

    def __call__(self, name: str) -> tuple[int, str]:
        return (FIRST.index(name) if name in FIRST else len(FIRST), name)

    def __repr__(self) -> str:
        return "Reading"


def lacking_data(folder: Path, data: str | None) -> list[str]:
    """The scripts that name a data set which `data`, the folder of data sets, does not hold."""
    return sorted(
        script.name
        for script in folder.glob("*.py")
        if any(
            not data or not (Path(data) / name).is_dir()
            for name in set(DATA.findall(script.read_text(encoding="utf-8")))
        )
    )


def lacking_library(folder: Path) -> list[str]:
    """The scripts that import a library which is not installed, such as diffusers."""
    return sorted(
        script.name
        for script in folder.glob("*.py")
        if any(find_spec(name) is None for name in set(LIBRARY.findall(script.read_text(encoding="utf-8"))))
    )


def run_pattern(folder: Path) -> str:
    """Which scripts are run, as sphinx-gallery wants it: a pattern that is searched for in their paths."""
    unrun = sorted({*lacking_data(folder, os.environ.get("GANEVAL_DATA")), *lacking_library(folder)})
    return rf"/(?!(?:{'|'.join(map(re.escape, unrun))})$)\w+\.py$" if unrun else r"\.py$"
