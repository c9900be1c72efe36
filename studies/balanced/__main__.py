"""python -m reference_models.balanced: train what is missing, then write docs/results/balanced.md."""

from __future__ import annotations

import sys
from pathlib import Path

import tyro

from ganeval.classifiers.breastmnist import MALIGNANT
from ganeval.core.files import write_atomic
from ganeval.datasets.dataset import DATASETS
from ganeval.errors import GanevalError, MissingFileError, WrongInputError
from reference_models.balanced.experiment import Experiment, prepare, test_scores, train_all
from reference_models.balanced.page import outcomes, render
from reference_models.plumbing.system import open_sampler
from reference_models.results.measure import newest

SYSTEM, DATASET = "projection_cgan", "breastmnist"


def main(
    folder: Path = Path("runs/balanced"),
    *,
    runs: Path = Path("runs"),
    out: Path = Path("docs/results"),
    seeds: int = 10,
) -> Path:
    """Train every arm for every seed, open the test split, and write `out/balanced.md`.

    Args:
        folder: of the trained networks; an unfinished one is gone on with.
        runs: where the newest finished generator is looked for; without one only the arms that need none are trained.
        out: folder of the page.
        seeds: networks of each arm, at least two.
    """
    if seeds < 2:
        raise WrongInputError(f"Errors over seeds need at least two; got {seeds}. Pass 5 or more.")
    experiment = Experiment(folder, seeds=range(seeds))
    prepare(experiment)
    generator = newest(runs, SYSTEM, DATASET)
    train_all(experiment)
    if generator is None:
        raise MissingFileError(
            f"The other arms need a finished run of {SYSTEM} on {DATASET} in {runs}; there is none. Train one: "
            f"python -m reference_models {SYSTEM} --dataset {DATASET} --profile cpu --out {runs}"
        )
    which = "best" if generator.checkpoint("best") else "last"
    train_all(experiment, open_sampler(generator.path, device="cpu", which=which), f"{generator.path.name}, {which}")
    scores, labels = test_scores(experiment)
    prior = float((DATASETS[DATASET].load("train").labels == MALIGNANT).mean())
    text = render(
        outcomes(scores, labels, prior), experiment.setup, f"python -m reference_models.balanced --seeds {seeds}"
    )
    return write_atomic(out / "balanced.md", text)


if __name__ == "__main__":
    try:
        written = tyro.cli(main)
    except GanevalError as error:
        sys.exit(f"reference_models.balanced: {error}")
    sys.stdout.write(f"{written}\n")
