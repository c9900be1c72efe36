"""False alarms of A/A comparisons when results share a folder: the gate must say what it says of results kept apart."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.reliability.outcomes import table
from benchmarks.reliability.records import evaluation
from ganeval.gate.candidate import read_candidate
from ganeval.gate.commands import run_gate
from ganeval.gate.rules import parse_config

ALPHA = 0.01
LEVELS = {"base": 3.0, "new": 3.0, "third": 9.0}
SAID = ("ok", "improved", "inconclusive", "regressed", "another word than apart")


def verdict(base: Path, candidate: Path) -> str:
    """The gate's word on one result against another."""
    config = parse_config({"baseline": str(base), "alpha": ALPHA, "rule": [{"metric": "kid", "margin_abs": 0.01}]})
    return str(run_gate([read_candidate(candidate, config)], config, write=lambda *_: None).verdict.verdict)


def alarms(folder: Path, pairs: int, seed: int) -> str:
    """Pairs of one generator, each beside a third result of another: apart, and all three in one folder."""
    apart, shared = Counter[str](), Counter[str]()
    rng = np.random.default_rng(seed)
    for pair in range(pairs):
        place, seeds = folder / str(pair), rng.integers(2**32, size=3).tolist()
        made = {name: evaluation(one, LEVELS[name] + _luck(one)) for name, one in zip(LEVELS, seeds, strict=True)}
        alone = {name: found.write(place / name / "result.json") for name, found in made.items()}
        beside = {name: found.write(place / f"{name}.json") for name, found in made.items()}
        words = [verdict(files["base"], files["new"]) for files in (alone, beside)]
        apart[words[0]] += 1
        shared[words[1] if words[0] == words[1] else SAID[-1]] += 1
    return table(
        "two results of one generator",
        SAID,
        {"each in a folder of its own": apart, "in one folder, beside a third": shared},
    )


def _luck(seed: int) -> float:
    """The mean of the rows that `evaluation` draws: what sampling adds to the level."""
    return float(evaluation(seed, 0.0).per_sample["kid.influence"].mean())
