"""BreastMNIST: 780 breast ultrasound images, 28x28, grey (Yang et al. 2023, MedMNIST v2,
doi:10.1038/s41597-022-01721-8).

Class 0 is malignant, class 1 is normal or benign. The positive class, the one that recall and AUC are about, is
malignant: index 0. The official MedMNIST evaluator takes P(label 1) instead; its AUC is the same number, its recall
is that of the healthy. The splits are not known to be patient-wise.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganeval.datasets._read import checked_split, read_bounded
from ganeval.datasets.dataset import Dataset, RemoteFile, Split
from ganeval.errors import WrongInputError

COUNTS = {"train": (147, 399), "val": (21, 57), "test": (42, 114)}
MAX_BYTES = 16 * 2**20
FILE = RemoteFile(
    name="breastmnist/breastmnist.npz",
    url="https://zenodo.org/records/10519652/files/breastmnist.npz",
    sha256="3a22d2a4625e7dd8903f0f59030e81a3d0c222bece2e5e10927456cb50efdec1",
    also=("breastmnist.npz",),
)


def read_breastmnist(split: str, files: Mapping[str, Path]) -> Split:
    """`train` (546), `val` (78) or `test` (156): images uint8 (n, 1, 28, 28), labels int64 (n,)."""
    path = files[FILE.name]
    images, labels = _arrays(path, f"{split}_images", f"{split}_labels")
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28) or labels.shape != (len(images), 1):
        raise WrongInputError(
            f"{path} must hold uint8 images (n, 28, 28) and labels (n, 1) for {split}; "
            f"got {images.dtype} {images.shape} and {labels.shape}. Fetch the 28x28 file again."
        )
    return checked_split(
        f"{path} ({split})", images[:, None], labels[:, 0].astype(np.int64), classes=2, counts=COUNTS[split]
    )


def _arrays(path: Path, *keys: str) -> list[NDArray[np.uint8]]:
    data = read_bounded(path, MAX_BYTES)
    try:
        _require_bounded(data, path)
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return [arrays[key] for key in keys]
    except WrongInputError:
        raise
    except Exception as error:  # of a damaged header numpy raises tokenizer, memory and overflow errors, too
        raise WrongInputError(f"{path} must be MedMNIST's npz file with {', '.join(keys)}: {error}.") from error


def _require_bounded(data: bytes, path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        unpacked = sum(item.file_size for item in archive.infolist())
    if unpacked > MAX_BYTES:
        raise WrongInputError(
            f"{path} unpacks to {unpacked:,} bytes; at most {MAX_BYTES:,} are expected. Do not trust that file."
        )


DATASET = Dataset(
    name="breastmnist",
    classes=("malignant", "normal or benign"),
    splits=("train", "val", "test"),
    shape=(1, 28, 28),
    licence="CC BY 4.0",
    read=read_breastmnist,
    files=dict.fromkeys(COUNTS, (FILE,)),
    positive=0,
)
