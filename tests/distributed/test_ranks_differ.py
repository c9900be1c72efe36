"""Ranks that bring other things are told so, all of them, and nothing mixed is stored."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.forks import Forks

RANKS = Path(__file__).with_name("differing.py")
NAMED = {
    "other": "fake images",
    "fewer": "the number of fake images",
    "labels": "fake images",
    "generator": "fake images",
    "metrics": "metrics",
    "heldout": "heldout images",
    "train": "train images",
    "real": "real images",
    "n": "n (",
    "extractor": "extractor",
    "preprocess": "must bring the same network",
    "width": "shapes of the features",
    "features": "fake images",
    "seed": "seed",
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> list[dict[str, str]]:
    """What each of two ranks was told, by kind of difference; one process group for all of them."""
    folder = tmp_path_factory.mktemp("ranks")
    commands = [[sys.executable, str(RANKS), str(folder / f"{rank}.json")] for rank in range(2)]
    assert forks.ranks(commands, GANEVAL_TIMEOUT="60", XDG_CACHE_HOME=str(folder / "cache")) == [0, 0]
    return [json.loads((folder / f"{rank}.json").read_text(encoding="utf-8")) for rank in range(2)]


@pytest.mark.parametrize("kind", NAMED)
def test_every_rank_is_told_what_differs(kind: str, said: list[dict[str, str]]) -> None:
    assert all(words[kind].startswith("IncomparableError") and NAMED[kind] in words[kind] for words in said), said


def test_a_file_that_one_rank_lacks_ends_all_of_them(said: list[dict[str, str]]) -> None:
    assert said[0]["missing"].startswith("GanevalError Rank 0 of 2 could go on, but another could not")
    assert said[1]["missing"].startswith("MissingFileError")


def test_a_network_that_fails_on_one_rank_ends_all_of_them(said: list[dict[str, str]]) -> None:
    assert "could go on, but another could not" in said[0]["fails"]
    assert "fails here" in said[1]["fails"]


def test_nothing_is_stored_when_ranks_differ_and_ranks_that_agree_go_on(said: list[dict[str, str]]) -> None:
    assert all(words["stored"] == "0" for words in said)
    assert said[0]["same"] == said[1]["same"] != ""
