"""A generator callable `(n, labels, torch.Generator) -> images`: drawn once, kept in memory."""

from __future__ import annotations

import inspect
import logging
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ganeval.errors import WrongInputError
from ganeval.images.arrays import checked_array, require_variety
from ganeval.images.imageset import ImageSet
from ganeval.images.labels import checked_labels
from ganeval.images.subset import checked_count
from ganeval.images.tensors import as_numpy

DEPTH = 4  # of objects inside objects in which networks are looked for
AT_ONCE = 500  # images a call: what 50,000 at once would need does not fit everywhere; fixed, since it moves the draws

_log = logging.getLogger(__name__)


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
    require_callable_so(generator, where)
    rng = torch.Generator().manual_seed(seed)
    parts, chosen = [], []
    with torch.no_grad(), evaluating(generator):
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


def require_callable_so(generator: Callable[..., Any], where: str) -> None:
    """Refuse a callable that cannot take (n, labels, torch.Generator), before it fails in the middle of something."""
    try:
        called = generator.forward if hasattr(generator, "register_forward_hook") else generator
        inspect.signature(called).bind(1, None, None)
    except TypeError as error:
        raise WrongInputError(
            f"A generator is called as generator(n, labels, rng) -> images, with rng a torch.Generator; {where} cannot be "
            f"({error}). Wrap it: lambda n, labels, rng: to_uint8(net(torch.randn(n, latent_dim, generator=rng)))."
        ) from None
    except ValueError:  # a builtin without a signature: calling it will tell
        return


@contextmanager
def evaluating(generator: Callable[..., Any]) -> Iterator[None]:
    """The networks of a generator in evaluation mode, each part back in its own mode afterwards.

    In training mode BatchNorm would take its statistics from the images that are drawn, and move with them.
    """
    modules = [part for module in modules_of(generator) for part in module.modules()]
    training = [part for part in modules if part.training]
    if training:
        _log.warning(
            "The generator was in training mode; it is drawn from in evaluation mode, and set back afterwards."
        )
    try:
        for part in training:
            part.training = False
        yield
    finally:
        for part in training:
            part.training = True


def modules_of(generator: Any) -> list[Any]:
    """The `torch.nn.Module`s that a generator is or holds: itself, the object it is bound to, attributes, closures, partials."""
    from torch import nn

    found: list[Any] = []
    seen: set[int] = set()
    waiting = [(generator, DEPTH)]
    while waiting:
        thing, depth = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, nn.Module):
            found.append(thing)
        elif depth:
            waiting += [(part, depth - 1) for part in _held(thing)]
    return found


def _held(thing: Any) -> list[Any]:
    if isinstance(thing, (list, tuple)):
        return list(thing)
    if isinstance(thing, dict):
        return list(thing.values())
    if isinstance(thing, (type, types.ModuleType)):
        return []
    cells = [cell.cell_contents for cell in getattr(thing, "__closure__", None) or () if _is_filled(cell)]
    names = getattr(getattr(thing, "__code__", None), "co_names", ())
    scope = getattr(thing, "__globals__", {})
    inner = [getattr(thing, name, None) for name in ("__self__", "__func__", "__wrapped__", "func", "args", "keywords")]
    return [*cells, *(scope[name] for name in names if name in scope), *filter(None, inner), *_attributes(thing)]


def _attributes(thing: Any) -> list[Any]:
    return list(vars(thing).values()) if hasattr(thing, "__dict__") else []


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:  # a variable that was never set
        return False


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
