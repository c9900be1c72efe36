"""Fidelity and diversity metrics on situations whose answer is known (arXiv:2505.22450), in eight dimensions,
small n.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from studies.sanity.__main__ import (
    CHECKS,
    DIVERSITY,
    FIDELITY,
    NEWER,
    OURS,
    bell,
    falls,
    falls_early,
    flat,
    measure,
    passes,
    render,
    rises,
)

BY_NAME = {check.name: check for check in CHECKS}
ALL = FIDELITY + DIVERSITY
KNOWN = {
    "mean": ALL,
    "mean, outlier among the fakes": ("precision", "clipped_density", "coverage", "clipped_coverage"),
    "mean, outlier among the real": ("density", "clipped_density", "recall", "coverage", "clipped_coverage"),
    "deviation": ("precision", "density", "clipped_density", "recall", "coverage"),
    "modes dropped in turn": ("recall", "coverage", "clipped_coverage", "prd_recall"),
    "heavy tail": ALL,
}


@pytest.mark.parametrize("name", KNOWN)
def test_metrics_have_the_shape_that_the_situation_asks_for(name: str) -> None:
    check = dataclasses.replace(BY_NAME[name], dimensions=(2,) if name == "heavy tail" else (8,))
    curves = measure(check, KNOWN[name], n=200)
    failed = [metric for (metric, _), curve in curves.items() if not passes(check, metric, curve)]
    assert failed == []


def test_one_outlier_in_the_real_set_unhinges_precision_but_not_its_clipped_form() -> None:
    check = dataclasses.replace(BY_NAME["mean, outlier among the real"], dimensions=(8,))
    curves = measure(check, ("precision", "clipped_density"), n=200)
    assert not passes(check, "precision", curves["precision", 8])
    assert passes(check, "clipped_density", curves["clipped_density", 8])


def test_the_shapes_tell_curves_apart() -> None:
    x, up = np.arange(5.0), np.linspace(0, 1, 5)
    assert rises((x, up))
    assert falls((x, up[::-1]))
    assert not falls((x, up))
    assert falls_early((x, up[::-1]))
    assert not falls_early((x, np.array([1.0, 1, 1, 1, 0])))
    assert bell(2)((x, np.array([0.0, 0.5, 1, 0.5, 0])))
    assert not bell(2)((x, up))
    assert flat((x, np.full(5, 0.3)))
    assert not flat((x, up))


def test_a_missing_value_is_a_failure() -> None:
    assert not passes(BY_NAME["mean"], "recall", (np.arange(3.0), np.array([0.0, np.nan, 0.0])))


@pytest.mark.parametrize("name", NEWER)
def test_newer_forms_are_one_for_identical_sets_and_zero_for_sets_far_apart(name: str) -> None:
    rows = np.random.default_rng(0).normal(size=(150, 3))
    same, apart = (Pair(Features.given(rows), Features.given(fake)) for fake in (rows[::-1].copy(), rows + 50))
    assert NEWER[name](same) == pytest.approx(1, abs=0.02)
    assert NEWER[name](apart) == pytest.approx(0, abs=0.02)


def test_a_newer_form_is_credited_with_what_nothing_of_its_kind_passes() -> None:
    rows = {check.name: dict.fromkeys((*OURS, *NEWER), "0/3") for check in CHECKS}
    rows["mean"] |= {"p_recall": "3/3", "p_precision": "3/3", "density": "3/3"}
    page = render(rows, 100, 1.0)
    assert "- `p_recall`: mean\n" in page
    assert "- `p_precision`: nothing\n" in page
