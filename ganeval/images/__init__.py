"""Anything that people keep images in -> `ImageSet`. One input kind per file; each checks its own kind, here and only here.

Nothing is rescaled, converted or dropped silently: what does not fit is an error that names the item and the remedy.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from ganeval.errors import WrongInputError, guarded
from ganeval.images.imageset import ImageSet

__all__ = ["ImageSet", "image_set"]


@guarded
def image_set(
    source: Any, *, labels: Any = None, n: int | None = None, seed: int = 0, class_names: tuple[str, ...] = ()
) -> ImageSet:
    """Open `source` as uint8 (n, c, h, w) images in [0, 255] with optional integer labels.

    source: a data set's split ("hoda:test"); a folder or a zip of images (flat, one folder per class,
    `<class>_<index>.png`, or with `dataset.json`); an .npz (`arr_0` NHWC, optional `arr_1` labels) or .npy file; a
    numpy array or torch tensor, uint8, (n, h, w), NHWC or NCHW; a torch `Dataset` or `DataLoader`; a generator callable
    `(n, labels, torch.Generator) -> images`, for which n says how many; an `ImageSet`.
    labels: (n,) integers, in place of what the source says. n: only so many images, drawn with `seed`, each class
    keeping its share, in their old order. class_names: names of the labels 0, 1, ...

    Raises: WrongInputError for what breaks the contract, MissingFileError and UnknownNameError for what is not there.

    >>> import numpy as np
    >>> images = image_set(np.arange(32, dtype=np.uint8).reshape(2, 4, 4), labels=[0, 1])
    >>> len(images), images.shape, images.labels.tolist()
    (2, (1, 4, 4), [0, 1])
    """
    from ganeval.images.labels import checked_labels
    from ganeval.images.subset import subset

    if n is not None and (not hasattr(n, "__index__") or isinstance(n, bool) or n < 1):
        raise WrongInputError(f"n= must be a whole number of images, 1 or more; got {n!r}.")
    if _is_generator(source):
        from ganeval.images.generated import from_generator

        return from_generator(source, n=n, labels=labels, seed=seed, class_names=class_names)
    opened = _open(source)
    if labels is not None:
        opened = opened.with_labels(checked_labels(labels, len(opened), opened.source))
    if class_names:
        opened = opened.with_class_names(tuple(class_names))
    return opened if n is None else subset(opened, n, seed)


def _open(source: Any) -> ImageSet:
    if isinstance(source, ImageSet):
        return source
    if isinstance(source, (str, Path)):
        return _open_path(source)
    if hasattr(source, "__array__") or _is_torch(source, "Tensor"):
        from ganeval.images.arrays import from_array

        return from_array(source)
    if _holds_items(source):
        from ganeval.images.loaders import from_dataset

        return from_dataset(source)
    raise WrongInputError(
        "Images must be a folder, zip, npz or npy file, a data set such as 'hoda:test', an array, a tensor, a torch Dataset "
        f"or DataLoader, or a generator callable; got {type(source).__name__}."
    )


def _open_path(source: str | Path) -> ImageSet:
    if not str(source).strip():
        raise WrongInputError("Images must be named: a folder, a file, or a data set such as 'hoda:test'; got ''.")
    path = Path(source)
    if not os.path.exists(path) and isinstance(source, str) and _looks_like_a_split(source):  # noqa: PTH110 - never raises
        from ganeval.images.named import from_name

        return from_name(source)
    if path.suffix.lower() in (".npz", ".npy") and not path.is_dir():
        from ganeval.images.numpy_files import from_numpy_file

        return from_numpy_file(path)
    if path.suffix.lower() == ".zip" and not path.is_dir():
        from ganeval.images.zips import from_zip

        return from_zip(path)
    from ganeval.images.folders import from_folder

    return from_folder(path)


def _looks_like_a_split(text: str) -> bool:
    """A name and a split, "hoda:test"; a Windows drive ("C:/images") has a single letter before the colon."""
    name, colon, split = text.partition(":")
    return bool(colon) and len(name) > 1 and not set(split) & set("/\\")


def _holds_items(source: Any) -> bool:
    no_images = (dict, bytes, bytearray, set)
    return not isinstance(source, no_images) and (hasattr(source, "__getitem__") or hasattr(source, "__iter__"))


def _is_generator(source: Any) -> bool:
    """Callable, and neither an array, a data set nor a class of them."""
    return callable(source) and not hasattr(source, "__array__") and not hasattr(source, "__getitem__")


def _is_torch(source: Any, name: str) -> bool:
    torch = sys.modules.get("torch")  # what came cannot be a tensor if torch was never loaded
    return torch is not None and isinstance(source, getattr(torch, name))
