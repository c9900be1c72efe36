"""What is left of a class in few dimensions: votes of neighbours in the latent spaces of PCA, Isomap and networks."""

from __future__ import annotations

from pathlib import Path

from studies.latent.page import write_page
from studies.latent.spaces import SELECT, measure_latents
from studies.page import RESULTS


def main(
    *, runs: Path = Path("runs"), out: Path = RESULTS, dataset: str = "cifar10", seed: int = 0, select: int = SELECT
) -> Path:
    """Write `out/latent.md` and its pictures; trains what is not yet trained below `runs`.

    Args:
        runs: where to look for finished runs, and where to train.
        out: folder of the page.
        dataset: registered data set with a test split.
        seed: of the trainings and of the choice of the selection images.
        select: training images that choose d and k.
    """
    images, found = measure_latents(runs, dataset=dataset, seed=seed, select=select)
    return write_page(images, found, out, dataset, seed)
