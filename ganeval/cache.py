"""Tensors on disk, addressed by everything that made them: same key, same content, whoever wrote it.

One safetensors file per key under `$XDG_CACHE_HOME/ganeval/features`, written atomically, with the SHA-256 of its
tensors inside: a torn or damaged entry reads as absent and is made again. The folder is bounded; the entries that
were used longest ago go first.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ganeval.files import write_atomic

MAX_CACHE_BYTES = 4 * 2**30


def cache_root() -> Path:
    """`$XDG_CACHE_HOME/ganeval`, or `~/.cache/ganeval`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ganeval"


def content_key(parts: Mapping[str, object]) -> str:
    """The SHA-256 of a JSON-ready description; equal descriptions in any order give equal keys.

    >>> content_key({"a": 1, "b": 2}) == content_key({"b": 2, "a": 1}) != content_key({"a": 1})
    True
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True, allow_nan=False).encode()).hexdigest()


def read_tensors(folder: Path, key: str) -> dict[str, torch.Tensor] | None:
    """The tensors stored under `key`, or None where there are none or they are damaged."""
    path = folder / f"{key}.safetensors"
    try:
        with safe_open(path, framework="pt") as file:
            stored = (file.metadata() or {}).get("sha256")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - safe_open is no dict
    except (SafetensorError, OSError, ValueError):
        return None
    if stored != _digest(tensors):
        return None
    os.utime(path)  # used now: evicted last
    return tensors


def write_tensors(
    folder: Path, key: str, tensors: Mapping[str, torch.Tensor], *, max_bytes: int = MAX_CACHE_BYTES
) -> None:
    """Store `tensors` under `key`, then drop the longest unused entries until the folder holds `max_bytes` or less."""
    plain = {name: rows.detach().cpu().contiguous() for name, rows in tensors.items()}
    content = save(plain, metadata={"sha256": _digest(plain)})
    if len(content) > max_bytes:
        return
    write_atomic(folder / f"{key}.safetensors", content)
    _evict(folder, max_bytes)


def _digest(tensors: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        digest.update(tensors[name].contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _evict(folder: Path, max_bytes: int) -> None:
    entries = sorted(_entries(folder))
    total = sum(size for _, size, _ in entries)
    for _, size, path in entries:
        if total <= max_bytes:
            return
        path.unlink(missing_ok=True)
        total -= size


def _entries(folder: Path) -> Iterator[tuple[int, int, Path]]:
    for path in folder.glob("*.safetensors"):
        with suppress(FileNotFoundError):  # another process may evict at the same time
            status = path.stat()
            yield status.st_mtime_ns, status.st_size, path
