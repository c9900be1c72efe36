"""The study of who sees what: its threshold, its cover, and that it goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from studies.sight.candidates import pqmass, truncated
from studies.sight.measured import FAULTS, HEALTHY, SPLITS, Cell, append, asked_for, missing, planned, stored
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
    append(log, cell, {"fid": 1.0}, ["fid"])
    with log.open("a") as file:
        file.write('{"data": "mnist", "n": 5')
    assert {known: one.values for known, one in stored(log).items()} == {cell: {"fid": 1.0}}


def test_only_new_columns_and_new_versions_are_measured_again(tmp_path: Path) -> None:
    log, cell = tmp_path / "log.jsonl", Cell("mnist", 500, "jpeg", 75, 0)
    append(log, cell, {"fid": 1.0, "kid": 2.0}, ["fid", "kid", "vendi"])
    log.write_text(log.read_text().replace('"kid": 1', '"kid": 0'))  # the version of before
    known = stored(log)
    assert set(missing(known, cell)) == {*asked_for()} - {"fid", "vendi"}
    append(log, cell, {"kid": 3.0}, ["kid"])
    assert stored(log)[cell].values == {"fid": 1.0, "kid": 3.0}


def test_candidates_are_what_their_papers_say() -> None:
    g = torch.Generator().manual_seed(0)
    alike = [pqmass(*(torch.randn(400, 3, generator=g, dtype=torch.float64) for _ in range(2))) for _ in range(8)]
    assert abs(np.mean(alike) - 1) < 0.1
    far = pqmass(*(shift + torch.randn(400, 3, generator=g, dtype=torch.float64) for shift in (0, 1)))
    assert far > 2
    assert truncated(np.array([0.2, 0.5, 0.3]), 3).sum() == pytest.approx(1)


def test_the_page_says_what_ran_and_who_sees_it() -> None:
    rng = np.random.default_rng(1)
    known = {Cell("mnist", 500, HEALTHY, None, i): {"fid": rng.normal(), "kid": rng.normal()} for i in range(8)}
    known[Cell("mnist", 500, "blur", None, 0)] = {"fid": 99.0, "kid": 0.0}
    page = page_of(known, "sight")
    assert "fewest: `fid`" in page
    assert "8 healthy runs, 1 to 1 of each fault, 1 of 20 faults" in page
