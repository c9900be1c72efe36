"""What the readers share: bounded reads, and the checks every split must pass."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganeval.core.files import open_regular
from ganeval.datasets.dataset import Split
from ganeval.errors import WrongInputError


def read_bounded(path: Path, limit: int) -> bytes:
    """All bytes of a plain or gzipped file; more than `limit` after unpacking is refused before it fills the memory."""
    with open_regular(path) as stored:
        try:
            data = (gzip.GzipFile(fileobj=stored) if path.suffix == ".gz" else stored).read(limit + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise WrongInputError(f"{path} cannot be read: {error}. Fetch it again.") from error
    if len(data) > limit:
        raise WrongInputError(
            f"{path} must unpack to at most {limit:,} bytes; it holds more. It is not the file meant."
        )
    return data


def checked_split(
    where: str, images: NDArray[np.uint8], labels: NDArray[np.int64], *, classes: int, counts: tuple[int, ...] = ()
) -> Split:
    """A `Split` whose labels fit the images and the classes, and whose class counts are those published, where
    given.
    """
    if len(images) != len(labels):
        raise WrongInputError(f"{where} must hold one label per image; got {len(images)} images, {len(labels)} labels.")
    if len(labels) == 0 or labels.min() < 0 or labels.max() >= classes:
        span = f"{labels.min()}..{labels.max()}" if len(labels) else "none"
        raise WrongInputError(f"{where} must hold labels in 0..{classes - 1}; got {span}. Fetch the file again.")
    found = tuple(np.bincount(labels, minlength=classes).tolist())
    if counts and found != counts:
        raise WrongInputError(
            f"{where} must hold {sum(counts):,} images, by class {counts}; got {len(labels):,}, by class {found}. "
            "Fetch the file again."
        )
    return Split(images, labels)
