"""python -m reference_models.bands check RUN ... | fit [--only cgan-hoda]"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from ganeval.errors import GanevalError, UnknownNameError, WrongInputError
from ganeval.files import read_json, write_atomic
from ganeval.registry import unknown_name
from ganeval.runs.directory import open_run
from reference_models.bands.check import check_curves, check_scores, verdict
from reference_models.bands.fit import RECIPES, fit_known
from reference_models.bands.known import FOLDER, Known, known_of, store
from reference_models.bands.page import render
from reference_models.bands.summary import score_values


def check(runs: Annotated[tuple[Path, ...], tyro.conf.Positional], /) -> int:
    """Compare finished runs of the profile `cpu` with healthy ones; exit code 1 where a score of one is worse, 2 where there is nothing to compare.

    Args:
        runs: run directories, such as runs/0007-cgan-hoda.
    """
    if not runs:
        raise WrongInputError("Expected at least one run; got none. Name a run directory, such as runs/0007-cgan-hoda.")
    worse = 0
    for path in runs:
        run = open_run(path)
        if run.info.get("status") != "done":
            raise WrongInputError(
                f"A run must be finished to be compared; {path} is {run.info.get('status')}. Let it end."
            )
        known = known_of(run.info)
        scores = check_scores(score_values(run), known)
        worse += not all(place.inside for place in scores)
        _say(f"{path.name}\n{verdict('scores', scores, known)}\n{verdict('curves', check_curves(run, known), known)}")
    return int(worse > 0)


def fit(*, only: str = "", runs: Path = Path("runs"), out: Path = Path("docs/results"), folder: Path = FOLDER) -> int:
    """Train what is missing of every recipe, store its values, and write the page of all.

    Args:
        only: one recipe, such as cgan-hoda; all of them without.
        runs: where to look for finished runs, and where to train.
        out: folder of the page.
        folder: of the values.
    """
    names = {f"{system}-{dataset}": (system, dataset) for system, dataset in RECIPES}
    if only and only not in names:
        raise UnknownNameError(unknown_name("recipe with bands", only, names))
    for name in [only] if only else names:
        known = fit_known(*names[name], RECIPES[names[name]], runs)
        _say(str(store(known, folder)))
    stored = [folder / f"{name}.json" for name in names]
    page = render([Known(**read_json(path)) for path in stored if path.exists()])
    _say(str(write_atomic(out / "bands.md", page)))
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 healthy, 1 a score is worse, 2 wrong input, 130 interrupted."""
    try:
        return tyro.extras.subcommand_cli_from_dict(
            {"check": check, "fit": fit}, prog="reference_models.bands", args=arguments
        )
    except GanevalError as error:
        sys.stderr.write(f"reference_models.bands: {error}\n")
        return 2
    except KeyboardInterrupt as stopped:
        sys.stderr.write(f"reference_models.bands: interrupted. {stopped}\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
