"""A list of encoded images, wherever their bytes lie -> `ImageSet`, decoded when asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import WrongInputError
from ganeval.images.decode import decode, header
from ganeval.images.imageset import ImageSet

CHECKED_FOR_VARIETY = 64  # a set is taken for constant only when so many of its images are


def from_files(
    names: Sequence[str],
    read: Callable[[str], bytes | Path],
    *,
    source: str,
    labels: NDArray[np.int64] | None = None,
    class_names: tuple[str, ...] = (),
) -> ImageSet:
    """All headers are read now, so that mixed sizes are found before anything is measured; pixels are read later."""
    shape = _common_shape(names, read, source)

    def load(start: int, stop: int) -> NDArray[np.uint8]:
        batch = np.empty((stop - start, *shape), dtype=np.uint8)
        for row, name in enumerate(names[start:stop]):
            batch[row] = decode(read(name), f"{source}/{name}")
        return batch

    images = ImageSet(source, len(names), shape, load, labels, class_names)
    _require_variety(images)
    return images


def _common_shape(names: Sequence[str], read: Callable[[str], bytes | Path], source: str) -> tuple[int, int, int]:
    shape = header(read(names[0]), f"{source}/{names[0]}")
    for name in names[1:]:
        other = header(read(name), f"{source}/{name}")
        if other != shape:
            raise WrongInputError(
                f"All images of {source} must have one size; {names[0]} is {_size(shape)}, {name} is {_size(other)}. "
                "Resize them with antialiasing, or measure them apart."
            )
    return shape


def _size(shape: tuple[int, int, int]) -> str:
    return f"{shape[1]} x {shape[2]} with {shape[0]} channel{'s' if shape[0] > 1 else ''}"


def _require_variety(images: ImageSet) -> None:
    from ganeval.images.arrays import require_variety

    some = images.load(0, min(CHECKED_FOR_VARIETY, len(images)))
    if some.min() == some.max():  # rare: look at all of them before saying so
        require_variety(images.array(), images.source)
