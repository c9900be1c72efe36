"""The benchmark of the training loop measures what its table says; here on few random images."""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks import loop


def test_every_row_says_seconds_and_the_memory_after_three_of_its_calls() -> None:
    images = np.random.default_rng(0).integers(0, 256, (80, 1, 28, 28), dtype=np.uint8)
    row = ("fid", *loop.measured(("fid",), images[:40], images[40:], calls=6))
    assert len(row) == len(loop.HEADS)
    seconds, held = [float(cell) for cell in row[1:4]], [float(cell) for cell in row[4:]]
    assert all(cell >= 0 for cell in seconds)
    assert all(10 < cell < 100_000 for cell in held), "megabytes of a process that has loaded torch"
    asked = argparse.Namespace(calls=6, threads=1, n=40)
    assert "| held at call 6, MB | at 6 | at 6 |" in loop.render([row], asked)
    assert loop.marks(300) == (10, 100, 300)


def test_the_page_has_the_place_that_the_command_writes_to() -> None:
    assert loop.PAGE.read_text(encoding="utf-8").count(loop.MARK) == 2
