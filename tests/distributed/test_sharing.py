"""Processes that measure together draw and decode their own part only, and have the numbers of one process."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

SHARING = Path(__file__).with_name("sharing.py")
FILES = 300
SIZES = (1, 2)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[dict[str, Any]]]:
    """What each rank drew, decoded and found, by the number of ranks."""
    folder = tmp_path_factory.mktemp("shared")
    (folder / "real").mkdir()
    for i, image in enumerate(np.random.default_rng(0).integers(0, 256, (FILES, 8, 8), dtype=np.uint8)):
        Image.fromarray(image).save(folder / "real" / f"{i}.png")
    return {size: together(folder, size) for size in SIZES}


def together(folder: Path, size: int) -> list[dict[str, Any]]:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = str(s.getsockname()[1])
    known = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(size), "OMP_NUM_THREADS": "1"}
    known |= {"GANEVAL_TIMEOUT": "120", "XDG_CACHE_HOME": str(folder / f"cache{size}"), "CUDA_VISIBLE_DEVICES": ""}
    ranks = [
        subprocess.Popen(
            [sys.executable, str(SHARING), str(folder / "real"), str(folder)],
            env=os.environ | known | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(size)
    ]
    assert [rank.wait(timeout=200) for rank in ranks] == [0] * size
    return [json.loads((folder / f"{rank}of{size}.json").read_text(encoding="utf-8")) for rank in range(size)]


def test_every_block_is_drawn_by_one_rank(told: dict[int, list[dict[str, Any]]]) -> None:
    assert told[1][0]["drawn"] == [500, 500, 500, 200]
    for size in SIZES[1:]:
        blocks = [n for rank in told[size] for n in rank["drawn"] if n > 2]  # two show that all draw the same
        assert sorted(blocks) == [200, 500, 500, 500]
        assert all(rank["drawn"] for rank in told[size])


def test_every_file_is_decoded_by_one_rank(told: dict[int, list[dict[str, Any]]]) -> None:
    assert told[1][0]["decoded"] == FILES
    for size in SIZES[1:]:
        few = 4  # on each rank: what the network is recognised by, and whether the set is constant
        assert FILES <= sum(rank["decoded"] for rank in told[size]) <= FILES + few * size


def test_the_numbers_are_those_of_one_process(told: dict[int, list[dict[str, Any]]]) -> None:
    (alone,) = told[1]
    for size in SIZES[1:]:
        for rank in told[size]:
            assert (rank["real"], rank["fake"]) == (alone["real"], alone["fake"])
            for name, score in alone["scores"].items():
                exact = name in ("precision", "recall", "density", "coverage")
                assert rank["scores"][name] == (score if exact else pytest.approx(score, rel=1e-10)), name
            assert rank["influence"] == pytest.approx(alone["influence"], rel=1e-6)
