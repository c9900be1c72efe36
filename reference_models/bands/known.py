"""Trainings that are known to be healthy: what each seed of a recipe logged and scored, one file for each recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ganeval.core.files import read_json, write_json
from ganeval.errors import IncomparableError, MissingFileError
from ganeval.metrics import METRICS
from reference_models.bands.band import Band, prediction_band
from reference_models.bands.summary import ERROR

FOLDER = Path(__file__).parent / "known"

Values = Mapping[str, list[float]]  # one for each seed, by place or by score


@dataclass(frozen=True)
class Known:
    """The trainings of one recipe on one data set."""

    system: str
    dataset: str
    config: Mapping[str, Any]
    seeds: list[int]
    cpu_seconds: list[float]
    made: Mapping[str, Any]  # with what: torch, processor, options that change the arithmetic
    curves: Mapping[str, Values]  # by tag, then by percent of the steps
    scores: Values

    def curve_bands(self) -> dict[tuple[str, str], Band]:
        """By tag and place."""
        return {
            (tag, place): prediction_band(values)
            for tag, places in self.curves.items()
            for place, values in places.items()
        }

    def score_bands(self) -> dict[str, Band]:
        """Open on the better side."""
        return {name: prediction_band(values, better_of(name)) for name, values in self.scores.items()}


def better_of(score: str) -> str:
    """ "higher" or "lower"; of a metric with a target, neither.

    >>> better_of("fid"), better_of("recall"), better_of("reconstruction_error")
    ('lower', 'higher', 'lower')
    """
    better = "lower" if score == ERROR else METRICS[score].better
    return "" if better == "target" else better


def path_of(system: str, dataset: str, folder: Path = FOLDER) -> Path:
    return folder / f"{system}-{dataset}.json"


def store(known: Known, folder: Path = FOLDER) -> Path:
    return write_json(path_of(known.system, known.dataset, folder), asdict(known))


def known_of(info: Mapping[str, Any], folder: Path = FOLDER) -> Known:
    """The healthy trainings of the recipe of a run, from its run.json."""
    system, dataset = str(info.get("system")), str(info.get("dataset"))
    there = sorted(file.stem for file in folder.glob("*.json"))
    if f"{system}-{dataset}" not in there:  # what a run calls itself never becomes a path
        raise MissingFileError(
            f"There are no bands for {system} on {dataset}. There are for: {', '.join(there) or 'none'}."
        )
    known = Known(**read_json(path_of(system, dataset, folder)))
    own = info.get("config", {})
    changed = [f"{key} {own.get(key)!r} here, {value!r} there" for key, value in known.config.items() if own.get(key) != value]  # fmt: skip
    if changed:
        raise IncomparableError(
            f"The bands of {system} on {dataset} are of another recipe: {'; '.join(changed)}. Train with the profile cpu."
        )
    return known
