"""A list of encoded images, wherever their bytes lie -> `ImageSet`, decoded when asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ganeval.core.machine import quiet
from ganeval.errors import WrongInputError, printable
from ganeval.images.decode import header
from ganeval.images.encoded import Encoded
from ganeval.images.imageset import ImageSet
from ganeval.images.variety import require_variety


def from_files(
    names: Sequence[str],
    read: Callable[[str], bytes | Path],
    *,
    source: str,
    require_unchanged: Callable[[], None],
    outline: Callable[[Sequence[str]], str],
    labels: NDArray[np.int64] | None = None,
    class_names: tuple[str, ...] = (),
    unlabelled: str = "",
) -> ImageSet:
    """All headers are read now, so that mixed sizes are found before anything is measured; pixels are read later.

    read, outline: see `Encoded`. require_unchanged: raises where any of the files has changed.
    """
    encoded = Encoded(names, read, source, _common_shape(names, read, source), outline)
    images = ImageSet(
        source,
        len(names),
        encoded.shape,
        encoded.load,
        labels,
        class_names,
        unlabelled,
        require_unchanged=require_unchanged,
        encoded=encoded,
    )
    require_variety(images)
    return images


def _common_shape(names: Sequence[str], read: Callable[[str], bytes | Path], source: str) -> tuple[int, int, int]:
    shape = header(read(names[0]), printable(f"{source}/{names[0]}"))
    for name in tqdm(names[1:], desc="checking images", leave=False, delay=2, disable=quiet()):
        other = header(read(name), printable(f"{source}/{name}"))
        if other != shape:
            raise WrongInputError(
                f"All images of {printable(source)} must have one size; {printable(names[0])} is {_size(shape)}, "
                f"{printable(name)} is {_size(other)}. {_remedy(shape, other)}"
            )
    return shape


def _remedy(shape: tuple[int, int, int], other: tuple[int, int, int]) -> str:
    if shape[1:] != other[1:]:
        return "Resize them with antialiasing, or measure them apart."
    return "Write all of them in grey, or all in colour (Pillow: image.convert('RGB')), or measure them apart."


def _size(shape: tuple[int, int, int]) -> str:
    return f"{shape[1]} x {shape[2]} with {shape[0]} channel{'s' if shape[0] > 1 else ''}"
