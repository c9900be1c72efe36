"""Trainings that are known to be healthy: what each seed of a recipe logged and scored, all recipes in one file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ganeval.core.files import read_json, render_line, write_atomic
from ganeval.errors import IncomparableError, MissingFileError
from ganeval.metrics import METRICS
from reference_models.bands.band import Band, prediction_band
from reference_models.bands.summary import ERROR

FILE = Path(__file__).parent / "known.json"

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

    @property
    def name(self) -> str:
        return f"{self.system}-{self.dataset}"

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


def read_known(file: Path = FILE) -> dict[str, Known]:
    """Of each recipe, by its name: cgan-hoda."""
    return {name: Known(**values) for name, values in read_json(file).items()}


def store(known: Known, file: Path = FILE) -> Path:
    """Put one recipe into the file, one line for each."""
    stored = read_json(file) if file.exists() else {}
    stored[known.name] = asdict(known)
    lines = [f"{json.dumps(name)}: {render_line(stored[name]).strip()}" for name in sorted(stored)]
    return write_atomic(file, "{\n" + ",\n".join(lines) + "\n}\n")


def known_of(info: Mapping[str, Any], file: Path = FILE) -> Known:
    """The healthy trainings of the recipe of a run, from its run.json."""
    system, dataset = str(info.get("system")), str(info.get("dataset"))
    there = read_known(file)
    known = there.get(f"{system}-{dataset}")
    if known is None:
        raise MissingFileError(
            f"There are no bands for {system} on {dataset}. There are for: {', '.join(there) or 'none'}."
        )
    own = info.get("config", {})
    changed = [
        f"{key} {own.get(key)!r} here, {value!r} there" for key, value in known.config.items() if own.get(key) != value
    ]
    if changed:
        raise IncomparableError(
            f"The bands of {system} on {dataset} are of another recipe: {'; '.join(changed)}. Train with the profile "
            "cpu."
        )
    return known
