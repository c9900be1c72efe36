"""A generator callable `(n, labels, torch.Generator) -> images`: drawn block by block, each of them once."""

from __future__ import annotations

import functools
import inspect
import logging
import sys
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from itertools import islice
from typing import Any

import numpy as np
from PIL import Image

from ganeval.core.extras import require
from ganeval.errors import GanevalError, WrongInputError, sentence
from ganeval.images.arrays import checked_array, is_output
from ganeval.images.blocks import Blocks, Call
from ganeval.images.decode import pixels
from ganeval.images.imageset import ImageSet
from ganeval.images.labels import checked_labels
from ganeval.images.latents import BLOCK, TRIAL, seed_of
from ganeval.images.subset import checked_count
from ganeval.images.tensors import as_numpy
from ganeval.images.variety import require_variety

DEPTH = 4  # of objects inside objects in which networks are looked for
MANY = 1000  # things inside one thing that are looked at
NAMES = ("rng", "generator")  # of a torch.Generator among the parameters of a generator
TRIED = 2  # images that processes draw to see whether theirs are the same
SYNCHRONISED = "require_forward_param_sync"  # of DistributedDataParallel: whether a pass asks for rank 0's buffers

_log = logging.getLogger(__name__)
_TOLD: weakref.WeakSet[Any] = weakref.WeakSet()  # networks whose training mode was mentioned


def from_generator(
    generator: Callable[..., Any],
    *,
    n: int | None,
    labels: Any,
    seed: int,
    class_names: tuple[str, ...] = (),
    first: int | None = None,
) -> ImageSet:
    """Call the generator, without gradients, for blocks of 500 images, each with its own `torch.Generator` (`latents`).

    `labels` (n,) are passed on in slices, as int64 tensors; without labels the generator gets None. It returns uint8
    images as an array or tensor (n, h, w), NHWC or NCHW, or a pair of these and the labels that it chose itself.
    first: the first image that this process will look at: a block is then drawn when it is first looked at; left out,
    all of them are drawn now.
    """
    require("torch", what="Drawing from a generator")
    asked = labels_to_draw(n, labels)
    where = f"generator {getattr(generator, '__name__', None) or type(generator).__name__}"
    count = len(asked) if asked is not None else int(n or 0)
    require_callable_so(generator, where)
    call = _caller(generator, where, asked, seed)
    blocks = Blocks(call, count, where)
    at = min(first or 0, count - 1)
    blocks.open(at)
    chosen = blocks.labels if first is None or blocks.chooses else None
    images = ImageSet(
        where,
        count,
        blocks.shape,
        blocks.load,
        asked if chosen is None else chosen,
        class_names,
        block=BLOCK,
        trial=None if first is None else cache(partial(_trial, call, count)),
    )
    opened = images.load(at, at + 1)
    if first is None or opened.min() == opened.max():
        require_variety(images)
    return images


def _caller(generator: Callable[..., Any], where: str, asked: Any, seed: int) -> Call:
    """A function that draws one block of images: (block, start, stop) -> images and their labels."""
    import torch

    def call(block: int, start: int, stop: int) -> tuple[Any, Any]:
        some = None if asked is None else torch.from_numpy(asked[start:stop])
        with evaluating(generator):
            drawn = asked_of(
                generator, where, n=stop - start, labels=some, rng=torch.Generator().manual_seed(seed_of(seed, block))
            )
            return _one_call(drawn, stop - start, where)

    return call


def _trial(call: Call, count: int) -> Any:
    """A few images that are in no set: every process that draws with this generator must draw the same."""
    return call(TRIAL, 0, min(TRIED, count))[0]


def require_callable_so(generator: Callable[..., Any], where: str) -> None:
    """Refuse a callable that cannot take (n, labels, torch.Generator), before it fails in the middle of something."""
    rng = object()
    try:
        called = getattr(generator, "forward") if _is_network(generator) else generator  # noqa: B009
        signature = inspect.signature(called)
        taken = signature.bind(1, None, rng).arguments
    except TypeError as error:
        raise WrongInputError(
            f"A generator is called as generator(n, labels, rng) -> images, with rng a torch.Generator; {where} cannot "
            f"be ({error}). Wrap it: lambda n, labels, rng: to_uint8(net(torch.randn(n, latent_dim, generator=rng)))."
        ) from None
    except ValueError:  # a builtin without a signature: calling it will tell
        return
    named = [name for name in NAMES if name in signature.parameters]
    if named and all(taken.get(name) is not rng for name in named):
        raise WrongInputError(
            f"A generator is called as generator(n, labels, rng) -> images; {where} has it as {named[0]}=. "
            f"Wrap it: lambda n, labels, rng: f(n, {named[0]}=rng), with uint8 images; or, of a pipeline of "
            "diffusers: lambda n, labels, rng: pipe(batch_size=n, generator=rng).images."
        )


def asked_of(function: Callable[..., Any], where: str, **arguments: Any) -> Any:
    """What a function of a generator returns, called by position; an error inside it comes with the call that it failed
    in.
    """
    try:
        return function(*arguments.values())
    except (GanevalError, MemoryError):
        raise
    except Exception as error:
        if "OutOfMemory" in type(error).__name__:
            raise
        call = ", ".join(f"{name}={_short(value)}" for name, value in arguments.items())
        wrap = "; wrap a network: lambda n, labels, rng: to_uint8(net(torch.randn(n, latent_dim, generator=rng)))"
        raise WrongInputError(
            f"The {where} failed when it was called with {call}: {sentence(error)}. It must return uint8 images for "
            f"that{wrap if 'rng' in arguments else ''}."
        ) from error


def _short(value: Any) -> str:
    if hasattr(value, "shape"):
        return f"{value.dtype} {tuple(value.shape)}"
    return f"{value}" if value is None or isinstance(value, int) else f"a {type(value).__name__}"


@contextmanager
def evaluating(generator: Any) -> Iterator[None]:
    """Without gradients, and with the networks of a generator in evaluation mode; each part gets its own mode back.

    In training mode BatchNorm would take its statistics from the images that are drawn, and move with them. A network
    that processes train together draws alone: the others need not be drawing, and would be waited for. Torch is set as
    it was where the measurement began.
    """
    require("torch", what="Drawing from a generator")
    import torch

    from ganeval.numerics.settings import as_called

    roots = modules_of(generator)
    modes = {part: part.training for root in roots for part in root.modules()}
    _say_once([root for root in roots if any(part.training for part in root.modules())])
    joined = [part for part in modes if getattr(part, SYNCHRONISED, False) is True]
    try:
        for part in joined:
            setattr(part, SYNCHRONISED, False)
        for root in roots:
            if root.training:
                root.eval()  # a network may do more than set a flag here: take averaged weights, say
        _set_modes(dict.fromkeys(modes, False))
        with as_called(), torch.no_grad():
            yield
    finally:
        for part in joined:
            setattr(part, SYNCHRONISED, True)
        for root in roots:
            if modes[root]:
                root.train()
        _set_modes(modes)


def _set_modes(modes: dict[Any, bool]) -> None:
    for part, training in modes.items():
        if part.training != training:
            part.training = training


def _say_once(networks: list[Any]) -> None:
    """For each network the first time only: a gate draws from one generator hundreds of times."""
    new = [network for network in networks if network not in _TOLD]
    if new:
        _log.warning(
            "The generator was in training mode; it is drawn from in evaluation mode, and set back afterwards."
        )
    for network in new:
        _TOLD.add(network)


def modules_of(generator: Any) -> list[Any]:
    """The `torch.nn.Module`s that a generator is or holds, outermost first: itself, the object that it is bound to, and
    what is found in attributes, closures, default arguments, partials, containers and the globals that its code names.
    """
    torch = sys.modules.get("torch")
    found: list[Any] = []
    seen: set[int] = set()
    waiting = deque([(generator, DEPTH)])
    while torch is not None and waiting:
        thing, depth = waiting.popleft()
        if id(thing) in seen or type(thing) in weakref.ProxyTypes:  # what a proxy stands for, another thing holds
            continue
        seen.add(id(thing))
        if isinstance(thing, torch.nn.Module):
            found.append(thing)
            seen |= {id(part) for part in thing.modules()}
        if depth:
            waiting += [(part, depth - 1) for part in _held(thing)]
    return found


def _held(thing: Any) -> list[Any]:
    """What a thing refers to, one step away; nothing is called, and no attribute is made up."""
    for kinds, held in _HOLDERS:
        if isinstance(thing, kinds):
            return list(islice(held(thing), MANY))
    slots = [name for kind in type(thing).__mro__ for name in _names(vars(kind).get("__slots__", ()))]
    call = type(thing).__call__ if callable(thing) else None
    return [call, *_attributes(thing), *(getattr(thing, name) for name in slots if hasattr(thing, name))]


def _named_in(function: types.FunctionType) -> list[Any]:
    """Closure, default arguments, what it wraps, and the globals that its code and the code inside it name."""
    cells = [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    names = _names_of(function.__code__)
    scope = [function.__globals__[name] for name in names if name in function.__globals__]
    modules = [thing for thing in scope if isinstance(thing, types.ModuleType)]
    inside = [vars(module)[name] for module in modules for name in names if name in vars(module)]
    return [*cells, *defaults, *scope, *inside, *_attributes(function)]


def _names_of(code: types.CodeType) -> set[str]:
    inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return set(code.co_names).union(*(_names_of(part) for part in inner))


def _names(slots: Any) -> tuple[str, ...]:
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _attributes(thing: Any) -> list[Any]:
    """Those of the object, and the networks and plain values that its own classes keep for all their objects."""
    own = list(vars(thing).values()) if hasattr(thing, "__dict__") else []
    kinds = [kind for kind in type(thing).__mro__ if kind.__module__.partition(".")[0] not in ("builtins", "torch")]
    shared = [value for kind in kinds for value in vars(kind).values()]
    return [*own, *(value for value in shared if _is_network(value) or not callable(value))]


def _is_network(value: Any) -> bool:
    return hasattr(value, "register_forward_hook") and not isinstance(value, type)


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:  # a variable that was never set
        return False


def labels_to_draw(n: int | None, labels: Any) -> Any:
    """What a generator is asked for: int64 (n,), or None where it is asked for n images of no class."""
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
    if isinstance(drawn, tuple) and len(drawn) == 1:
        drawn = drawn[0]
    images, labels = drawn if isinstance(drawn, tuple) and len(drawn) == 2 else (drawn, None)
    if is_output(images):
        raise WrongInputError(f"The {where} returned {type(images).__name__}, which holds images. Return its .images.")
    array = _without_ambiguity(_unpacked(images, where), size, where)
    if len(array) != size:
        raise WrongInputError(
            f"The {where} was asked for {size} images; it returned {len(array)}. Return as many as n says."
        )
    return array, None if labels is None else checked_labels(labels, size, where)


def _unpacked(images: Any, where: str) -> Any:
    """A list of Pillow's images as an array (n, c, h, w), each as a file of it would be read; all else as it is."""
    if not isinstance(images, (list, tuple)) or not any(isinstance(image, Image.Image) for image in images):
        return images
    for number, image in enumerate(images):
        if not isinstance(image, Image.Image):
            raise WrongInputError(
                f"The {where} must return images alone; number {number} is {type(image).__name__}. Return another."
            )
    parts = [pixels(image, f"image {number} of {where}") for number, image in enumerate(images)]
    if len({part.shape for part in parts}) > 1:
        shapes = sorted({part.shape for part in parts})
        raise WrongInputError(f"The {where} must return images of one shape (c, h, w); it returned {shapes}.")
    return np.stack(parts)


def _without_ambiguity(images: Any, size: int, where: str) -> Any:
    """The number asked for tells three grey images from one in colour."""
    grey = getattr(images, "ndim", 0) == 3 and len(images) == size
    return checked_array(images[:, None] if grey else images, where)


_HOLDERS: tuple[tuple[Any, Callable[[Any], Iterable[Any]]], ...] = (
    ((str, bytes, int, float, type, types.ModuleType, np.ndarray, type(None)), lambda _: ()),
    (dict, lambda thing: thing.values()),
    ((list, tuple, set, frozenset, deque), lambda thing: thing),
    (functools.partial, lambda thing: (thing.func, *thing.args, *thing.keywords.values())),
    (types.MethodType, lambda thing: (thing.__self__, thing.__func__)),
    (types.BuiltinMethodType, lambda thing: (thing.__self__,)),
    (types.FunctionType, _named_in),
)
