"""Runs of one recipe: the same settings with another seed, or the same training once more; and their mean.

The mean's interval is Student's, over the runs: it holds the luck of the training as well as that of the samples, and
needs three runs to say anything.
"""

from __future__ import annotations

import json
import math
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ganeval.numerics.beta import student_quantile
from ganeval.records.scores import ScoreRecord
from ganeval.records.text import visible
from ganeval.report.comparability import alike, differences
from ganeval.report.view import RunView
from ganeval.runs import layout

FEWEST = 3  # runs of which a mean has an interval
SEEDS = ("seed", "random_seed", "manual_seed")
_COUNTER = re.compile(r"^\d+-")
_SEED = re.compile(r"[-_ ]?(seed|s)[-_ ]?\d+$", re.IGNORECASE)


@dataclass(frozen=True)
class Recipe:
    """A name and the runs that share the recipe, in the order of the page."""

    name: str
    runs: tuple[RunView, ...]

    @property
    def several(self) -> bool:
        return len(self.runs) > 1


@dataclass(frozen=True)
class Mean:
    """One metric over the runs of a recipe: the mean, the standard deviation over runs, and the mean's interval."""

    record: ScoreRecord  # of the first run: what the metric is
    value: float
    spread: float
    interval: tuple[float, float] | None
    runs: int


def recipes_of(runs: Sequence[RunView]) -> list[Recipe]:
    """Runs by recipe, in the order in which each first appears; a run that is alone is a recipe of one."""
    groups: dict[str, list[RunView]] = {}
    for run in runs:
        groups.setdefault(_key(run), []).append(run)
    return [Recipe(_name(members), tuple(members)) for members in groups.values()]


def _key(run: RunView) -> str:
    """The settings without the seed where a seed is among them; else the name without a seed, and the settings where
    the run notes its seeds beside them.
    """
    config = run.record.config
    settings = json.dumps({key: config[key] for key in sorted(config) if key not in SEEDS}, default=str)
    if any(seed in config for seed in SEEDS):
        return settings
    return _stem(run) + (settings if run.record.environment.get("seeds") else "")


def _stem(run: RunView) -> str:
    """The name without the counter before it and the seed at its end."""
    name = run.label if layout.counter(run.record.path) == 0 else _COUNTER.sub("", run.label)
    return _SEED.sub("", name) or run.label


def _name(runs: Sequence[RunView]) -> str:
    if len(runs) == 1:
        return runs[0].label
    stems = {_stem(run) for run in runs}
    return visible(min(stems, key=lambda stem: (len(stem), stem)), 80)


def mean_of(recipe: Recipe, name: str) -> Mean | None:
    """The mean of one metric over those runs of the recipe whose numbers may be compared; None where there is none."""
    rows = [record for _, record in alike(recipe.runs, name) if not record.only_a_bound]
    values = [float(record.value) for record in rows if record.value is not None]
    if not values:
        return None
    if len(values) == 1:
        return Mean(rows[0], values[0], rows[0].se or math.nan, rows[0].interval, 1)
    mean, spread = statistics.fmean(values), statistics.stdev(values)
    if len(values) < FEWEST:
        return Mean(rows[0], mean, spread, None, len(values))
    half = student_quantile(0.975, len(values) - 1) * spread / math.sqrt(len(values))
    return Mean(rows[0], mean, spread, (mean - half, mean + half), len(values))


def best_of(means: Sequence[Mean | None]) -> set[int]:
    """Where in the list the best are: those that no other, measured alike, is better than by the whole of both
    intervals.

    Nothing where the metric has no better end, where an interval is unknown, or where all are among the best.
    """
    groups: list[list[tuple[int, Mean]]] = []
    for index, mean in enumerate(means):
        if mean is None:
            continue
        home = next((group for group in groups if not differences(mean.record, group[0][1].record)), None)
        if home is None:
            groups.append(home := [])
        home.append((index, mean))
    return {index for group in groups for index in _best(group)}


def _best(group: Sequence[tuple[int, Mean]]) -> list[int]:
    better = group[0][1].record.better
    if len(group) < 2 or better == "target" or any(mean.interval is None for _, mean in group):
        return []
    sign = 1.0 if better == "lower" else -1.0
    ends = {index: sorted(sign * end for end in mean.interval or ()) for index, mean in group}
    best = [index for index, (low, _) in ends.items() if all(low <= other[1] for other in ends.values())]
    return best if len(best) < len(group) else []
