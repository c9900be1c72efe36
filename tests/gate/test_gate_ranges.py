"""The gate knows what a metric can be without loading it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ganeval.gate.ranges import range_of
from ganeval.metrics import METRICS, Metric


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
