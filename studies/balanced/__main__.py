"""Does balancing BreastMNIST with generated images help? Train what is missing, then write balanced.md."""

from __future__ import annotations

from pathlib import Path

from ganeval.classifiers.breastmnist import MALIGNANT
from ganeval.core.files import write_atomic
from ganeval.datasets.dataset import DATASETS
from ganeval.errors import MissingFileError, WrongInputError
from reference_models.plumbing.system import open_sampler
from studies.balanced.experiment import Experiment, prepare, test_scores, train_all
from studies.balanced.page import outcomes, render
from studies.page import RESULTS
from studies.trained import newest

SYSTEM, DATASET = "projection_cgan", "breastmnist"


def main(
    folder: Path = Path("runs/balanced"),
    *,
    runs: Path = Path("runs"),
    out: Path = RESULTS,
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
    text = render(outcomes(scores, labels, prior), experiment.setup, f"balanced --seeds {seeds}")
    return write_atomic(out / "balanced.md", text)
