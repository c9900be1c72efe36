"""MNIST: 70,000 handwritten digits, 28x28, grey, ink 255 on 0 (LeCun, Bottou, Bengio and Haffner 1998).

Read from the four IDX files, plain or gzipped. IDX is big-endian: two zero bytes, a type byte (8 = uint8), the number
of dimensions, one uint32 per dimension, then the values.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganeval.datasets._read import checked_split, read_bounded
from ganeval.datasets.dataset import Dataset, RemoteFile, Split
from ganeval.errors import WrongInputError

COUNTS = {
    "train": (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
    "test": (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
}
MAX_IDX_BYTES = 64 * 2**20


def read_mnist(split: str, files: Mapping[str, Path]) -> Split:
    """`train` (60,000) or `test` (10,000): images uint8 (n, 1, 28, 28), labels int64 (n,)."""
    image_path, label_path = (files[file.name] for file in FILES[split])
    images, labels = read_idx(image_path), read_idx(label_path)
    if images.shape[1:] != (28, 28) or labels.ndim != 1:
        raise WrongInputError(
            f"MNIST must be images (n, 28, 28) and labels (n,); got {images.shape} in {image_path} and "
            f"{labels.shape} in {label_path}. Fetch the files again."
        )
    return checked_split(str(image_path), images[:, None], labels.astype(np.int64), classes=10, counts=COUNTS[split])


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes, read-only, in the shape its header states."""
    data = read_bounded(path, MAX_IDX_BYTES)
    if len(data) < 4 or data[:3] != b"\0\0\x08" or not 1 <= data[3] <= 3:
        raise WrongInputError(
            f"{path} must be an IDX file of unsigned bytes with 1 to 3 dimensions (it starts 00 00 08 01..03); "
            f"it starts {data[:4].hex(' ') or 'with nothing'}. Fetch it again."
        )
    start = 4 + 4 * data[3]
    header = data[4:start]
    shape = tuple(int(size) for size in np.frombuffer(header[: len(header) // 4 * 4], dtype=">u4"))
    if len(shape) != data[3] or len(data) - start != prod(shape):
        raise WrongInputError(
            f"{path} promises an array of shape {shape}, {prod(shape):,} bytes; {max(0, len(data) - start):,} bytes "
            "follow. It is truncated or damaged; fetch it again."
        )
    return np.frombuffer(data, dtype=np.uint8, offset=start).reshape(shape)


def _file(name: str, sha256: str) -> RemoteFile:
    return RemoteFile(
        name=f"mnist/{name}.gz",
        url=f"https://ossci-datasets.s3.amazonaws.com/mnist/{name}.gz",
        sha256=sha256,
        also=(f"mnist/{name}",),
    )


FILES = {
    "train": (
        _file("train-images-idx3-ubyte", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        _file("train-labels-idx1-ubyte", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
    ),
    "test": (
        _file("t10k-images-idx3-ubyte", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        _file("t10k-labels-idx1-ubyte", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ),
}

DATASET = Dataset(
    name="mnist",
    classes=tuple("0123456789"),
    splits=("train", "test"),
    shape=(1, 28, 28),
    licence="CC BY-SA 3.0",
    read=read_mnist,
    files=FILES,
)
