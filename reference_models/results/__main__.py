"""python -m reference_models.results hoda: train (or take the newest finished run), measure, write docs/results/.

Besides data sets, the pages that have a study of their own: `latent`, `ddpm`, `critics`, `controls`,
`headline`, `classic`, `toys`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import tyro

from ganeval.errors import GanevalError, sentence
from ganeval.files import write_atomic
from ganeval.runs.directory import RunDirectory
from reference_models.plumbing.session import Options
from reference_models.plumbing.system import SYSTEMS
from reference_models.results import (
    breast,
    classic,
    controls,
    critics_page,
    diffusion,
    headline,
    latent_page,
    toys_page,
)
from reference_models.results.measure import measure, newest
from reference_models.results.page import render_page, render_picture
from reference_models.results.trained import train_whole

SYSTEM = "projection_cgan"
STEPS = {"hoda": 10_000, "mnist": 6000}  # what fits into 20 CPU-minutes with OPTIONS; others as the profile says
# bfloat16 takes half the time of float32 on a processor with AMX (121 against 228 ms a step); 200 a class are 2,000.
OPTIONS = Options(
    amp=True, channels_last=True, threads=1, sample_times=10, sample_per_class=200, log_every=100, grids=20
)
STUDIES = {  # pages of their own kind
    "latent": latent_page.main, "ddpm": diffusion.main, "breastmnist": breast.main, "critics": critics_page.main,
    "controls": controls.main, "headline": headline.main, "classic": classic.main,
    "toys": toys_page.main,
}  # fmt: skip


def main(dataset: str, /, *, runs: Path = Path("runs"), out: Path = Path("docs/results"), profile: str = "cpu",
         seed: int = 0, per_class: int = 1000, train: bool = False) -> Path:  # fmt: skip
    """Write `out/<dataset>.md` and its picture.

    Args:
        dataset: hoda, mnist, or another with a judge of the same name.
        runs: where to look for a finished run, and where to train one.
        out: folder of the page.
        profile: recipe to train with.
        seed: of the training and of the images drawn.
        per_class: generated images of each class.
        train: train even where there is a finished run.
    """
    run = None if train else newest(runs, SYSTEM, dataset)
    if run is None:
        config = SYSTEMS[SYSTEM].profile(profile)
        config = replace(config, steps=STEPS.get(dataset, config.steps))
        run = train_whole(runs, SYSTEM, dataset, config, seed, OPTIONS)
    return write_page(run, out, per_class=per_class, seed=seed)


def write_page(run: RunDirectory, out: Path, *, per_class: int, seed: int) -> Path:
    measured = measure(run, per_class=per_class, seed=seed)
    name = str(run.info["dataset"])
    picture = write_atomic(out / f"{name}.png", render_picture(measured))
    command = f"python -m reference_models.results {name}"
    return write_atomic(out / f"{name}.md", render_page(measured, picture.name, command))


def run(arguments: Sequence[str]) -> int:
    """Write the page that is asked for; returns the exit code: 0 written, 1 not possible, 130 interrupted."""
    page = STUDIES.get(arguments[0] if arguments else "")
    try:
        written = tyro.cli(page, args=arguments[1:]) if page else tyro.cli(main, args=arguments)
    except (GanevalError, OSError) as error:
        sys.stderr.write(f"reference_models.results: {sentence(error)}\n")
        return 1
    except KeyboardInterrupt as stopped:
        sys.stderr.write(f"reference_models.results: interrupted, no page is written. {stopped}\n")
        return 130
    sys.stdout.write(f"{written}\n")
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
