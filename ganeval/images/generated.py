"""A generator callable `(n, labels, torch.Generator) -> images`: drawn once, kept in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ganeval.errors import WrongInputError
from ganeval.images.arrays import from_array
from ganeval.images.imageset import ImageSet
from ganeval.images.labels import checked_labels


def from_generator(
    generator: Callable[..., Any], *, n: int | None, labels: Any, seed: int, class_names: tuple[str, ...] = ()
) -> ImageSet:
    """Call the generator once for n images; `labels` (n,) are passed on as an int64 tensor, or None without labels."""
    import torch

    if n is None and labels is None:
        raise WrongInputError(
            "A generator can draw any number of images; pass n=, how many, or labels=, one per image."
        )
    count = len(labels) if n is None else n
    asked = None if labels is None else checked_labels(labels, count, "the generator")
    tensor = None if asked is None else torch.from_numpy(asked)
    drawn = generator(count, tensor, torch.Generator().manual_seed(seed))
    if isinstance(drawn, tuple) and len(drawn) == 2:
        drawn, given = drawn
        asked = checked_labels(given, count, "the generator")
    name = getattr(generator, "__qualname__", None) or type(generator).__name__
    images = from_array(drawn, source=f"generator {name}")
    if len(images) != count:
        raise WrongInputError(f"The generator {name} was asked for {count} images; it returned {len(images)}.")
    array = np.ascontiguousarray(images.array())
    return ImageSet.from_array(array, source=images.source, labels=asked, class_names=class_names)
