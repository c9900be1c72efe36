"""What a network makes of fixed noise, in a few digits: tells networks apart whose weights and words are the same.

Weights do not say what is done to an image before it reaches them, nor which activation lies between them: a function
of the user's does, and a function has no name that other machines could compare. Its output has. It is taken in float64
on the CPU and rounded to four digits, so that the same network gives the same words on every machine.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import CodeType, FunctionType

import numpy as np
import torch
from torch import nn

from ganeval.classifiers.classifier import weights_digest

SIDES = (28, 32, 8, 64, 16, 96, 128, 224, 256, 299, 384, 512)  # of the images that networks are usually made for
SHAPES = tuple((c, side, side) for side in SIDES for c in (1, 3))
GREYS = (256, 32)  # bright noise and dark noise
DIGITS = 4

Shape = tuple[int, int, int]
Preprocess = Callable[[torch.Tensor], torch.Tensor]


def behaviour(module: nn.Module, preprocess: Preprocess, shapes: Sequence[Shape] = SHAPES) -> str:
    """The shape of the noise and what came of it: of the first of `shapes` (c, h, w) that the network takes.

    "" where it takes none of them. Neither the network nor a global random state is changed.

    >>> behaviour(nn.Flatten(), lambda x: x / 255) == behaviour(nn.Flatten(), lambda x: x / 255)
    True
    >>> behaviour(nn.Flatten(), lambda x: x / 255) == behaviour(nn.Flatten(), lambda x: x / 256)
    False
    """
    exact = _exact(module)
    for shape in shapes:
        for network in filter(None, (exact, module)):
            if outputs := _outputs(network, preprocess, shape):
                return " ".join([str(shape), *(part for rows in outputs for part in _words(rows))])
    return ""


def code_of(function: object) -> str:
    """A function by what it does and holds, for networks of images of no usual shape; of one Python version only."""
    if isinstance(function, partial):
        return f"{code_of(function.func)} {function.args} {sorted(function.keywords.items())}"
    if isinstance(function, CodeType):
        return f"{function.co_code.hex()} {function.co_names} {[code_of(const) for const in function.co_consts]}"
    if isinstance(function, FunctionType):
        cells = [code_of(cell.cell_contents) for cell in function.__closure__ or ()]
        return f"{code_of(function.__code__)} {cells} {function.__defaults__} {function.__kwdefaults__}"
    if isinstance(function, torch.Tensor | np.ndarray):
        return repr(function.tolist())
    if isinstance(function, nn.Module):
        return f"{weights_digest(function)} {function}"
    held = sorted(getattr(function, "__dict__", {}).items())
    return f"{type(function).__qualname__} {held}" if callable(function) else repr(function)


def _exact(module: nn.Module) -> nn.Module | None:
    try:
        return copy.deepcopy(module).cpu().double().eval()
    except Exception:  # noqa: BLE001 - a module of the user's may refuse to be copied or moved
        return None


def _outputs(network: nn.Module, preprocess: Preprocess, shape: Shape) -> list[torch.Tensor]:
    """What the network gives for two noise images of that shape; nothing where it does not take them."""
    like = next(iter(network.parameters()), torch.zeros(1))
    c, h, w = shape
    rng = np.random.default_rng(0)
    noise = np.concatenate([rng.integers(0, levels, (1, 1, h, w), dtype=np.uint8) for levels in GREYS])
    pixels = torch.from_numpy(np.repeat(noise, c, axis=1)).to(like.device)
    try:
        with torch.inference_mode(), torch.random.fork_rng([]):
            torch.manual_seed(0)
            found = network(preprocess(pixels).to(like.dtype))
    except Exception:  # noqa: BLE001 - whatever a network of the user's raises
        return []
    parts = found if isinstance(found, tuple) else (found,)
    return [part.flatten(1).double().cpu() for part in parts if part is not None]


def _words(rows: torch.Tensor) -> Iterator[str]:
    """The width, and of each row its weighted size and its direction, which no rounding of sums can blur."""
    yield str(rows.shape[1])
    weights = torch.from_numpy(np.random.default_rng(1).uniform(0.5, 1.5, rows.shape[1]))
    for row in rows:
        size = float((weights * row.square()).sum().sqrt())
        along = float((weights.flip(0) * row).sum()) / (size * rows.shape[1] ** 0.5) if size > 0 else 0.0
        yield f"{size:.{DIGITS - 1}e} {along + 0.0:.{DIGITS - 1}f}"
