"""What a constraint on the critic costs, what a heavy class head costs, and whether modes are lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ganeval.core.files import write_atomic
from ganeval.runs.directory import encode_png
from studies.critics.page import PICTURED, by_class, render_page, render_picture
from studies.critics.trainings import compare, prototypes, stacks
from studies.page import RESULTS


def main(*, runs: Path = Path("runs"), out: Path = RESULTS, seed: int = 0, n: int = 2000) -> Path:
    """Write `out/critics.md` and its pictures; trains what is not below `runs` yet.

    Args:
        runs: where to look for finished runs, and where to train.
        out: folder of the page.
        seed: of the trainings and of the images drawn.
        n: images drawn from each of the compared generators.
    """
    compared, real = compare(runs, seed, n)
    weighted = prototypes(runs, seed, n // 10)
    stacked = stacks(runs, seed)
    for name, images, rows in (
        ("critics", np.concatenate([j.images[:PICTURED] for j in compared.values()]), len(compared)),
        ("critics-prototypes", by_class([runs[0] for runs in weighted.values()]), 10),
        ("critics-stacks", next(iter(stacked.values())).images[: 4 * PICTURED], 4),
    ):
        write_atomic(out / f"{name}.png", encode_png(render_picture(images, rows)))
    return write_atomic(out / "critics.md", render_page(compared, real, weighted, stacked))
