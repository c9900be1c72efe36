"""However a measurement is cut up (processes, parts, batches of a meter), it is one evaluation; and processes that
measure together draw and decode their own part only.
"""

from __future__ import annotations

import json
import random
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganeval import Compute, Meter, Protocol, image_set, measure
from ganeval.measure.embedding import embed
from ganeval.records.scores import Evaluation
from tests.forks import Forks

SHARING = Path(__file__).with_name("sharing.py")
MEASURED = runpy.run_path(str(SHARING))
FILES = 300
SIZES = (2, pytest.param(3, marks=pytest.mark.study))
EXACT = ("precision", "recall", "density", "coverage")  # counts of neighbours; all else agrees to 1e-10


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shared") / "real"
    folder.mkdir()
    for i, image in enumerate(np.random.default_rng(0).integers(0, 256, (FILES, 8, 8), dtype=np.uint8)):
        Image.fromarray(image).save(folder / f"{i}.png")
    return folder


class Told(dict[int, list[dict[str, Any]]]):
    """What each rank drew, decoded and found, by the number of ranks."""

    def __init__(self, forks: Forks, folder: Path) -> None:
        self.forks, self.folder = forks, folder

    def __missing__(self, size: int) -> list[dict[str, Any]]:
        self[size] = together(self.forks, self.folder, size)
        return self[size]


@pytest.fixture(scope="module")
def told(real: Path, forks: Forks) -> Told:
    return Told(forks, real.parent)


def together(forks: Forks, folder: Path, size: int) -> list[dict[str, Any]]:
    command = [sys.executable, str(SHARING), str(folder / "real"), str(folder)]
    assert forks.ranks([command] * size, XDG_CACHE_HOME=str(folder / f"cache{size}")) == [0] * size
    return [json.loads((folder / f"{rank}of{size}.json").read_text(encoding="utf-8")) for rank in range(size)]


@pytest.mark.parametrize("size", SIZES)
def test_every_block_is_drawn_by_one_rank(told: Told, size: int) -> None:
    assert told[1][0]["drawn"] == [500, 500, 500, 200]
    blocks = [n for rank in told[size] for n in rank["drawn"] if n > 2]  # two show that all draw the same
    assert sorted(blocks) == [200, 500, 500, 500]
    assert all(rank["drawn"] for rank in told[size])


@pytest.mark.parametrize("size", SIZES)
def test_every_file_is_decoded_by_one_rank(told: Told, size: int) -> None:
    assert told[1][0]["decoded"] == FILES
    few = 4  # on each rank: what the network is recognised by, and whether the set is constant
    assert FILES <= sum(rank["decoded"] for rank in told[size]) <= FILES + few * size


def assert_one_evaluation(scores: dict[str, list[Any]], alone: dict[str, Any]) -> None:
    """Bit for bit what is promised exactly, 1e-10 of all else."""
    assert set(scores) == set(alone["scores"]) == set(MEASURED["METRICS"])
    for name, score in alone["scores"].items():
        assert None not in score, name
        assert scores[name] == (score if name in EXACT else pytest.approx(score, rel=1e-10)), name


def values(evaluation: Evaluation) -> dict[str, list[Any]]:
    return {name: [score.value, score.se] for name, score in evaluation.scores.items()}


def signatures(evaluation: Evaluation) -> dict[str, Any]:
    return {name: score.signature for name, score in evaluation.scores.items()}


@pytest.mark.parametrize("size", SIZES)
def test_the_numbers_are_those_of_one_process(told: Told, size: int) -> None:
    (alone,) = told[1]
    for rank in told[size]:
        assert (rank["real"], rank["fake"]) == (alone["real"], alone["fake"])
        assert_one_evaluation(rank["scores"], alone)
        assert rank["signatures"] == alone["signatures"]
        assert rank["influence"] == pytest.approx(alone["influence"], rel=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_they_are_so_where_rows_stay_with_the_rank_that_made_them(told: Told, size: int) -> None:
    (alone,) = told[1]
    assert alone["stayed"] == alone["scores"]  # one process has all rows, wherever they lie
    for rank in told[size]:
        assert_one_evaluation(rank["stayed"], alone)
        assert rank["stayed signatures"] == alone["signatures"]
        assert rank["sent"] <= 1024 * MEASURED["WIDTH"]  # a sample that shows the size of the numbers; no more rows


def test_seven_parts_in_random_order_are_the_evaluation_of_one_process(told: Told, real: Path, tmp_path: Path) -> None:
    numbers, compute = list(range(1, 8)), Compute(batch_size=64)
    random.Random(0).shuffle(numbers)
    for number in numbers:
        how = protocol(real).with_(n=MEASURED["N"])
        embed(None, how, compute, part=f"{number}/7", out=tmp_path, generator=MEASURED["generator"])
    found = measure(tmp_path, protocol(real), compute)
    assert (found.real.fingerprint, found.fake.fingerprint) == (told[1][0]["real"], told[1][0]["fake"])
    assert signatures(found) == told[1][0]["signatures"]
    assert_one_evaluation(values(found), told[1][0])


@pytest.mark.parametrize("size", [1, 7, 256])
def test_a_meter_that_is_fed_in_batches_finds_the_evaluation_of_one_process(told: Told, real: Path, size: int) -> None:
    pixels = image_set(MEASURED["generator"], n=MEASURED["N"]).array()
    meter = Meter(protocol(real), Compute(batch_size=64))
    for start in range(0, len(pixels), size):
        meter.update(pixels[start : start + size])
    assert_one_evaluation(values(meter.compute()), told[1][0])


def protocol(real: Path) -> Protocol:
    return Protocol(real=str(real), extractor="pixels", metrics=MEASURED["METRICS"], floor=False)
