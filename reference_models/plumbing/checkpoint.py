"""One checkpoint, one file: any nest of state dictionaries as safetensors, its structure as JSON in the header.

No pickle: what `torch.save` writes would run code when it is opened. Tensors go to the body; numbers, text, lists,
tuples and dictionaries with any plain keys (an optimiser's state counts its parameters 0, 1, 2) go to the header.
"""

from __future__ import annotations

import json
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from ganeval.errors import BrokenRunError

SCHEMA = "ganeval.checkpoint/1"


def encode_state(state: dict[str, Any]) -> bytes:
    """The bytes of a nest of dicts, lists, tuples, tensors and plain values; `decode_state` gives an equal nest."""
    tensors: dict[str, torch.Tensor] = {}
    tree = json.dumps(_fold(state, "", tensors))
    return save(tensors, {"schema": SCHEMA, "tree": tree})


def decode_state(content: bytes, where: str = "the checkpoint") -> dict[str, Any]:
    """The nest that `encode_state` was given, tensors on the CPU. Raises `BrokenRunError` for anything else."""
    try:
        tensors = load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
        if header["schema"] != SCHEMA:
            raise BrokenRunError(f"{where} must have schema {SCHEMA!r}; got {header['schema']!r}.")
        return _unfold(json.loads(header["tree"]), tensors)
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError, RecursionError) as error:
        raise BrokenRunError(
            f"{where} must be a checkpoint of this project; {error!r}. Resume from an older one."
        ) from error


def _fold(value: Any, path: str, tensors: dict[str, torch.Tensor]) -> Any:
    """Plain values stay, everything else becomes {kind: content}; tensors move to `tensors` under their path."""
    if isinstance(value, torch.Tensor):
        # A clone: safetensors refuses two names for one memory, and contiguous() alone may return the same.
        tensors[path] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {"tensor": path}
    if isinstance(value, dict):
        return {"dict": [[key, _fold(item, f"{path}.{key}".lstrip("."), tensors)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_fold(item, f"{path}.{i}", tensors) for i, item in enumerate(value)]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"A state holds tensors and plain values; {path} is {type(value).__name__}.")


def _unfold(node: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if not isinstance(node, dict):
        return node
    ((kind, content),) = node.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: _unfold(item, tensors) for key, item in content}
    items = [_unfold(item, tensors) for item in content]
    return tuple(items) if kind == "tuple" else items
