"""Tensors on disk, addressed by everything that made them: same key, same content, whoever wrote it.

One safetensors file per key under `$XDG_CACHE_HOME/ganeval/features`, written atomically, with its key and the SHA-256
of its tensors inside: an entry that is torn, damaged or another one's reads as absent and is made again. The folder is
bounded; the entries that were used longest ago go first.
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

from ganeval.core.files import require_regular, write_atomic, writing
from ganeval.errors import GanevalError, WrongInputError

MAX_CACHE_BYTES = 4 * 2**30


def read_tensors(folder: Path, key: str) -> dict[str, torch.Tensor] | None:
    """The tensors stored under `key`, or None where there are none or they are damaged."""
    path = folder / f"{key}.safetensors"
    try:
        with safe_open(require_regular(path), framework="pt") as file:
            stored = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - safe_open is no dict
    except (SafetensorError, GanevalError, OSError, ValueError):
        return None
    if stored.get("key") != key or stored.get("sha256") != _digest(tensors):
        return None
    with suppress(OSError):  # another user's entry may be read, not touched
        os.utime(path)  # used now: evicted last
    return tensors


def write_tensors(
    folder: Path, key: str, tensors: Mapping[str, torch.Tensor], *, max_bytes: int = MAX_CACHE_BYTES
) -> None:
    """Store `tensors` under `key`, then drop the longest unused entries until the folder holds `max_bytes` or less."""
    plain = {name: rows.detach().cpu().contiguous() for name, rows in tensors.items()}
    content = save(plain, metadata={"key": key, "sha256": _digest(plain)})
    if len(content) > max_bytes:
        return
    write_atomic(folder / f"{key}.safetensors", content)
    _evict(folder, max_bytes)


def write_file(path: str | Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> Path:
    """One safetensors file with the SHA-256 of its tensors and metadata, written whole or not at all."""
    plain = {name: rows.detach().cpu().contiguous() for name, rows in tensors.items()}
    with writing(path):
        return write_atomic(path, save(plain, metadata={**metadata, "sha256": _digest(plain, metadata)}))


def read_file(path: str | Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Tensors and metadata of a file that `write_file` wrote; raises `WrongInputError` where it is damaged."""
    try:
        with safe_open(require_regular(Path(path)), framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - safe_open is no dict
    except (SafetensorError, OSError, ValueError) as error:
        if isinstance(error, GanevalError):
            raise
        raise WrongInputError(f"{path} is no safetensors file that can be read: {error}. Write it again.") from error
    stated = metadata.pop("sha256", None)
    if stated is None:
        raise WrongInputError(
            f"{path} holds no checksum, so this library did not write it. Write it with Features.save or "
            "Statistics.save."
        )
    if stated != _digest(tensors, metadata):
        raise WrongInputError(f"{path} is damaged: its checksum does not match what it holds. Write it again.")
    return tensors, metadata


def _digest(tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None) -> str:
    digest = hashlib.sha256(json.dumps(dict(metadata or {}), sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        digest.update(tensors[name].contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _evict(folder: Path, max_bytes: int) -> None:
    entries = sorted(_entries(folder))
    total = sum(size for _, size, _ in entries)
    for _, size, path in entries:
        if total <= max_bytes:
            return
        with suppress(OSError):
            path.unlink(missing_ok=True)
            total -= size


def _entries(folder: Path) -> Iterator[tuple[int, int, Path]]:
    for path in folder.glob("*.safetensors"):
        with suppress(FileNotFoundError):  # another process may evict at the same time
            status = path.stat()
            yield status.st_mtime_ns, status.st_size, path
