"""Trains the seeds of each recipe that has bands, measures them, and stores what they logged and scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganeval.runs.directory import RunDirectory
from reference_models.bands.known import Known
from reference_models.bands.summary import curve_values, score_values
from reference_models.plumbing.options import Options
from reference_models.plumbing.system import ARITHMETIC, SYSTEMS
from studies.trained import trained

# How many seeds of each system on what; the digits where they are as good, because everybody has them and they are
# quick.
RECIPES = {
    ("projection_cgan", "hoda"): 3,
    ("cgan", "hoda"): 3,
    ("cdcgan", "hoda"): 3,
    ("dcgan", "mnist"): 3,
    ("cgan_dense", "mnist"): 3,
    ("acgan", "digits"): 5,
    ("sngan", "digits"): 5,
    ("rpgan", "digits"): 5,
    ("wgan_clip", "digits"): 3,
    ("wgan_gp", "digits"): 3,
    ("ddpm", "digits"): 3,
    ("gan_mlp", "digits"): 5,
    ("vae", "digits"): 5,
    ("autoencoder", "digits"): 5,
}
OPTIONS = Options(device="cpu", amp=True, channels_last=True, threads=1, grids=6, checkpoints=2)


def fit_known(system: str, dataset: str, seeds: int, runs: Path) -> Known:
    """The trainings of the profile `cpu` with seeds from 0 on; finished ones below `runs` are taken as they are."""
    config = SYSTEMS[system].profile("cpu")
    return summarise([trained(runs, system, dataset, config, seed, OPTIONS) for seed in range(seeds)])


def summarise(runs: Sequence[RunDirectory]) -> Known:
    """Runs of one recipe that differ in their seeds, in numbers."""
    info, infos = runs[0].info, [run.info for run in runs]
    curves, scores = [curve_values(run) for run in runs], [score_values(run) for run in runs]
    shared = {
        (tag, place)
        for tag, places in curves[0].items()
        for place in places
        if all(place in one.get(tag, {}) for one in curves)
    }
    by_tag: dict[str, dict[str, list[float]]] = {}
    for tag, place in sorted(shared):
        by_tag.setdefault(tag, {})[str(place)] = [_rounded(one[tag][place]) for one in curves]
    return Known(
        info["system"],
        info["dataset"],
        info["config"],
        [one["seeds"]["seed"] for one in infos],
        [round(one["cpu_seconds"], 1) for one in infos],
        _made(info),
        by_tag,
        {name: [_rounded(one[name]) for one in scores] for name in scores[0]},
    )


def _made(info: Mapping[str, Any]) -> dict[str, Any]:
    options = [key for key in ARITHMETIC if info["options"][key]]
    return {"options": options, **{key: info["environment"][key] for key in ("torch", "processor", "threads")}}


def _rounded(value: float) -> float:
    """Six significant digits: what a file is read for."""
    return float(f"{value:.6g}")
