"""The gate knows what a metric can be without loading it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from ganeval.gate.ranges import range_of
from ganeval.gate.rules import GateConfigError
from ganeval.metrics import METRICS, Metric
from ganeval.records.scores import ScoreRecord
from tests.gate.gating import gate


@pytest.mark.parametrize("metric", list(METRICS), ids=lambda m: m.name)
def test_the_direction_read_from_the_source_is_that_of_the_metric(metric: Metric):
    assert range_of(metric.name).better == metric.better


@pytest.mark.parametrize("metric", list(METRICS), ids=lambda m: m.name)
def test_a_perfect_value_lies_in_the_range(metric: Metric):
    found = range_of(metric.name)
    assert metric.perfect is None or found.low <= metric.perfect <= found.high


def test_every_card_that_promises_a_share_is_read_as_one():
    shares = {metric.name for metric in METRICS if "Returns: [0, 1]" in metric.card}
    assert len(shares) > 15
    assert {name for name in shares if (range_of(name).low, range_of(name).high) != (0.0, 1.0)} == set()


def test_who_is_compared_with_training_images_is_read_from_the_source():
    asked = {m.name for m in METRICS if m.question == "memorisation" or "heldout" in m.needs | m.wants}
    assert {"copies", "ct", "nn_ratio", "fld", "gan_train"} <= asked
    assert {m.name for m in METRICS if range_of(m.name).about_copies} == asked


def test_what_a_card_leaves_open_is_open():
    assert range_of("fld").low == -float("inf")
    assert range_of("kid").low == -float("inf")
    assert (range_of("missing_classes").low, range_of("missing_classes").high) == (0.0, float("inf"))
    assert range_of("a plug-in's metric").high == float("inf")


def test_a_range_is_known_without_torch():
    code = "import sys\nfrom ganeval.gate.ranges import range_of\nrange_of('fid')\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


COUNTS = {"missing_classes": 1.0, "modes": 9.0, "inception_score": 8.0, "vendi": 60.0}


@pytest.mark.parametrize(
    ("metric", "limit", "says"),
    [
        ("missing_classes", {"max": 10}, r"lies in \[0, 10\], so max = 10 can never fail"),
        ("modes", {"max": 10}, "can never fail"),
        ("modes", {"min": 11}, "can never hold"),
        ("inception_score", {"min": 100}, "can never hold"),
        ("inception_score", {"max": 10}, "can never fail"),
        ("vendi", {"max": 200}, r"lies in \[1, 200\], so max = 200 can never fail"),
        ("vendi", {"min": 201}, "can never hold"),
    ],
)
@pytest.mark.parametrize("drawn", [False, True], ids=["a result", "a generator"])
def test_a_limit_that_so_many_classes_or_images_cannot_reach_is_refused(metric, limit, says, drawn, make_evaluation):
    found = _counted(make_evaluation)
    with pytest.raises(GateConfigError, match=f"The rule for '{metric}': .*{says}"):
        gate((lambda _: found) if drawn else found, rules=({"metric": metric, "hard": True, **limit},))


@pytest.mark.parametrize(("metric", "limit"), [("missing_classes", 9), ("modes", 9.5), ("vendi", 199)])
def test_a_limit_that_they_can_reach_is_judged(metric, limit, make_evaluation):
    assert gate(_counted(make_evaluation), rules=({"metric": metric, "hard": True, "max": limit},)).verdict == "ok"


def test_where_nobody_named_the_classes_the_range_stays_open(make_evaluation):
    found = _counted(make_evaluation)
    bare = replace(found, fake=replace(found.fake, class_names=()))
    assert gate(bare, rules=({"metric": "missing_classes", "hard": True, "max": 10},)).verdict == "ok"


def _counted(make_evaluation):
    """Counts of ten classes and 200 images."""
    made = make_evaluation(n=200)
    scores = {name: ScoreRecord(name, "ok", value, n=200) for name, value in COUNTS.items()}
    return replace(made, scores=scores, fake=replace(made.fake, class_names=tuple("0123456789")))
