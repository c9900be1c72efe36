"""CIFAR-10: 60,000 colour images of 32x32 in ten classes (Krizhevsky 2009), 50,000 `train` and 10,000 `test`.

Three packings are read: the binary version (one label byte and 3,072 pixel bytes a record), the python version (pickled
batches, read by an unpickler that can build numpy arrays and nothing else), and a zip of `split/class/NNNN.jpg` or .png
images. JPEG copies are lossy: their numbers differ slightly from those of the original set.
"""

from __future__ import annotations

import io
import pickle  # noqa: TID251 - only through _Restricted, which builds numpy arrays and nothing else
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganeval.datasets._read import checked_split, read_bounded
from ganeval.datasets.dataset import Dataset, RemoteFile, Split
from ganeval.errors import WrongInputError

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
COUNTS = {"train": (5000,) * 10, "test": (1000,) * 10}
BATCHES = {"train": tuple(f"data_batch_{i}" for i in range(1, 6)), "test": ("test_batch",)}
RECORD = 1 + 3072
MAX_ARCHIVE = 400 * 2**20
MAX_BATCH = 64 * 2**20
ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode"),
}  # fmt: skip


def read_cifar10(split: str, files: Mapping[str, Path]) -> Split:
    """Images uint8 (n, 3, 32, 32), labels int64 (n,), in the order of the packing."""
    (path,) = files.values()
    images, labels = _zip(path, split) if path.suffix == ".zip" else _tar(path, split)
    return checked_split(str(path), images, labels, classes=10, counts=COUNTS[split])


def _tar(path: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The two official archives: `cifar-10-binary.tar.gz` and `cifar-10-python.tar.gz`; members are read, never extracted."""
    parts = []
    try:
        with tarfile.open(fileobj=io.BytesIO(read_bounded(path, MAX_ARCHIVE))) as archive:
            members = {PurePosixPath(member.name).name: member for member in archive if member.isfile()}
            for name in BATCHES[split]:
                member = members.get(f"{name}.bin") or members.get(name)
                if member is None or member.size > MAX_BATCH:
                    raise WrongInputError(
                        f"{path} must hold {name} or {name}.bin, at most {MAX_BATCH:,} bytes. Fetch it again."
                    )
                file = archive.extractfile(member)
                data = b"" if file is None else file.read(MAX_BATCH + 1)
                parts.append(read_binary(data, path) if member.name.endswith(".bin") else read_python(data, path))
    except (tarfile.TarError, EOFError) as error:
        raise WrongInputError(f"{path} cannot be read as a tar archive: {error}. Fetch it again.") from error
    images, labels = zip(*parts, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def read_binary(data: bytes, where: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """One batch of the binary version."""
    if not data or len(data) % RECORD:
        raise WrongInputError(
            f"A binary batch of {where} must be a multiple of {RECORD} bytes; it has {len(data):,}. Fetch it again."
        )
    records = np.frombuffer(data, dtype=np.uint8).reshape(-1, RECORD)
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int64)


def read_python(data: bytes, where: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """One batch of the python version: a pickled dict with b'data' (n, 3072) uint8 and b'labels'."""
    try:
        batch = _Restricted(io.BytesIO(data), encoding="bytes").load()
        pixels, labels = np.asarray(batch[b"data"]), np.asarray(batch[b"labels"], dtype=np.int64)
    except (pickle.UnpicklingError, KeyError, TypeError, ValueError, AttributeError, IndexError, EOFError) as error:
        raise WrongInputError(
            f"A python batch of {where} cannot be read safely: {error}. Use the binary version."
        ) from error
    if pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.shape[1] != RECORD - 1:
        raise WrongInputError(
            f"b'data' in {where} must be uint8 (n, 3072); got {pixels.dtype} {pixels.shape}. Fetch it again."
        )
    return pixels.reshape(-1, 3, 32, 32), labels


class _Restricted(pickle.Unpickler):
    """Looks up the handful of names that a pickled numpy array needs, and refuses every other one."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"the file asks for {module}.{name}, which no array needs")
        return super().find_class(module, name)


def _zip(path: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """`split/class/NNNN.jpg`; decoded on the spot, about 5 s for the training split."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(n for n in archive.namelist() if _class_of(n, split) is not None)
            images = np.stack(list(_decoded(archive, names))) if names else np.empty((0, 3, 32, 32), np.uint8)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise WrongInputError(f"{path} cannot be read as a zip of 32x32 images: {error}. Pack it again.") from error
    labels = np.array([CLASSES.index(str(_class_of(name, split))) for name in names], dtype=np.int64)
    return images, labels


def _class_of(name: str, split: str) -> str | None:
    path = PurePosixPath(name)
    label, folder = path.parent.name, path.parent.parent.name
    fits = folder == split and label in CLASSES and path.suffix.lower() in (".jpg", ".jpeg", ".png")
    return label if fits else None


def _decoded(archive: zipfile.ZipFile, names: list[str]) -> Iterator[NDArray[np.uint8]]:
    for name in names:
        with archive.open(name) as file, Image.open(io.BytesIO(file.read(2**20))) as image:
            if image.size != (32, 32):
                raise ValueError(f"{name} is {image.size[0]}x{image.size[1]}")
            yield np.asarray(image.convert("RGB")).transpose(2, 0, 1)


FILE = RemoteFile(
    name="cifar10/cifar-10-binary.tar.gz",
    url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    also=("cifar10/cifar-10-python.tar.gz", "cifar10/cifar10-jpeg.zip", "cifar10/cifar10.zip"),
)

DATASET = Dataset(
    name="cifar10",
    classes=CLASSES,
    splits=("train", "test"),
    shape=(3, 32, 32),
    licence="none stated; cite Krizhevsky 2009",
    read=read_cifar10,
    files={"train": (FILE,), "test": (FILE,)},
)
