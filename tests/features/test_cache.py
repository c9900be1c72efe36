"""The cache of tensors: content in, content out, bounded."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ganeval import Evaluation, Protocol, measure
from ganeval.core.extractor import Embedded
from ganeval.features.cache import read_tensors, write_tensors


def rows(value: float, n: int = 1000) -> dict[str, torch.Tensor]:
    return {"embeddings": torch.full((n, 1), float(value))}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_tensors(tmp_path, "k", {"a": torch.arange(6.0).view(2, 3), "b": torch.arange(2)})
    stored = read_tensors(tmp_path, "k")
    assert stored is not None
    assert torch.equal(stored["a"], torch.arange(6.0).view(2, 3))
    assert torch.equal(stored["b"], torch.arange(2))


def test_a_missing_key_reads_as_none(tmp_path: Path) -> None:
    assert read_tensors(tmp_path, "absent") is None


def test_the_longest_unused_entry_is_evicted_first(tmp_path: Path) -> None:
    for age, key in enumerate(("new", "middle", "old")):
        write_tensors(tmp_path, key, rows(age))
        os.utime(tmp_path / f"{key}.safetensors", (1000 - age, 1000 - age))
    assert read_tensors(tmp_path, "old") is not None  # used just now
    write_tensors(tmp_path, "newest", rows(9), max_bytes=9000)
    assert sorted(path.stem for path in tmp_path.glob("*.safetensors")) == ["newest", "old"]


def test_an_entry_larger_than_the_cache_is_not_kept(tmp_path: Path) -> None:
    write_tensors(tmp_path, "small", rows(1))
    write_tensors(tmp_path, "large", rows(2, n=10_000), max_bytes=9000)
    assert read_tensors(tmp_path, "large") is None
    assert read_tensors(tmp_path, "small") is not None


class Offering:
    """A network with all three columns, which counts the images that it looks at in a pass."""

    name, weights_sha256, preprocessing, class_names, confusion = "offering", "ab" * 32, "none", (), None

    def __init__(self) -> None:
        self.looked_at = 0

    def to(self, *_: object) -> Offering:
        return self

    def __call__(self, images: torch.Tensor) -> Embedded:
        rows = images.float().flatten(1)
        self.looked_at += len(images) > 1
        return Embedded(rows[:, :3], rows[:, 3:5], rows)


def entries(folder: Path) -> list[set[str]]:
    return [set(load_file(path)) for path in (folder / "ganeval" / "features").glob("*.safetensors")]


def test_the_cache_keeps_what_was_asked_for_and_grows_by_what_is_asked_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    rng = np.random.default_rng(0)
    real, fake = (rng.integers(0, 256, (40, 1, 4, 4), dtype=np.uint8) for _ in range(2))
    network = Offering()

    def ask(*metrics: str) -> Evaluation:
        return measure(fake, Protocol(real=real, extractor=network, metrics=metrics, floor=False))

    def passes() -> int:
        before, network.looked_at = network.looked_at, 0
        return before

    first = ask("fid")
    assert (entries(tmp_path), passes()) == ([{"embeddings"}] * 2, 2)
    assert ask("fid")["fid"].value == first["fid"].value
    assert passes() == 0
    assert ask("inception_score").scores["inception_score"].ok
    assert (entries(tmp_path), passes()) == ([{"embeddings", "logits"}] * 2, 2)
    assert ask("sfid").scores["sfid"].ok
    assert (entries(tmp_path), passes()) == ([{"embeddings", "logits", "spatial"}] * 2, 2)
    everything = ask("fid", "sfid", "inception_score")
    assert passes() == 0
    assert everything["fid"].value == first["fid"].value
    assert everything["fid"].signature == first["fid"].signature
    assert everything.classifier == first.classifier == "offering@abababab"
