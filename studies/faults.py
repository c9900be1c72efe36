"""docs/faults.md: the faults that `ganeval doctor` and `ganeval calibrate` make."""

from __future__ import annotations

from pathlib import Path

from ganeval.core.files import write_atomic
from ganeval.measure.faults import FAULTS, Fault
from studies.page import DOCS

INTRODUCTION = """# Faults made on purpose

Written by `python -m studies faults` from `ganeval/measure/faults.py`; a test keeps the page up to date.

`ganeval doctor` puts each of these faults into real images and shows which metrics see it. `ganeval calibrate` puts
them into the images of your generator and counts how often the gate turns red; `--faults NAME ...` picks some. The
strengths are faint on purpose: a metric that sees these sees what is worse. The labels stay what was asked for. Faults
that need labels or training images are left out where there are none. `calibrate` also knows `weights`: every weight
of the generator moved by 2 % of the spread of its tensor.
"""
NEEDS = {"labels": "labels", "train": "training images"}


def render_page() -> str:
    head = "| fault | what the broken generator does | strength | needs |\n| --- | --- | --- | --- |"
    return "\n".join([INTRODUCTION, head, *map(row, FAULTS.values())]) + "\n"


def row(fault: Fault) -> str:
    needs = ", ".join(NEEDS[need] for need in sorted(fault.needs))
    return f"| `{fault.name}` | {fault.sentence} | {fault.how_much} | {needs} |"


def main(*, out: Path = DOCS) -> Path:
    """Write `out/faults.md`."""
    return write_atomic(out / "faults.md", render_page())
