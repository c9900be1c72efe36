"""From the scores of every network to figures with errors: over seeds and images together, and pair by pair.

Two things are random: which 156 images the test split holds, and the seed of a network. Intervals therefore resample
both: seeds with replacement, and images with replacement within their class (2,000 times, 95 % percentiles). All arms
see the same resampled seeds and images, so the interval of a difference is one of pairs.

The p-values are McNemar's, exact: per arm the networks of all seeds vote, and only images on which the votes of two
arms differ count. Holm's correction covers all arms compared with the first, for each question by itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ganeval.classifiers.breastmnist import MALIGNANT
from ganeval.numerics.intervals import holm, mcnemar

REPEATS, LEVEL = 2000, 0.95
FIGURES = ("recall", "specificity", "AUC", "balanced accuracy", "accuracy")
Scores = NDArray[np.float64]  # log odds of malignant, (seeds, images)


@dataclass(frozen=True)
class Figure:
    """A mean over seeds, its interval over seeds and images, and the standard deviation over seeds alone."""

    value: float
    interval: tuple[float, float]
    over_seeds: float


@dataclass(frozen=True, eq=False)
class Resamples:
    """How often each seed and each image is drawn, `REPEATS` times: weights with sum 1 in each row."""

    seeds: NDArray[np.float64]  # (repeats, seeds)
    positive: NDArray[np.float64]  # (repeats, malignant images)
    negative: NDArray[np.float64]  # (repeats, the others)

    @classmethod
    def draw(cls, seeds: int, positive: int, negative: int, rng_seed: int = 0, repeats: int = REPEATS) -> Resamples:
        rng = np.random.default_rng(rng_seed)
        return cls(*(rng.multinomial(n, np.full(n, 1 / n), repeats) / n for n in (seeds, positive, negative)))

    @classmethod
    def once(cls, seeds: int, positive: int, negative: int) -> Resamples:
        """The data themselves."""
        return cls(*(np.full((1, n), 1 / n) for n in (seeds, positive, negative)))


@dataclass(frozen=True, eq=False)
class Outcome:
    """One arm on the test images: `scores` (seeds, images), `labels` (images,) with 0 for malignant."""

    scores: Scores
    labels: NDArray[np.int64]

    @cached_property
    def found(self) -> NDArray[np.float64]:
        """Malignant images called malignant, 0 or 1, (seeds, malignant images)."""
        return (self.scores[:, self.labels == MALIGNANT] > 0).astype(float)

    @cached_property
    def cleared(self) -> NDArray[np.float64]:
        """The others, not called malignant."""
        return (self.scores[:, self.labels != MALIGNANT] <= 0).astype(float)

    @cached_property
    def ranked(self) -> NDArray[np.float64]:
        """Whether a malignant image scores above another, 1/2 for ties, (seeds, malignant, others):
        its mean is the AUC.
        """
        one, other = self.scores[:, self.labels == MALIGNANT], self.scores[:, self.labels != MALIGNANT]
        return (np.sign(one[:, :, None] - other[:, None, :]) + 1) / 2

    @cached_property
    def votes(self) -> NDArray[np.bool_]:
        """What the networks of all seeds say together, by their mean score: right or not, (images,)."""
        return (self.scores.mean(axis=0) > 0) == (self.labels == MALIGNANT)

    def resampled(self, draws: Resamples) -> dict[str, NDArray[np.float64]]:
        """Every figure, (repeats,)."""
        recall = np.einsum("rs,sp,rp->r", draws.seeds, self.found, draws.positive, optimize=True)
        specificity = np.einsum("rs,sn,rn->r", draws.seeds, self.cleared, draws.negative, optimize=True)
        area = sum(
            draws.seeds[:, s] * np.einsum("rp,pn,rn->r", draws.positive, ranked, draws.negative, optimize=True)
            for s, ranked in enumerate(self.ranked)
        )
        share = float((self.labels == MALIGNANT).mean())
        return {
            "recall": recall,
            "specificity": specificity,
            "AUC": np.asarray(area),
            "balanced accuracy": (recall + specificity) / 2,
            "accuracy": share * recall + (1 - share) * specificity,
        }

    def by_seed(self) -> dict[str, NDArray[np.float64]]:
        """Every figure of each network, (seeds,)."""
        seeds = Resamples(np.eye(len(self.scores)), *(np.full((len(self.scores), n), 1 / n) for n in self.sizes[1:]))
        return self.resampled(seeds)

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Seeds, malignant images, others."""
        malignant = int((self.labels == MALIGNANT).sum())
        return len(self.scores), malignant, len(self.labels) - malignant


@dataclass(frozen=True)
class Comparison:
    """One arm against the first: paired differences, and the images on which the votes differ."""

    differences: Mapping[str, Figure]
    gained: Mapping[str, int]  # question -> images right with this arm and wrong with the first
    lost: Mapping[str, int]
    p: Mapping[str, float]  # after Holm


def figures(outcome: Outcome) -> dict[str, Figure]:
    """All figures of one arm with their errors."""
    point, many = (outcome.resampled(draws) for draws in _draws(outcome))
    return {key: _figure(point[key], many[key], outcome.by_seed()[key]) for key in FIGURES}


def compare(outcomes: Mapping[str, Outcome], first: str = "none") -> dict[str, Comparison]:
    """Every other arm against `first`, on the same seeds and images; p-values are corrected over the arms."""
    base, others = outcomes[first], {name: outcome for name, outcome in outcomes.items() if name != first}
    malignant = base.labels == MALIGNANT
    questions = {"recall": malignant, "specificity": ~malignant, "accuracy": np.ones_like(malignant)}
    gained = {name: _only(outcome, base, questions) for name, outcome in others.items()}
    lost = {name: _only(base, outcome, questions) for name, outcome in others.items()}
    p = {key: holm([mcnemar(gained[name][key], lost[name][key]) for name in others]) for key in questions}
    return {
        name: Comparison(_differences(outcome, base), gained[name], lost[name], {key: p[key][i] for key in questions})
        for i, (name, outcome) in enumerate(others.items())
    }


def shifted(outcome: Outcome, prior: float) -> Outcome:
    """The same networks with the threshold moved: called malignant above `prior`, the share of them in training."""
    return Outcome(outcome.scores + math.log((1 - prior) / prior), outcome.labels)


def _only(one: Outcome, other: Outcome, questions: Mapping[str, NDArray[np.bool_]]) -> dict[str, int]:
    return {key: int((one.votes & ~other.votes & chosen).sum()) for key, chosen in questions.items()}


def _differences(outcome: Outcome, base: Outcome) -> dict[str, Figure]:
    point, many = ([o.resampled(draws) for o in (outcome, base)] for draws in _draws(base))
    seeds = [o.by_seed() for o in (outcome, base)]
    return {
        key: _figure(point[0][key] - point[1][key], many[0][key] - many[1][key], seeds[0][key] - seeds[1][key])
        for key in FIGURES
    }


def _draws(outcome: Outcome) -> tuple[Resamples, Resamples]:
    return Resamples.once(*outcome.sizes), Resamples.draw(*outcome.sizes)


def _figure(point: NDArray[np.float64], many: NDArray[np.float64], seeds: NDArray[np.float64]) -> Figure:
    low, high = np.quantile(many, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Figure(float(point[0]), (float(low), float(high)), float(seeds.std(ddof=1)))
