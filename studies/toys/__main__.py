"""Modes in the plane: what two losses capture of a ring, a grid and a parabola."""

from __future__ import annotations

from pathlib import Path

from ganeval.core.files import write_atomic
from studies.page import RESULTS
from studies.toys.page import render_page, render_picture
from studies.toys.trainings import SIZES, train_all


def main(
    *,
    runs: Path = Path("runs"),
    out: Path = RESULTS,
    seeds: tuple[int, ...] = (0, 1, 2),
    names: tuple[str, ...] = tuple(SIZES),
) -> Path:
    """Write `out/toys.md` and `out/toys.png`; trains what is not below `runs` yet (about 10 CPU-minutes for all).

    Args:
        runs: where to look for finished runs, and where to train.
        out: folder of the page.
        seeds: of the trainings reported.
        names: toys to show.
    """
    found = train_all(runs, seeds, names)
    write_atomic(out / "toys.png", render_picture(found))
    return write_atomic(out / "toys.md", render_page(found))
