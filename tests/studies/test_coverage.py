"""The study of errors decides only what its number of sets can decide, and its page shows the numbers it stores."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from ganeval.metrics import METRICS
from studies.coverage.__main__ import extremes, page_of
from studies.coverage.decide import Held
from studies.page import RESULTS

LINES = json.loads((RESULTS / "coverage.json").read_text())


def _sets(count: int, stretch: float) -> np.ndarray:
    """Values of unit spread whose stated error is `stretch`, with the interval that follows."""
    values, error = np.random.default_rng(count).normal(size=count), np.full(count, stretch)
    return np.stack([values, error, values - 1.96 * error, values + 1.96 * error], axis=1)


@pytest.mark.parametrize(
    ("sets", "stretch", "said"), [(4000, 1, "yes"), (50, 1, "undecided"), (400, 1.4, "no"), (400, 0.7, "no")]
)
def test_few_sets_decide_nothing_and_many_find_what_is_there(sets: int, stretch: float, said: str) -> None:
    held = Held.of(_sets(sets, stretch), 0.0)
    assert held is not None
    assert held.decision == said


def test_the_interval_of_a_ratio_covers_it() -> None:
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(300):
        values, error = rng.standard_t(8, size=80), np.full(80, (8 / 6) ** 0.5)
        held = Held.of(np.stack([values, error, values - error, values + error], axis=1), 0.0)
        assert held is not None
        inside += held.ratio_interval[0] <= 1 <= held.ratio_interval[1]
    assert inside / 300 > 0.89


def test_the_page_is_made_of_the_stored_numbers() -> None:
    def table(text: str) -> list[str]:
        return [line for line in text.splitlines() if line.startswith("|")]

    assert table((RESULTS / "coverage.md").read_text()) == table(page_of(LINES))


@pytest.mark.parametrize("name", sorted({line["metric"] for line in LINES}))
def test_no_error_is_too_narrow_and_a_card_says_how_wide_it_may_be(name: str) -> None:
    """A ratio whose whole interval lies above 1.1 is on the metric's card, as at least that many times too wide."""
    for line in (line for line in LINES if line["metric"] == name):
        assert line["ratio_interval"][1] >= 0.9, line
    if any(line["ratio_interval"][0] > 1.1 for line in LINES if line["metric"] == name):
        said = re.search(r"[Uu]p\s+to\s+(\d\.\d)\s+times\s+too\s+wide", METRICS[name].compute.__doc__ or "")
        assert said, f"{name}: {extremes(LINES)[name]}"
        assert float(said[1]) >= round(extremes(LINES)[name][1], 1)
