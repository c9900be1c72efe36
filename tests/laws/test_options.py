"""Every option of every metric: declared once, and refused with a sentence where it is of another kind or out of
range.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import ganeval
from ganeval.core.options import Option
from ganeval.errors import GanevalError, UnknownNameError, WrongInputError
from ganeval.features.pair import Pair
from ganeval.measure.functions import evaluate
from ganeval.metrics import METRICS, Metric

EVERY = [(metric, name) for metric in METRICS for name in metric.options]
every_option = pytest.mark.parametrize(("metric", "name"), EVERY, ids=lambda v: v if isinstance(v, str) else v.name)
WRONG: dict[type, list[Any]] = {
    int: [2.0, 2.5, True, "3", -1, 10**12, math.nan, [1]],
    float: [math.nan, -math.inf, -1.0, -(10**400), True, "0.1"],
    bool: [1, 0.0, "yes"],
    str: ["nothing-like-it", 3, b"stylegan3"],
}
ROWS = np.random.default_rng(0).normal(size=(60, 3))


def option(metric: Metric, name: str) -> Option:
    return metric.declared[name]


@every_option
def test_every_option_says_its_kind(metric: Metric, name: str) -> None:
    assert option(metric, name).kind in WRONG


@every_option
def test_a_default_keeps_its_own_rule(metric: Metric, name: str) -> None:
    assert option(metric, name).checked(metric.options[name], metric.name) == metric.options[name]


@every_option
def test_wrong_kinds_and_ranges_are_refused_before_anything_is_computed(metric: Metric, name: str, pair: Pair) -> None:
    kind = option(metric, name).kind
    assert kind is not None
    for value in WRONG[kind]:
        with pytest.raises(GanevalError, match=name):
            metric(pair, **{name: value})


@pytest.mark.parametrize("size", [10**400, -(10**400)])
@pytest.mark.parametrize(("metric", "name"), [pair for pair in EVERY if option(*pair).kind is float])
def test_whole_numbers_beyond_every_float_are_refused(metric: Metric, name: str, size: int) -> None:
    with pytest.raises(WrongInputError, match=name):
        metric.checked({name: size})


def test_numbers_of_numpy_are_numbers() -> None:
    assert METRICS["kid"].checked({"subsets": np.int64(3)}) == {"subsets": 3}
    assert type(METRICS["copies"].checked({"near": np.float32(0.5)})["near"]) is float


@pytest.mark.parametrize(
    ("metric", "options"),
    [("kid", {"subset_size": 50}), ("kid", {"seed": 3}), ("inception_score", {"seed": 3}), ("ndb", {"bins": 50})],
)
def test_an_option_without_effect_is_refused(metric: str, options: dict[str, int], pair: Pair) -> None:
    with pytest.raises(GanevalError, match=next(iter(options))):
        METRICS[metric](pair, **options)


def test_options_that_move_no_number_leave_the_signature_alone(pair: Pair) -> None:
    fid = METRICS["fid"]
    assert fid(pair, se=False).signature == fid(pair, convention="clean-fid").signature == fid(pair).signature
    assert fid(pair, convention="stylegan3").signature != fid(pair).signature


def test_a_common_seed_reaches_only_metrics_that_use_it() -> None:
    e = evaluate(ROWS, ROWS[:40] + 0.1, metrics=["kid", "ndb"], seed=5)
    assert "seed" not in e["kid"].signature
    assert "seed:5" in e["ndb"].signature
    assert float(ganeval.kid(ROWS, ROWS[:40] + 0.1, seed=5)) == e["kid"].value


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kidd": {}}, "Did you mean 'kid'"),
        ({"kid": {"subset": 3}}, "Did you mean 'subsets'"),
        ({"kid": 5}, "options must be"),
        ({"precision": {"k": 5}}, "not measured here"),
        ({"kid": {"subset_size": 50}}, "without subsets"),
        (7, "options must be"),
    ],
)
def test_options_for_nobody_are_refused(options: Any, said: str) -> None:
    with pytest.raises(GanevalError, match=said):
        evaluate(ROWS, ROWS, metrics=["kid"], options=options)


@pytest.mark.parametrize("given", [{"n": 0}, {"n": -5}, {"n": 2.5}, {"n": True}, {"seed": -1}, {"seed": 1.5}])
def test_how_many_and_which_seed_are_checked_at_every_door(given: dict[str, Any]) -> None:
    for door in (evaluate, ganeval.fid):
        with pytest.raises(WrongInputError, match=next(iter(given))):
            door(ROWS, ROWS, **given)


@pytest.mark.parametrize("none", [[], (), set()])
def test_a_list_of_no_metrics_is_not_taken_for_all(none: Any) -> None:
    with pytest.raises(WrongInputError, match="metrics of the call names none"):
        evaluate(ROWS, ROWS, metrics=none)


def test_one_word_for_metrics_is_no_list_of_letters() -> None:
    with pytest.raises(WrongInputError, match=r"\['fid'\]"):
        evaluate(ROWS, ROWS, metrics="fid")
    with pytest.raises(UnknownNameError, match="fid"):
        evaluate(ROWS, ROWS, metrics=["fidd"])
