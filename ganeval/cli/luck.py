"""`ganeval luck`: how much of a number is the training seed, how much the samples,
and how many of each a claim needs.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tyro.conf import Positional

from ganeval.cli.tables import aligned
from ganeval.core.shown import Names, Paths
from ganeval.core.wording import plural

if TYPE_CHECKING:
    from ganeval.numerics.components import Components
    from ganeval.records.scores import Evaluation

SETS = (1, 2, 5)  # sets of samples a training, in the table of what a claim needs
SHOWN = 40  # evaluations of one training that are read


def luck(trainings: Positional[Paths], metrics: Names = (), difference: float = 0.05, power: float = 0.8) -> int:
    """How much of each number is luck of the training seed, how much of the samples.

    Args:
        trainings: One argument for each training of a recipe: a run (its last evaluation), an evaluation file, or a
            folder of evaluation files (*.json), which are sets of samples of that training.
        metrics: Only these; by default all that every training has.
        difference: The difference between two recipes to be found, as a share of the mean.
        power: The chance of finding it, at a two-sided level of 5 %.
    """
    from ganeval.errors import WrongInputError
    from ganeval.gate.commands import require_different

    if not trainings:
        raise WrongInputError("Name the trainings of one recipe: ganeval luck runs/0001-a runs/0002-a runs/0003-a.")
    require_different(trainings)
    if not 0 < difference < math.inf or not 0 < power < 1:
        raise WrongInputError(
            f"--difference must be above 0 and --power between 0 and 1; got {difference} and {power}."
        )
    found = [_sets(path) for path in trainings]
    _require_alike(found)
    parts = {name: _components(found, name) for name in _common(found, metrics)}
    heads = (
        "metric",
        "mean",
        "sd of training",
        "95 %",
        "sd of samples",
        "training's share",
        *(f"trainings, {k} set{'s' * (k > 1)}" for k in SETS),
    )
    rows = [_row(name, part, difference, power) for name, part in parts.items()]
    count = sum(map(len, found))
    said = (
        f"{plural(len(found), 'training')}, {plural(count, 'set')} of samples. Last columns: trainings a side that "
        f"find a difference of {difference:.0%} of the mean with power {power:g}."
    )
    sys.stdout.write("\n".join([*aligned([heads, *rows]), "", said]) + "\n")
    return 0


def _sets(path: Path) -> list[Evaluation]:
    from ganeval.errors import MissingFileError
    from ganeval.gate.candidate import read_candidate
    from ganeval.gate.rules import GateConfig
    from ganeval.records.scores import Evaluation

    files = sorted(path.glob("*.json"))[:SHOWN] if path.is_dir() and not (path / "run.json").exists() else []
    if files:
        return [Evaluation.read(file) for file in files]
    try:
        return [read_candidate(path, GateConfig(rules=()))]
    except MissingFileError as error:
        raise MissingFileError(f"{error} One argument is one training.") from error


def _require_alike(found: list[list[Evaluation]]) -> None:
    from ganeval.errors import IncomparableError
    from ganeval.gate.protocol import gate_protocol, protocol_differences

    first = gate_protocol(found[0][0]) if found else {}
    for evaluation in (evaluation for part in found for evaluation in part):
        if gaps := protocol_differences(first, gate_protocol(evaluation)):
            raise IncomparableError(
                f"{evaluation.name} was measured differently: {'; '.join(gaps)}. Evaluate all trainings alike."
            )


def _common(found: list[list[Evaluation]], metrics: tuple[str, ...]) -> list[str]:
    from ganeval.core.registry import unknown_name
    from ganeval.errors import UnknownNameError

    everywhere = [
        name
        for name in (found[0][0].scores if found else ())
        if all(name in e.scores and e.scores[name].ok for part in found for e in part)
    ]
    for name in metrics:
        if name not in everywhere:
            raise UnknownNameError(unknown_name("metric that every training has", name, everywhere))
    return list(metrics) or everywhere


def _components(found: list[list[Evaluation]], name: str) -> Components | str:
    from ganeval.errors import TooFewSamplesError
    from ganeval.numerics.components import components

    scores = [[e.scores[name] for e in part] for part in found]
    try:
        return components([[float(s) for s in part] for part in scores], [[s.se for s in part] for part in scores])
    except TooFewSamplesError as error:
        if len(found) < 2:
            raise
        return str(error)


def _row(name: str, part: Components | str, difference: float, power: float) -> tuple[str, ...]:
    if isinstance(part, str):
        return (name, part.partition(",")[0], *[""] * (4 + len(SETS)))
    low, high = (math.sqrt(end) for end in part.training_interval)
    total = part.training + part.sampling
    gap = difference * abs(part.mean)
    needed = [part.trainings_for(gap, k, power=power) if gap > 0 else None for k in SETS]
    return (
        name,
        f"{part.mean:.4g}",
        f"{math.sqrt(part.training):.3g}",
        f"{low:.3g} to {high:.3g}",
        f"{math.sqrt(part.sampling):.3g}",
        f"{part.training / total:.0%}" if total > 0 else "",
        *("over 10,000" if n is None else str(n) for n in needed),
    )
