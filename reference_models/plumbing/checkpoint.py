"""One checkpoint, one file: any nest of state dictionaries as safetensors, its structure as JSON in the header.

No pickle: what `torch.save` writes would run code when it is opened. Tensors go to the body; numbers, text, lists,
tuples and dictionaries with any plain keys (an optimiser's state counts its parameters 0, 1, 2) go to the header, and
with them the strides of tensors that are not laid out row by row: an optimiser's moments must lie as its parameters do.
A digest of all of it tells a damaged file from a whole one.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from ganeval.errors import BrokenRunError

SCHEMA = "ganeval.checkpoint/2"
OLDER = ("ganeval.checkpoint/1",)  # without digest and strides
REMEDY = "Let last.json name an older checkpoint beside it, or start a new run."


def encode_state(state: dict[str, Any]) -> bytes:
    """The bytes of a nest of dicts, lists, tuples, tensors and plain values; `decode_state` gives an equal nest."""
    tensors: dict[str, torch.Tensor] = {}
    tree = json.dumps(_fold(state, "", tensors))
    return save(tensors, {"schema": SCHEMA, "tree": tree, "sha256": _digest(tree, tensors)})


def decode_state(content: bytes, where: str = "the checkpoint") -> dict[str, Any]:
    """The nest that `encode_state` was given, tensors on the CPU. Raises `BrokenRunError` for anything else."""
    try:
        tensors = load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
        _require_whole(header, tensors, where)
        return _unfold(json.loads(header["tree"]), tensors)
    except BrokenRunError:
        raise
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise BrokenRunError(f"{where} must be a checkpoint of this project; {error!r}. {REMEDY}") from error


def _require_whole(header: dict[str, str], tensors: dict[str, torch.Tensor], where: str) -> None:
    if header["schema"] not in (SCHEMA, *OLDER):
        raise BrokenRunError(f"{where} must have schema {SCHEMA!r}; got {header['schema']!r}.")
    if header["schema"] == SCHEMA and header["sha256"] != _digest(header["tree"], tensors):
        raise BrokenRunError(f"{where} is damaged: its content is not what was written. {REMEDY}")


def restore(thing: Any, state: Any) -> None:
    """`thing.load_state_dict(state)`; an optimiser's moments are then laid out as their parameters are.

    Fused optimisers take the memory of both side by side, and older checkpoints did not keep the layout.
    """
    thing.load_state_dict(state)
    if isinstance(thing, torch.optim.Optimizer):
        for parameter, moments in thing.state.items():
            for name, value in moments.items():
                if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                    moments[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _digest(tree: str, tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256(tree.encode())
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {list(value.shape)}".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _fold(value: Any, path: str, tensors: dict[str, torch.Tensor]) -> Any:
    """Plain values stay, everything else becomes {kind: content}; tensors move to `tensors` under their path."""
    if isinstance(value, torch.Tensor):
        # A clone: safetensors refuses two names for one memory, and contiguous() alone may return the same.
        tensors[path] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {"tensor": [path, *_strides(value)]}
    if isinstance(value, dict):
        return {"dict": [[key, _fold(item, f"{path}.{key}".lstrip("."), tensors)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_fold(item, f"{path}.{i}", tensors) for i, item in enumerate(value)]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"A state holds tensors and plain values; {path} is {type(value).__name__}.")


def _strides(value: torch.Tensor) -> list[list[int]]:
    """Those of a tensor without gaps, [] where they are those of row by row; with gaps only the order is kept."""
    strides = torch.empty_like(value, device="meta").stride()
    return [] if strides == torch.empty(value.shape, device="meta").stride() else [list(strides)]


def _unfold(node: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if not isinstance(node, dict):
        return node
    ((kind, content),) = node.items()
    if kind == "tensor":
        place: list[Any] = [content] if isinstance(content, str) else content
        return _laid_out(tensors, *place)
    if kind == "dict":
        return {key: _unfold(item, tensors) for key, item in content}
    items = [_unfold(item, tensors) for item in content]
    return tuple(items) if kind == "tuple" else items


def _laid_out(tensors: dict[str, torch.Tensor], path: str, strides: list[int] | None = None) -> torch.Tensor:
    value = tensors[path]
    if strides is None:
        return value
    reach = 1 + sum((size - 1) * stride for size, stride in zip(value.shape, strides, strict=True))
    if reach > value.numel() or min(strides) < 0:
        raise ValueError(f"strides {strides} of shape {tuple(value.shape)}")
    return torch.empty_strided(value.shape, strides, dtype=value.dtype).copy_(value)
