"""The study of who sees what: its threshold, its cover, and that it goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from studies.sight.measured import FAULTS, HEALTHY, SPLITS, Cell, append, planned, stored
from studies.sight.page import beyond, fewest, page_of


def test_one_of_a_hundred_healthy_values_lies_beyond_the_threshold() -> None:
    rng = np.random.default_rng(0)
    hits = [beyond(rng.normal(size=(10, 50)), rng.normal(size=(1, 50)), ["fid"] * 50, 0.01) for _ in range(400)]
    assert 0.008 < np.mean(hits) < 0.012


def test_a_metric_is_judged_in_its_own_direction() -> None:
    healthy = np.random.default_rng(0).normal(size=(10, 3))
    names = ["fid", "precision", "embedding_spread"]
    assert beyond(healthy, np.full((1, 3), 9.0), names, 0.01).tolist() == [[True, False, True]]
    assert beyond(healthy, np.full((1, 3), -9.0), names, 0.01).tolist() == [[False, True, True]]


def test_the_fewest_metrics_see_everything_that_any_sees() -> None:
    sees = {"a": {(0, "x"), (0, "y")}, "b": {(0, "y"), (0, "z")}, "c": {(0, "z"), (0, "x"), (0, "w")}}
    assert fewest(sees, set().union(*sees.values())) == ("c", "a")


def test_twenty_faults_are_planned_on_four_data_sets_and_none_twice() -> None:
    least = dict.fromkeys(SPLITS, 3333) | {"breastmnist": 260}
    cells = list(planned(tuple(SPLITS), (500, 2000), 10, 2, least))
    assert len(FAULTS) == 20
    assert len(set(cells)) == len(cells) == 7 * (10 + 2 * 20)


def test_a_line_that_was_cut_off_is_measured_again(tmp_path: Path) -> None:
    log, cell = tmp_path / "log.jsonl", Cell("mnist", 500, "jpeg", 75, 0)
    append(log, cell, {"fid": 1.0})
    with log.open("a") as file:
        file.write('{"data": "mnist", "n": 5')
    assert stored(log) == {cell: {"fid": 1.0}}


def test_the_page_says_what_ran_and_who_sees_it() -> None:
    rng = np.random.default_rng(1)
    known = {Cell("mnist", 500, HEALTHY, None, i): {"fid": rng.normal(), "kid": rng.normal()} for i in range(8)}
    known[Cell("mnist", 500, "blur", None, 0)] = {"fid": 99.0, "kid": 0.0}
    page = page_of(known, "sight")
    assert "fewest: `fid`" in page
    assert "8 healthy runs, 1 to 1 of each fault, 1 of 20 faults" in page
