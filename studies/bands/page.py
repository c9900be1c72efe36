"""The page of the bands, in Markdown: what a healthy training of each recipe scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reference_models.bands.band import FEWEST, LEVEL
from reference_models.bands.equal_n import PROTOCOL_N, K
from reference_models.bands.known import Known
from studies.page import markdown_table, recipe_text, render_document

COLUMNS = (
    "classifier_score",
    "gan_train",
    "fid",
    "kid",
    "precision",
    "recall",
    "density",
    "coverage",
    "reconstruction_error",
)
NAMES = {"classifier_score": "GAN-test", "gan_train": "CAS", "reconstruction_error": "reconstruction error"}


def render(all_known: Sequence[Known]) -> str:
    parts = [
        (
            "`python -m reference_models.bands check runs/0007-cgan-hoda` compares a run of the profile `cpu` with the "
            "ones below: its scores, and every logged curve at 10, 25, 50, 75 and 100 % of the steps. Its exit code is "
            "0 where all scores keep to their limits, 1 where one does not. A finished training says by itself how "
            "many of its curves are as they should be."
        ),
        _table(all_known),
        (
            f"Scores of {PROTOCOL_N:,} fresh images of the last checkpoint against {PROTOCOL_N:,} test images (450 of "
            f"the digits), k = {K}, in the features of the zoo's judge of each data set, so `fid` is a Frechet "
            "distance in that space, not the Inception FID. GAN-test and CAS exist for what has classes. "
            "Reconstruction error: mean squared, of values in [-1, 1], on the test split."
        ),
        (
            "A limit is a one-sided prediction interval, mean + t s sqrt(1 + 1 / n) of n seeds: it knows how little a "
            "few seeds say of their spread. Of five seeds it lies 4.1 standard deviations from the mean, of three 8.0: "
            "`check` uses the limits of three as well: a run outside of them is bad, but for one in a hundred, and one "
            "inside may be bad too. Each limit by itself holds that share; of many numbers some lie outside by chance, "
            "and one beyond what is possible says nothing. All values are in `reference_models/bands/known.json`."
        ),
        "## How they were made",
        "\n".join(_making(known) for known in all_known),
    ]
    said = (
        f"Mean of the seeds, and the limit that {100 * LEVEL:.0f} of 100 healthy trainings keep to; of fewer than "
        f"{FEWEST} seeds, which are too few for a limit, the lowest and the highest value in brackets."
    )
    return render_document("Is my training normal?", "bands", parts, said=said)


def _table(all_known: Sequence[Known]) -> str:
    rows = [
        [
            f"`{known.system}`",
            known.dataset,
            f"{len(known.seeds)}",
            f"{np.mean(known.cpu_seconds) / 60:.1f}",
            *(_cell(known, name) for name in COLUMNS),
        ]
        for known in all_known
    ]
    return markdown_table(
        ("system", "data", "seeds", "CPU-minutes", *(NAMES.get(name, name) for name in COLUMNS)), rows
    )


def _cell(known: Known, name: str) -> str:
    """The mean, and the limit where there are seeds enough for one; else the lowest and the highest value."""
    values = known.scores.get(name)
    if values is None:
        return ""
    if len(values) < FEWEST:
        return f"{np.mean(values):.3g} ({min(values):.3g} to {max(values):.3g})"
    return f"{np.mean(values):.3g}, {known.score_bands()[name]}"


def _making(known: Known) -> str:
    seconds = ", ".join(f"{one:.0f}" for one in known.cpu_seconds)
    return (
        f"- `{known.system}` on {known.dataset}: seeds {', '.join(map(str, known.seeds))}; {seconds} CPU-seconds, "
        f"torch {known.made['torch']}, {known.made['threads']} thread(s), {known.made['processor']}, "
        f"{', '.join(known.made['options']) or 'fp32'}; {recipe_text(known.config)}"
    )
