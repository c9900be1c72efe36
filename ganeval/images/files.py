"""A list of encoded images, wherever their bytes lie -> `ImageSet`, decoded when asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import PIL
from numpy.typing import NDArray
from tqdm import tqdm

from ganeval.core.machine import quiet
from ganeval.core.notes import content_key, note, recall
from ganeval.errors import MixedSizesError, WrongInputError, printable
from ganeval.images.decode import decode, header
from ganeval.images.encoded import Encoded
from ganeval.images.fitting import Fit
from ganeval.images.imageset import ImageSet
from ganeval.images.variety import require_variety

MANY = 500  # files, whose headers take longer to read than a note


def from_files(
    names: Sequence[str],
    read: Callable[[str], bytes | Path],
    *,
    fit: Fit | None = None,
    source: str,
    require_unchanged: Callable[[], None],
    outline: Callable[[Sequence[str]], str],
    clocks: Callable[[Sequence[str]], str],
    labels: NDArray[np.int64] | None = None,
    class_names: tuple[str, ...] = (),
    unlabelled: str = "",
) -> ImageSet:
    """All headers are read now, so that mixed sizes are found before anything is measured; pixels are read later. Those
    of many files that nobody has written to since are not read again.

    read, outline, clocks: see `Encoded`. require_unchanged: raises where any of the files has changed.
    fit: what each image goes through when it is decoded. Then sizes may differ; pixels tell the set apart.
    """
    shape = _common_shape(names, read, source, fit) if fit else _known_shape(names, read, source, clocks(names))
    encoded = Encoded(names, read, source, shape, outline, clocks, fit)
    images = ImageSet(
        source,
        len(names),
        encoded.shape,
        encoded.load,
        labels,
        class_names,
        unlabelled,
        require_unchanged=require_unchanged,
        encoded=None if fit else encoded,
    )
    require_variety(images)
    return images


def _known_shape(
    names: Sequence[str], read: Callable[[str], bytes | Path], source: str, written: str
) -> tuple[int, int, int]:
    """The shape that all headers had when these files were `written`, noted then."""
    if len(names) < MANY or not written:
        return _common_shape(names, read, source, None)
    key = content_key({"shape of": written, "decoder": PIL.__version__, "ganeval": version("ganeval")})
    found = recall(key)
    if found is None:
        found = _common_shape(names, read, source, None)
        note(key, found)
    c, h, w = found
    return c, h, w


def _common_shape(
    names: Sequence[str], read: Callable[[str], bytes | Path], source: str, fit: Fit | None
) -> tuple[int, int, int]:
    """(c, h, w) of every image, which `fit` gives them where it is there; one number of channels in any case."""
    firsts: dict[tuple[int, int, int], str] = {}
    for name in tqdm(names, desc="checking images", leave=False, delay=2, disable=quiet()):
        firsts.setdefault(header(read(name), printable(f"{source}/{name}")), name)
    if len(firsts) > 1 and (fit is None or len({c for c, _, _ in firsts}) > 1):
        raise _mixed(source, firsts)
    first = next(iter(firsts))
    return first if fit is None else fit(decode(read(names[0]), printable(f"{source}/{names[0]}"))).shape


def _mixed(source: str, firsts: dict[tuple[int, int, int], str]) -> WrongInputError:
    """Grey among colour goes first: no resizing mends it."""
    one = next(iter(firsts))
    other = min(firsts, key=lambda shape: (shape == one, shape[0] == one[0]))
    said = (
        f"All images of {printable(source)} must have one size; {printable(firsts[one])} is {_size(one)}, "
        f"{printable(firsts[other])} is {_size(other)}."
    )
    if other[0] != one[0]:
        return WrongInputError(
            f"{said} Write all of them in grey, or all in colour (Pillow: image.convert('RGB')), or measure them apart."
        )
    error = MixedSizesError(f"{said} Resize them with antialiasing, or measure them apart.")
    error.side = min(min(h, w) for _, h, w in firsts)
    return error


def _size(shape: tuple[int, int, int]) -> str:
    return f"{shape[1]} x {shape[2]} with {shape[0]} channel{'s' if shape[0] > 1 else ''}"
