"""The cache of tensors: content in, content out, bounded."""

from __future__ import annotations

import os
from pathlib import Path

import torch

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
