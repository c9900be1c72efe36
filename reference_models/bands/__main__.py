"""python -m reference_models.bands check RUN ...: is a finished training like the healthy ones of its recipe?"""

from __future__ import annotations

from ganeval.cli.early import heed_ctrl_c, leave_at_ctrl_c

if __name__ == "__main__":
    leave_at_ctrl_c("reference_models.bands")

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from ganeval.errors import GanevalError, WrongInputError
from ganeval.runs.directory import open_run
from reference_models.bands.check import check_curves, check_scores, verdict
from reference_models.bands.known import known_of
from reference_models.bands.summary import score_values


def check(runs: Annotated[tuple[Path, ...], tyro.conf.Positional], /) -> int:
    """Compare finished runs of the profile `cpu` with healthy ones; exit code 1 where a score of one is worse,
    2 where there is nothing to compare.

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


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 healthy, 1 a score is worse, 2 wrong input, 130 interrupted."""
    try:
        return tyro.extras.subcommand_cli_from_dict({"check": check}, prog="reference_models.bands", args=arguments)
    except GanevalError as error:
        sys.stderr.write(f"reference_models.bands: {error}\n")
        return 2
    except KeyboardInterrupt as stopped:
        sys.stderr.write(f"reference_models.bands: interrupted. {stopped}\n")
        return 130


if __name__ == "__main__":
    heed_ctrl_c()
    sys.exit(main())
