"""Is my training normal? Trains the seeds of each recipe, and writes what a healthy one scores."""

from __future__ import annotations

from pathlib import Path

from ganeval.core.files import write_atomic
from ganeval.core.registry import unknown_name
from ganeval.errors import UnknownNameError
from reference_models.bands.known import FILE, read_known, store
from studies.bands.fit import RECIPES, fit_known
from studies.bands.page import render
from studies.page import RESULTS


def main(
    *, only: str = "", train: bool = True, runs: Path = Path("runs"), out: Path = RESULTS, file: Path = FILE
) -> Path:
    """Train what is missing of every recipe, store its values, and write `out/bands.md` of all that are stored.

    Args:
        only: one recipe, such as cgan-hoda; all of them without.
        train: without it, the page is written of the values stored already.
        runs: where to look for finished runs, and where to train.
        out: folder of the page.
        file: of the values.
    """
    names = {f"{system}-{dataset}": (system, dataset) for system, dataset in RECIPES}
    if only and only not in names:
        raise UnknownNameError(unknown_name("recipe with bands", only, names))
    for name in ([only] if only else names) if train else ():
        store(fit_known(*names[name], RECIPES[names[name]], runs), file)
    stored = read_known(file)
    return write_atomic(out / "bands.md", render([stored[name] for name in names if name in stored]))
