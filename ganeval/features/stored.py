"""Arrays by name, whatever file they lie in: .npz, .npy, .safetensors, .pt. Never with pickle, never unbounded.

What they mean is for `ganeval.features.published`; here they are only found and read.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open

from ganeval.core.files import open_regular, require_regular
from ganeval.errors import GanevalError, WrongInputError, printable
from ganeval.images.numpy_files import array_in, names_in, npy_in, read_safely
from ganeval.images.tensor_files import require_no_bomb, require_stored

ONLY = ""  # the name of the one array of a file that has no names
PICKLES = (".pkl", ".pickle")


@dataclass(frozen=True)
class Shape:
    """What is known of an array before it is read."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Stored:
    """The arrays of one file: their types and shapes at once, their numbers when they are asked for."""

    path: Path
    shapes: Mapping[str, Shape]
    read: Callable[[str], NDArray[Any]]
    metadata: Mapping[str, str]

    @property
    def where(self) -> str:
        return printable(self.path)

    @property
    def listed(self) -> str:
        """What the file holds, for a message."""
        found = [f"{printable(name, 40) or 'one array'} {s.dtype} {s.shape}" for name, s in sorted(self.shapes.items())]
        return ", ".join(found[:8]) + (f" and {len(found) - 8} more" if len(found) > 8 else "") or "nothing"


def open_stored(path: Path) -> Stored | None:
    """The arrays in a file whose name ends in .npz, .npy, .safetensors, .pt or .pth; None for any other.

    Raises: WrongInputError for pickles, and for what is damaged, a bomb, or holds Python objects.
    """
    suffix = path.suffix.lower()
    if suffix in PICKLES:
        raise WrongInputError(
            f"{printable(path)} is a pickle, which runs whatever its author put into it, so it is not opened. Where "
            "you trust it, load it yourself and store its arrays: numpy.savez('reference.npz', mu=mu, sigma=sigma)."
        )
    opener = _OPENERS.get(suffix)
    return None if opener is None else opener(require_regular(path))


def _npz(path: Path) -> Stored:
    names = read_safely(path, names_in)
    shapes = dict(zip(names, read_safely(path, _headers), strict=True))
    if len(shapes) != len(names):
        raise WrongInputError(f"{printable(path)} holds two arrays of one name; one would be lost. Write it again.")
    return Stored(path, shapes, lambda name: read_safely(path, array_in, name), {})


def _headers(path: Path) -> list[Shape]:
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        return [_header(archive, name) for name in archive.namelist()]


def _header(archive: zipfile.ZipFile, name: str) -> Shape:
    if not name.endswith(".npy"):
        return Shape("bytes", ())
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    with archive.open(name) as member:
        shape, _, dtype = read[np.lib.format.read_magic(member)](member)
    return Shape(str(dtype), shape)


def _npy(path: Path) -> Stored:
    array = read_safely(path, npy_in)
    return Stored(path, {ONLY: Shape(str(array.dtype), array.shape)}, lambda _: array, {})


def _safetensors(path: Path) -> Stored:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - safe_open is no dict
    except Exception as error:
        raise WrongInputError(f"{printable(path)} is no safetensors file that can be read: {error}.") from error
    return _of_tensors(path, tensors, metadata)


def _torch(path: Path) -> Stored:
    """A tensor, or a mapping of tensors and numpy arrays, as torch.save writes them; nothing else is allowed in."""
    try:
        require_no_bomb(path)
        with open_regular(path) as file, torch.serialization.safe_globals(_numpy_parts()):
            found = dict(_flat(torch.load(file, map_location="cpu", weights_only=True), ONLY))
    except GanevalError:
        raise
    except Exception as error:
        raise WrongInputError(
            f"{printable(path)} cannot be read as tensors alone (weights_only=True): it is damaged or holds Python "
            "objects. Store a dictionary of tensors: torch.save({'embeddings': rows}, path)."
        ) from error
    return _of_tensors(path, found, {})


def _numpy_parts() -> list[Any]:
    """What a numpy array in a file of torch consists of: torch-fidelity stores its statistics so."""
    kinds = [type(np.dtype(kind)) for kind in ("f8", "f4", "f2", "i8", "i4", "u1")]
    made: Any = np.empty(0).__reduce__()[0]
    return [np.ndarray, np.dtype, made, (made, "numpy.core.multiarray._reconstruct"), *kinds]


def _flat(found: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Arrays of nested mappings, their names joined by dots; what is no array is left out."""
    if isinstance(found, Mapping):
        for key, value in found.items():
            yield from _flat(value, f"{name}.{key}" if name else str(key))
    elif isinstance(found, torch.Tensor):
        yield name, require_stored(found, printable(name, 40) or "The file")
    elif isinstance(found, np.ndarray):
        yield name, found


def _of_tensors(path: Path, tensors: Mapping[str, Any], metadata: Mapping[str, str]) -> Stored:
    shapes = {
        name: Shape(str(values.dtype).removeprefix("torch."), tuple(values.shape)) for name, values in tensors.items()
    }
    return Stored(path, shapes, lambda name: _in_numpy(tensors[name], path, name), metadata)


def _in_numpy(values: Any, path: Path, name: str) -> NDArray[Any]:
    """The same numbers; NumPy has no bfloat16 and none of the shorter types."""
    if isinstance(values, np.ndarray):
        return values
    short = values.is_floating_point() and values.dtype not in (torch.float16, torch.float32, torch.float64)
    try:
        return (values.float() if short else values).detach().numpy()
    except (TypeError, RuntimeError, NotImplementedError) as error:
        raise WrongInputError(
            f"{printable(path)} holds {printable(name, 40) or 'a tensor'} of {values.dtype} without plain numbers: it "
            "is sparse, quantised or of no device. Store it dense, as float32: torch.save({'mu': mu.to_dense()}, path)."
        ) from error


_OPENERS = {".npz": _npz, ".npy": _npy, ".safetensors": _safetensors, ".pt": _torch, ".pth": _torch}
SUFFIXES = (*_OPENERS, *PICKLES)
