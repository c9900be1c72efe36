"""The gate's own test: how often it cries wolf on your generator, and what it catches.

A/A: two fresh sets of the same generator are compared; every red is a false alarm. A/B: the same with a fault made on
purpose. What needs a network or images (drawing, measuring, breaking) is handed in. Shares come with Clopper-Pearson
intervals, which are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganeval.gate.baseline import Baseline
from ganeval.gate.judge import Against, judge
from ganeval.gate.rules import GateConfig
from ganeval.gate.verdict import Verdict
from ganeval.numerics.intervals import clopper_pearson
from ganeval.records.scores import Evaluation

Images = NDArray[np.uint8]
Labels = NDArray[np.int64] | None
Draw = Callable[[int, int], tuple[Images, Labels]]  # (seed, n) -> images (n, c, h, w) uint8, labels
Measure = Callable[[Images, Labels, str], Evaluation]  # (images, labels, id of the latents)
Break = Callable[[Images, Labels, np.random.Generator], Images]  # the same images, broken
AA = "same generator, fresh latents"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Count:
    """`hits` of `n` comparisons, with the exact 95 % interval of the share."""

    hits: int
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        return clopper_pearson(self.hits, self.n)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.hits}/{self.n} = {self.hits / self.n:.1%} [{low:.1%}, {high:.1%}]"


@dataclass(frozen=True)
class Trials:
    """The verdicts of one kind of comparison, for the gate as a whole ("gate") and for each rule."""

    name: str
    words: Mapping[str, tuple[str, ...]]

    def share(self, word: str, rule: str = "gate") -> Count:
        return Count(sum(found == word for found in self.words[rule]), len(self.words[rule]))


@dataclass(frozen=True)
class Calibration:
    n: int
    alpha: float
    trials: tuple[Trials, ...]  # the first one is A/A

    @property
    def false_alarms(self) -> Count:
        return self.trials[0].share("regressed")


def calibrate(
    draw: Draw,
    measure: Measure,
    config: GateConfig,
    *,
    n: int,
    runs: int = 200,
    fault_runs: int = 50,
    faults: Mapping[str, Break] | None = None,
    seed: int = 0,
    variants: Mapping[str, Draw] | None = None,
    progress: Progress | None = None,
) -> Calibration:
    """Compare `runs` healthy pairs and `fault_runs` broken ones of each fault, n images a side.

    Healthy pairs have fresh latents. Broken ones share their latents, as a gate in CI does. `faults`: by name, what
    breaks images. `variants`: more generators to compare with this one, for example one with perturbed weights.
    """
    faults, variants = faults or {}, variants or {}
    total, done = runs + fault_runs * (len(faults) + len(variants)), 0
    seeds = _Seeds(seed)
    _require_breakable(faults, draw, seed, n)

    def healthy(n: int) -> Verdict:
        base, now = (_measured(draw, measure, next(seeds), n) for _ in range(2))
        return compare(base, now, config)

    def broken(fault: Break) -> Callable[[int], Verdict]:
        def once(n: int) -> Verdict:
            s = next(seeds)
            images, labels = draw(s, n)
            bad = fault(images, labels, np.random.default_rng([s, 1]))
            return compare(measure(images, labels, str(s)), measure(bad, labels, str(s)), config)

        return once

    def varied(other: Draw) -> Callable[[int], Verdict]:
        def once(n: int) -> Verdict:
            s = next(seeds)
            return compare(_measured(draw, measure, s, n), _measured(other, measure, s, n), config)

        return once

    kinds = {
        AA: (healthy, runs),
        **{name: (broken(fault), fault_runs) for name, fault in faults.items()},
        **{name: (varied(other), fault_runs) for name, other in variants.items()},
    }
    trials: list[Trials] = []
    for name, (once, times) in kinds.items():
        verdicts: list[Verdict] = []
        for _ in range(times):
            verdicts.append(once(n))
            done += 1
            if progress is not None:
                progress(done, total)
        trials.append(collect(name, verdicts))
    return Calibration(n, config.alpha, tuple(trials))


def _require_breakable(faults: Mapping[str, Break], draw: Draw, seed: int, n: int) -> None:
    """A fault that cannot be made of these images is an error before anything is measured."""
    images, labels = draw(seed, min(n, 64))
    for fault in faults.values():
        fault(images, labels, np.random.default_rng(seed))


def compare(base: Evaluation, now: Evaluation, config: GateConfig) -> Verdict:
    """One gate over two evaluations, without files."""
    return judge([now], config, Against(Baseline.of([base], name="calibrate"))).verdict


def collect(name: str, verdicts: Iterable[Verdict]) -> Trials:
    words: dict[str, list[str]] = {"gate": []}
    for verdict in verdicts:
        words["gate"].append(verdict.verdict)
        for rule in verdict.rules:
            words.setdefault(rule.metric, []).append(rule.verdict)
    return Trials(name, {rule: tuple(found) for rule, found in words.items()})


def render_calibration(found: Calibration) -> str:
    """A plain-text table: false alarms first, then what share of each fault every rule called regressed."""
    aa, *faults = found.trials
    lines = [
        f"n = {found.n} images a side, family-wise alpha {found.alpha:g}",
        f"false alarms, {aa.name}: {found.false_alarms}",
        f"  improved as often, were the gate fair: {aa.share('improved')}",
        *(f"  {rule}: regressed {aa.share('regressed', rule)}" for rule in aa.words if rule != "gate"),
    ]
    for one in faults:
        lines.append(f"caught, {one.name}: {one.share('regressed')}")
        lines += [f"  {rule}: {one.share('regressed', rule)}" for rule in one.words if rule != "gate"]
    return "\n".join(lines) + "\n"


def _measured(draw: Draw, measure: Measure, seed: int, n: int) -> Evaluation:
    images, labels = draw(seed, n)
    return measure(images, labels, str(seed))


class _Seeds:
    """Seeds of latents that no other comparison uses."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng([seed, 0xCA11])
        self.seen: set[int] = set()

    def __next__(self) -> int:
        while (fresh := int(self.rng.integers(2**31))) in self.seen:
            continue
        self.seen.add(fresh)
        return fresh
