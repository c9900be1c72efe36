"""CIFAR-10: 60,000 colour images of 32x32 in ten classes (Krizhevsky 2009), 50,000 `train` and 10,000 `test`.

Read from an archive (.tar.gz, .zip) or a folder that holds one of three packings: the binary version (one label byte
and 3,072 pixel bytes a record), the python version (pickled batches, read by an unpickler that can build uint8 arrays
and nothing else), or images in `split/class/NNNN.png` (or .jpg). JPEG copies are lossy: their numbers differ slightly.
Decoded images are kept in the user cache, under the content of what they were decoded from.
"""

from __future__ import annotations

import hashlib
import io
import pickle  # noqa: TID251 - only through _ArraysOnly, which builds uint8 arrays and nothing else
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganeval.core.files import open_regular
from ganeval.datasets._decoded import kept
from ganeval.datasets._read import checked_split, read_bounded
from ganeval.datasets.dataset import Dataset, RemoteFile, Split
from ganeval.errors import GanevalError, WrongInputError

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
COUNTS = {"train": (5000,) * 10, "test": (1000,) * 10}
BATCHES = {"train": tuple(f"data_batch_{i}" for i in range(1, 6)), "test": ("test_batch",)}
RECORD = 1 + 3072
MAX_ARCHIVE = 400 * 2**20
MAX_BATCH = 64 * 2**20
MAX_IMAGE = 2**16
FORMATS = ("PNG", "JPEG", "BMP")

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]
Read = Callable[[str, int], bytes]  # (name, limit) -> at most limit bytes


def read_cifar10(split: str, files: Mapping[str, Path]) -> Split:
    """Images uint8 (n, 3, 32, 32), labels int64 (n,), in the order of the packing."""
    (path,) = files.values()
    try:
        with _members(path) as (names, read):
            images, labels = _arrays(path, split, names, read)
    except GanevalError:
        raise
    except Exception as error:  # damaged archives and images raise nearly anything
        raise WrongInputError(f"{path} cannot be read as CIFAR-10: {error}. Fetch it again.") from error
    return checked_split(str(path), images, labels, classes=10, counts=COUNTS[split])


@contextmanager
def _members(path: Path) -> Iterator[tuple[list[str], Read]]:
    """The names in an archive or a folder, and a function that reads one; nothing is extracted to disk."""
    if path.is_dir():
        names = sorted(file.relative_to(path.parent).as_posix() for file in path.rglob("*") if file.is_file())
        yield names, lambda name, limit: read_bounded(path.parent / name, limit)
    elif path.suffix == ".zip":
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            yield sorted(archive.namelist()), lambda name, limit: _at_most(limit, name, archive.open(name))
    else:
        with tarfile.open(fileobj=io.BytesIO(read_bounded(path, MAX_ARCHIVE))) as archive:
            files = {member.name: member for member in archive if member.isfile()}
            yield sorted(files), lambda name, limit: _at_most(limit, name, archive.extractfile(files[name]))


def _at_most(limit: int, name: str, file: Any) -> bytes:
    with file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"{name} holds more than {limit:,} bytes")
    return data


def _arrays(path: Path, split: str, names: list[str], read: Read) -> Arrays:
    batches = _batch_names(names, split)
    if batches:
        parts = [(read_binary if n.endswith(".bin") else read_python)(read(n, MAX_BATCH), path) for n in batches]
        return np.concatenate([images for images, _ in parts]), np.concatenate([labels for _, labels in parts])
    names = [name for name in names if _class_of(name, split)][: sum(COUNTS[split]) + 1]
    if not names:
        raise WrongInputError(
            f"{path} must hold {', '.join(BATCHES[split])} (.bin or pickled), or images as {split}/airplane/0000.png; "
            "it holds neither. Fetch it again."
        )
    labels = np.array([CLASSES.index(_class_of(name, split)) for name in names], dtype=np.int64)
    return _images(names, read), labels


def _batch_names(names: list[str], split: str) -> list[str]:
    """The files of the batches of a split, in their order; none where one of them is missing."""
    found = {PurePosixPath(name).name: name for name in names}
    chosen = [found.get(f"{batch}.bin") or found.get(batch) for batch in BATCHES[split]]
    return [name for name in chosen if name] if all(chosen) else []


def read_binary(data: bytes, where: Path) -> Arrays:
    """One batch of the binary version."""
    if not data or len(data) % RECORD:
        raise WrongInputError(
            f"A binary batch of {where} must be a multiple of {RECORD} bytes; it has {len(data):,}. Fetch it again."
        )
    records = np.frombuffer(data, dtype=np.uint8).reshape(-1, RECORD)
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int64)


def read_python(data: bytes, where: Path) -> Arrays:
    """One batch of the python version: a pickled dict with b'data' (n, 3072) uint8 and b'labels', a list of n."""
    try:
        batch = _ArraysOnly(io.BytesIO(data), encoding="bytes").load()
        pixels, labels = batch[b"data"], batch[b"labels"]
    except Exception as error:  # damaged pickles raise nearly anything, too
        raise WrongInputError(
            f"A python batch of {where} cannot be read safely: {error}. Use the binary version."
        ) from error
    if not (isinstance(pixels, np.ndarray) and pixels.dtype == np.uint8 and pixels.shape[1:] == (RECORD - 1,)):
        raise WrongInputError(f"b'data' in {where} must be a uint8 array (n, 3072). Fetch it again.")
    if not (isinstance(labels, list) and all(type(label) is int and 0 <= label < 10 for label in labels)):
        raise WrongInputError(f"b'labels' in {where} must be a list of numbers in 0..9. Fetch it again.")
    return pixels.reshape(-1, 3, 32, 32), np.array(labels, dtype=np.int64)


class _ArraysOnly(pickle.Unpickler):
    """Knows the names that a pickled uint8 array needs, each as a function of ours that makes nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        known = _PICKLED.get((module.replace("numpy._core", "numpy.core"), name))
        if known is None:
            raise pickle.UnpicklingError(f"the file asks for {module}.{name}, which no array needs")
        return known


_NDARRAY = "numpy.ndarray"  # stands for the class, so that the file cannot call it


def _reconstruct(kind: object, shape: object, _code: object) -> NDArray[np.uint8]:
    if kind is not _NDARRAY or shape != (0,):
        raise pickle.UnpicklingError("the file builds an array in an unusual way")
    return np.empty(0, dtype=np.uint8)  # filled, and its size checked, by numpy's __setstate__


def _dtype(name: object, *_: object) -> np.dtype[np.uint8]:
    if name not in ("u1", b"u1"):
        raise pickle.UnpicklingError(f"the file holds an array of {name!r}, not of bytes")
    return np.dtype(np.uint8)


def _encode(text: str, codec: object) -> bytes:
    """How Python 3 writes bytes into a pickle of protocol 2."""
    if codec not in ("latin1", b"latin1"):
        raise pickle.UnpicklingError("the file encodes text in an unusual way")
    return text.encode("latin1")


_PICKLED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _encode,
}


def _class_of(name: str, split: str) -> str:
    path = PurePosixPath(name)
    label, folder = path.parent.name, path.parent.parent.name
    fits = folder == split and label in CLASSES and path.suffix.lower() in (".jpg", ".jpeg", ".png", ".bmp")
    return label if fits else ""


def _images(names: list[str], read: Read) -> NDArray[np.uint8]:
    encoded = [read(name, MAX_IMAGE) for name in names]
    digest = hashlib.sha256(b"cifar10 1")
    for data in encoded:
        digest.update(hashlib.sha256(data).digest())
    return kept(
        digest.hexdigest(),
        (len(names), 3, 32, 32),
        lambda: np.stack([_image(name, data) for name, data in zip(names, encoded, strict=True)]),
    )


def _image(name: str, data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        if image.size != (32, 32) or image.mode != "RGB":
            raise ValueError(f"{name} is {image.size[0]}x{image.size[1]} in mode {image.mode}, not 32x32 RGB")
        return np.asarray(image).transpose(2, 0, 1)


def _file(split: str) -> RemoteFile:
    names = ("cifar-10-python.tar.gz", "cifar-10-batches-bin", "cifar-10-batches-py", "cifar10.zip", "cifar10-jpeg.zip")
    return RemoteFile(
        name="cifar10/cifar-10-binary.tar.gz",
        url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        also=tuple(f"cifar10/{name}" for name in (*names, split)),
    )


DATASET = Dataset(
    name="cifar10",
    classes=CLASSES,
    splits=("train", "test"),
    shape=(3, 32, 32),
    licence="none stated; cite Krizhevsky 2009",
    read=read_cifar10,
    files={split: (_file(split),) for split in COUNTS},
)
