"""A run beside the bands of its recipe."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ganeval.errors import IncomparableError, MissingFileError
from ganeval.runs.directory import RunDirectory
from reference_models.bands.band import FEWEST, LEVEL, Band
from reference_models.bands.known import Known, known_of
from reference_models.bands.summary import curve_values


@dataclass(frozen=True)
class Place:
    """One number of a run and the band it should lie in."""

    name: str
    value: float
    band: Band

    @property
    def inside(self) -> bool:
        return self.value in self.band

    def __str__(self) -> str:
        return f"{self.name} {self.value:.4g}, healthy {self.band}"


def check_curves(run: RunDirectory, known: Known) -> list[Place]:
    """Every curve at every place; NaN where the run logged none, which lies in no band."""
    values = curve_values(run)
    return [
        Place(f"{tag} at {place} %", values.get(tag, {}).get(int(place), math.nan), band)
        for (tag, place), band in known.curve_bands().items()
    ]


def check_scores(scores: Mapping[str, float], known: Known) -> list[Place]:
    return [Place(name, scores.get(name, math.nan), band) for name, band in known.score_bands().items()]


def verdict(what: str, places: Sequence[Place], known: Known) -> str:
    """One line, and one more for each number outside, with how many of so many are expected there by chance."""
    outside = [place for place in places if not place.inside]
    head = f"{what}: {len(places) - len(outside)} of {len(places)} within the bands of {len(known.seeds)} trainings"
    notes = [
        f"{(1 - LEVEL) * len(places):.1f} are expected outside by chance" if outside else "",
        "bands of so few are wide: lying within says little" if len(known.seeds) < FEWEST else "",
    ]
    said = "; ".join(filter(None, notes))
    return "\n".join([f"{head} ({said})" if said else head, *(f"  outside: {place}" for place in outside)])


def said_of_curves(run: RunDirectory) -> str:
    """The verdict on the curves of a finished training; nothing where there are no bands of its recipe."""
    try:
        known = known_of(run.info)
    except (MissingFileError, IncomparableError):
        return ""
    return verdict("curves", check_curves(run, known), known)
