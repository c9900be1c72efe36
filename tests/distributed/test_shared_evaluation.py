"""`torchrun -m ganeval evaluate`: the numbers of one process, from a network pass that the processes share."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganeval.core.compute import Compute
from ganeval.core.extractor import Embedded
from ganeval.features.extraction import extract
from ganeval.features.ranks import Ranks
from ganeval.features.seeing import see
from ganeval.images.imageset import ImageSet
from tests.forks import Forks

METRICS = ("fid", "kid", "precision", "recall", "classifier_score")


def write_images(path: Path, n: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (n, 1, 8, 8), dtype=np.uint8)
    np.savez(path, images=pixels, labels=np.arange(n) % 10)


def evaluate(forks: Forks, folder: Path, size: int) -> dict[str, Any]:
    """The evaluation as JSON, computed by `size` processes at once, each with a cache of its own machine's kind."""
    out = folder / f"{size}.json"
    command = [
        sys.executable,
        "-m",
        "ganeval",
        "evaluate",
        "--real",
        str(folder / "real.npz"),
        "--fake",
        str(folder / "fake.npz"),
        "--classifier",
        "digits",
        "--json",
        str(out),
        "--no-floor",
        "--metrics",
        *METRICS,
    ]
    said = [folder / f"said-{rank}of{size}" for rank in range(size)]
    codes = forks.ranks([command] * size, said, XDG_CACHE_HOME=str(folder / f"cache{size}"))
    assert codes == [0] * size
    printed = [path.read_text() for path in said]
    assert printed[0]
    assert not any(printed[1:])
    return json.loads(out.read_text(encoding="utf-8"))


def test_two_processes_give_the_numbers_of_one(tmp_path: Path, forks: Forks) -> None:
    """700 images are three batches of 256: one process takes two of them, the other the short rest."""
    write_images(tmp_path / "real.npz", 700, 0)
    write_images(tmp_path / "fake.npz", 300, 1)
    alone, shared = (evaluate(forks, tmp_path, size)["scores"] for size in (1, 2))
    assert set(METRICS) <= set(alone)
    for name in METRICS:
        assert shared[name]["value"] == pytest.approx(alone[name]["value"], rel=1e-10), name
        assert shared[name]["se"] == pytest.approx(alone[name]["se"], rel=1e-9), name


class Rows:
    """Stands in for an extractor: rows are the pixels; counts the images that it saw."""

    name, weights_sha256, preprocessing, class_names, confusion = "rows", "", "none", (), None

    def __init__(self) -> None:
        self.seen = 0

    def to(self, device: torch.device, precision: str = "fp32") -> Rows:
        return self

    def __call__(self, images: torch.Tensor) -> Embedded:
        self.seen += len(images)
        return Embedded(images.flatten(1).float())


class Alone(Ranks):
    """One of several ranks whose others never answer: what it would send is what it gets."""

    def gather(self, rows: torch.Tensor, counts: Any = None) -> torch.Tensor:
        return rows

    def agree(self, *, yes: bool) -> bool:
        return yes


def test_each_rank_sees_whole_batches_and_all_of_them_together_everything() -> None:
    images = ImageSet.from_array(np.arange(11 * 4, dtype=np.uint8).reshape(11, 1, 2, 2))
    shares = []
    for rank in range(5):
        network = Rows()
        features = extract_share(images, network, rank)
        shares.append(features)
        assert network.seen == max(1, len(features))
    assert [len(share) for share in shares] == [4, 4, 3, 0, 0]
    assert torch.equal(
        torch.cat(shares), extract(images, Rows(), compute=Compute(batch_size=4, cache=False)).embeddings
    )


def extract_share(images: ImageSet, network: Rows, rank: int) -> torch.Tensor:
    """The rows before they are gathered."""
    return see(images, network, torch.device("cpu"), 4, Alone(rank, 5), Compute(progress=False))[0].embeddings
