"""The page of the bands, in Markdown: what a healthy training of each recipe scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reference_models.bands.band import LEVEL
from reference_models.bands.known import Known
from reference_models.results.measure import PROTOCOL_N, K
from reference_models.results.page import markdown_table

COMMAND = "python -m reference_models.bands fit"
COLUMNS = ("classifier_score", "gan_train", "fid", "kid", "precision", "recall", "density", "coverage", "reconstruction_error")  # fmt: skip
NAMES = {"classifier_score": "GAN-test", "gan_train": "CAS", "reconstruction_error": "reconstruction error"}


def render(all_known: Sequence[Known]) -> str:
    parts = [
        "# Is my training normal?",
        f"Made by `{COMMAND}`. Mean of the seeds, and the limit that {100 * LEVEL:.0f} of 100 healthy trainings keep to.",
        (
            "`python -m reference_models.bands check runs/0007-cgan-hoda` compares a run of the profile `cpu` with the ones below: "
            "its scores, and every logged curve at 10, 25, 50, 75 and 100 % of the steps. Its exit code is 0 where all "
            "scores keep to their limits, 1 where one does not. A finished training says by itself how many of its curves are as "
            "they should be."
        ),
        _table(all_known),
        (
            f"Scores of {PROTOCOL_N:,} fresh images of the last checkpoint against {PROTOCOL_N:,} test images (450 of the "
            f"digits), k = {K}, in the features of the zoo's judge of each data set, so `fid` is a Frechet distance in that space, not "
            "the Inception FID. GAN-test and CAS exist for what has classes. Reconstruction error: mean squared, of "
            "values in [-1, 1], on the test split."
        ),
        (
            "A limit is a one-sided prediction interval, mean + t s sqrt(1 + 1 / n) of n seeds: it knows how little a few seeds say of "
            "their spread, so limits of few seeds are wide. Each limit by itself holds that share; of many numbers some "
            "lie outside by chance, and one beyond what is possible says nothing. All values are in `reference_models/bands/known/`."
        ),
        "## How they were made",
        "\n".join(_making(known) for known in all_known),
    ]
    return "\n\n".join(parts) + "\n"


def _table(all_known: Sequence[Known]) -> str:
    rows = [
        [f"`{known.system}`", known.dataset, f"{len(known.seeds)}", f"{np.mean(known.cpu_seconds) / 60:.1f}",
         *(_cell(known, name) for name in COLUMNS)]
        for known in all_known
    ]  # fmt: skip
    return markdown_table(
        ("system", "data", "seeds", "CPU-minutes", *(NAMES.get(name, name) for name in COLUMNS)), rows
    )


def _cell(known: Known, name: str) -> str:
    if name not in known.scores:
        return ""
    return f"{np.mean(known.scores[name]):.3g}, {known.score_bands()[name]}"


def _making(known: Known) -> str:
    seconds = ", ".join(f"{one:.0f}" for one in known.cpu_seconds)
    recipe = ", ".join(f"`{key}` {value}" for key, value in known.config.items())
    return (
        f"- `{known.system}` on {known.dataset}: seeds {', '.join(map(str, known.seeds))}; {seconds} CPU-seconds, torch "
        f"{known.made['torch']}, {known.made['threads']} thread(s), {known.made['processor']}, "
        f"{', '.join(known.made['options']) or 'fp32'}; {recipe}"
    )
