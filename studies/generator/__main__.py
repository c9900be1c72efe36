"""Train the projection cGAN on a data set (or take the newest finished run), measure it, write DATASET.md."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ganeval.core.files import write_atomic
from ganeval.runs.directory import RunDirectory
from reference_models.plumbing.options import Options
from reference_models.plumbing.system import SYSTEMS
from studies.generator.measure import measure
from studies.generator.page import render_page, render_picture
from studies.page import RESULTS
from studies.trained import newest, train_whole

SYSTEM = "projection_cgan"
STEPS = {"hoda": 10_000, "mnist": 6000}  # what fits into 20 CPU-minutes with OPTIONS; others as the profile says
# bfloat16 takes half the time of float32 on a processor with AMX (121 against 228 ms a step); 200 a class are 2,000.
OPTIONS = Options(
    amp=True, channels_last=True, threads=1, sample_times=10, sample_per_class=200, log_every=100, grids=20
)


def main(
    dataset: str,
    /,
    *,
    runs: Path = Path("runs"),
    out: Path = RESULTS,
    profile: str = "cpu",
    seed: int = 0,
    per_class: int = 1000,
    train: bool = False,
) -> Path:
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
    return write_atomic(out / f"{name}.md", render_page(measured, picture.name))
