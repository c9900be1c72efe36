"""A generator callable `(n, labels, torch.Generator) -> images`: drawn once, kept in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ganeval.errors import WrongInputError
from ganeval.images.arrays import checked_array, require_variety
from ganeval.images.imageset import ImageSet
from ganeval.images.labels import checked_labels
from ganeval.images.subset import checked_count
from ganeval.images.tensors import as_numpy

AT_ONCE = 500  # images a call: what 50,000 at once would need does not fit everywhere; fixed, since it moves the draws


def from_generator(
    generator: Callable[..., Any], *, n: int | None, labels: Any, seed: int, class_names: tuple[str, ...] = ()
) -> ImageSet:
    """Call the generator, without gradients, for at most 500 images at a time, with one `torch.Generator` throughout.

    `labels` (n,) are passed on in slices, as int64 tensors; without labels the generator gets None. It returns uint8
    images as an array or tensor (n, h, w), NHWC or NCHW, or a pair of these and the labels that it chose itself.
    """
    import torch

    asked = _asked(n, labels)
    where = f"generator {getattr(generator, '__name__', None) or type(generator).__name__}"
    count = len(asked) if asked is not None else int(n or 0)
    rng = torch.Generator().manual_seed(seed)
    parts, chosen = [], []
    with torch.no_grad():
        for start in range(0, count, AT_ONCE):
            size = min(AT_ONCE, count - start)
            some = None if asked is None else torch.from_numpy(asked[start : start + size])
            images, given = _one_call(generator(size, some, rng), size, where)
            parts.append(images)
            chosen += [] if given is None else [given]
    array = np.concatenate(parts)
    require_variety(array, where)
    final = np.concatenate(chosen) if chosen else asked
    return ImageSet.from_array(array, source=where, labels=final, class_names=class_names)


def _asked(n: int | None, labels: Any) -> Any:
    if n is None and labels is None:
        raise WrongInputError(
            "A generator can draw any number of images; pass n=, how many, or labels=, one per image."
        )
    if n is not None:
        n = checked_count(n)
    if labels is None:
        return None
    values = as_numpy(labels, "Labels of the generator")
    asked = checked_labels(values, len(values) if n is None and values.ndim else n or 0, "the generator")
    if len(asked) == 0:
        raise WrongInputError("labels must name at least one image to draw; got none. Pass one label per image.")
    return asked


def _one_call(drawn: Any, size: int, where: str) -> tuple[Any, Any]:
    images, labels = drawn if isinstance(drawn, tuple) and len(drawn) == 2 else (drawn, None)
    array = _without_ambiguity(images, size, where)
    if len(array) != size:
        raise WrongInputError(
            f"The {where} was asked for {size} images; it returned {len(array)}. Return as many as n says."
        )
    return array, None if labels is None else checked_labels(labels, size, where)


def _without_ambiguity(images: Any, size: int, where: str) -> Any:
    """The number asked for tells three grey images from one in colour."""
    grey = getattr(images, "ndim", 0) == 3 and len(images) == size
    return checked_array(images[:, None] if grey else images, where)
