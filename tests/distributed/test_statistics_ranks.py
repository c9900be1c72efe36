"""Statistics in the place of images, and moments alone, measured by two processes; and one that dies meanwhile."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ganeval import Compute, Protocol, Statistics, extract, image_set
from ganeval.measure.embedding import embed
from tests.forks import Forks

STATISTICS = Path(__file__).with_name("by_statistics.py")
MEASURED = runpy.run_path(str(STATISTICS))
TIMEOUT = 60  # seconds that a rank waits for another
SIZE = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Statistics of real images in two forms, and the fakes as statistics and as parts."""
    where = tmp_path_factory.mktemp("statistics")
    real = np.random.default_rng(0).integers(0, 256, (300, 8, 8), dtype=np.uint8)
    rows = extract(image_set(real), "pixels")
    Statistics.of(rows).save(where / "real.safetensors")
    mean, covariance = rows.embeddings.double().numpy().mean(0), np.cov(rows.embeddings.double().numpy().T)
    np.savez(where / "mu_sigma.npz", mu=mean, sigma=covariance)
    np.savez(where / "other.npz", mu=mean + 1, sigma=covariance)
    fakes, n = MEASURED["generator"], MEASURED["N"]
    Statistics.of(extract(image_set(fakes, n=n), "pixels")).save(where / "fake.safetensors")
    for part in ("1/2", "2/2"):
        how = Protocol(extractor="pixels", n=n)
        embed(None, how, Compute(batch_size=64), part=part, out=where / "parts", generator=fakes)
    return where


@pytest.fixture(scope="module")
def told(folder: Path, tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> list[tuple[int, dict[str, Any]]]:
    """How each rank ended, and what it found until then."""
    out = tmp_path_factory.mktemp("told")
    codes = forks.ranks([[sys.executable, str(STATISTICS), str(out), str(folder)]] * SIZE, GANEVAL_TIMEOUT=str(TIMEOUT))
    return [(code, json.loads((out / f"{rank}.json").read_text(encoding="utf-8"))) for rank, code in enumerate(codes)]


def test_statistics_and_moments_alone_give_two_processes_the_numbers_of_one(
    told: list[tuple[int, dict[str, Any]]], folder: Path
) -> None:
    for name, case in MEASURED["cases"](folder).items():
        value, se, *rest = MEASURED["values"](*case, None)
        for _, found in told:
            assert found[name][0] == pytest.approx(value, rel=1e-10), name
            assert found[name][1] == (se and pytest.approx(se, rel=1e-6)), name
            assert found[name][2:] == rest, name


def test_processes_with_two_references_are_refused_on_each_of_them(told: list[tuple[int, dict[str, Any]]]) -> None:
    for _, found in told:
        assert "real statistics" in found["another file"]


def test_a_rank_that_dies_in_a_run_by_moments_alone_ends_the_others(told: list[tuple[int, dict[str, Any]]]) -> None:
    (code, survivor), (dead, _) = told
    assert (code, dead) == (0, 9)
    assert "Rank 0 of 2 lost the others" in survivor["dead"]
    assert survivor["seconds"] < 2 * TIMEOUT
