"""docs/choose.md says what the cards and the two measured pages say."""

from __future__ import annotations

import re

from ganeval.metrics import METRICS
from studies import choose, costs
from studies.page import DOCS, RESULTS

PAGE = (DOCS / "choose.md").read_text(encoding="utf-8")


def test_the_page_is_up_to_date() -> None:
    assert choose.measured() == PAGE, "run python -m studies choose"


def test_every_metric_stands_on_the_page_once() -> None:
    rows = re.findall(r"^\| \[`(\w+)`\]", PAGE, re.MULTILINE)
    assert sorted(rows) == METRICS.names()


def test_every_fault_of_the_controls_has_a_column() -> None:
    said = choose.read_controls((RESULTS / "controls.md").read_text(encoding="utf-8"))
    assert set().union(*said.values()) == set(choose.FAULTS)


def test_a_row_shows_what_was_seen_and_what_fooled() -> None:
    row = choose.row(METRICS["fid"], {"memoriser": "blind to", "kde": "sees", "class_mean": "fooled by"}, 1.25)
    assert row == ["[`fid`](metrics.md#fid)", "✗", "", "", "·", "", "●", "", "equal", "1.2"]


def test_a_metric_that_nobody_measured_has_empty_cells() -> None:
    assert choose.row(METRICS["kid"], {}, None)[1:] == [""] * 7 + ["any", ""]


def test_what_a_metric_costs_is_measured_and_one_without_a_value_has_no_cost() -> None:
    real = costs.image_set("digits:test", n=60)
    assert (costs.noisy(real).array() != real.array()).any()
    assert costs.seconds(real, costs.noisy(real), "sfid", data="digits") is None
    found = costs.seconds(real, costs.noisy(real), "fid", data="digits")
    assert found is not None
    assert found > 0
