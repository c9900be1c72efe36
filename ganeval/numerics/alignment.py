"""The nearest image among many up to a small change: moved by a few pixels, turned by 5 degrees, mirrored, blurred,
brighter, of another contrast.

Two images are compared by their normalised cross-correlation c (Lewis 1995), which brightness and contrast do not
move, at the best of all views of the first; the distance is sqrt(2 - 2 c), that of the two images scaled to mean 0
and length 1. Images are grey and at most 32 pixels a side; views move by whole pixels of those, and only the inner
window is compared, so that what a shift brings in at the edge is never looked at. Three sieves: main components of
small blurred windows, those windows at all shifts, and the images themselves with turns.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ganeval.numerics.products import product

SIDE = 32  # pixels
REACH, OF_SIDE = 3, 8  # shifts of at most so many pixels, and of at most one in eight
DEGREES = (0.0, -5.0, 5.0)
SOFT, BLURRED, COARSE = 0.7, 1.22, 1.0  # pixels; 1.22 is 0.7 after another blur of 1
PASS = (128, 24)  # images that go through the first and the second sieve
WIDTHS = (SOFT, BLURRED)
COMPONENTS = 48
FLAT = 0.5  # grey levels: an image that varies less shows nothing to compare
ENOUGH = 12  # pixels a side from which on half as many do
AT_ONCE, MADE_AT_ONCE, ROOM = 32, 512, 2**23  # images, images, numbers
TILE = 1024  # images of the gallery whose products stay in the processor's cache
KEPT = 2**26  # numbers: blurred windows that are made once, where there are no more of them

Change = tuple[bool, float, int, int]  # mirrored, degrees, pixels down, pixels to the right


@dataclass(frozen=True, eq=False)
class Nearest:
    """What was found for each image: arrays (n,), and `change` (n,) as a number of `Gallery.changes`."""

    index: NDArray[np.int64]
    distance: NDArray[np.float64]
    ratio: NDArray[np.float64]  # distance over the median distance of the nearest 24: how much this one stands out
    change: NDArray[np.int64]


class Gallery:
    """Images that others are looked for in."""

    def __init__(self, parts: Iterable[NDArray[np.uint8]]) -> None:
        """parts: uint8 (m, c, h, w), one shape; what is kept of each image are some thousand bytes."""
        kept = [(grey.half(), _shrunk(_window(_blur(grey, COARSE)))) for grey in map(small_grey, parts)]
        self.images, self.coarse = (torch.cat(found) for found in zip(*kept, strict=True))
        self.margin = _margin(self.images)
        steps = range(-self.margin, self.margin + 1)
        self.shifts = [(a, b) for a in steps for b in steps]
        self.first = [i for i, (a, b) in enumerate(self.shifts) if a % 2 == b % 2 == 0]
        self.small = [i for i, (a, b) in enumerate(self.shifts) if max(abs(a), abs(b)) <= 1]
        values, axes = torch.linalg.eigh(self.coarse.double().T @ self.coarse.double())
        self.axes = axes[:, values.argsort(descending=True)[:COMPONENTS]].float()
        self.screen = self.coarse @ self.axes
        few = len(self) * self.images[0].numel() * len(WIDTHS) <= KEPT
        self.windows = torch.cat([_blurred(self.images, width) for width in WIDTHS]) if few else None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def changes(self) -> list[Change]:
        """What was done to an image, or to its original, by the number of the view."""
        turns = [(turn, *self.shifts[i]) for turn in DEGREES for i in self._of(turn)]
        return [(mirrored, *turn) for mirrored in (False, True) for turn in turns]

    def _of(self, degrees: float) -> list[int]:
        """The shifts that are tried: all without a turn, else those of one pixel."""
        return list(range(len(self.shifts))) if degrees == 0 else self.small

    def nearest(self, parts: Iterable[NDArray[np.uint8]], own: NDArray[np.int64] | None = None) -> Nearest:
        """parts: uint8 (m, c, h, w). own: (n,) the place of each image in the gallery, which is passed over."""
        found, done = [], 0
        for grey in map(small_grey, parts):
            for batch in grey.split(max(1, min(AT_ONCE, ROOM // (2 * len(self.first) * len(self))))):
                places = None if own is None else torch.from_numpy(own[done : done + len(batch)])
                found.append(self._batch(batch, places))
                done += len(batch)
        index, distance, ratio, change = (np.concatenate(column) for column in zip(*found, strict=True))
        return Nearest(index, distance, ratio, change)

    def _batch(self, grey: torch.Tensor, own: torch.Tensor | None) -> tuple[NDArray, ...]:
        views = torch.cat([self._shifted_small(one) for one in _both(_blur(grey, COARSE))], dim=1)
        alike = self._screened(views[:, [*self.first, *(len(self.shifts) + i for i in self.first)]] @ self.axes)
        if own is not None:
            alike[torch.arange(len(alike)), own] = -torch.inf
        enough = len(self) - (own is not None)
        near = alike.topk(min(PASS[0], enough), dim=1).indices
        alike = torch.bmm(views, self.coarse[near].transpose(1, 2)).amax(dim=1)
        near = near.gather(1, alike.topk(min(PASS[1], enough), dim=1).indices)
        return self._compared(grey, near)

    def _screened(self, looked: torch.Tensor) -> torch.Tensor:
        """The best of the views (b, v, components) for each image of the gallery, (b, n)."""
        rows = looked.flatten(0, 1)
        tiles = (product(rows, some, torch.zeros(len(some))) for some in self.screen.split(TILE))
        return torch.cat([tile.unflatten(0, looked.shape[:2]).amax(dim=1) for tile in tiles], dim=1)

    def _compared(self, grey: torch.Tensor, near: torch.Tensor) -> tuple[NDArray, ...]:
        """Every view (b, v) of the images against what is left of the gallery (b, k)."""
        views = [
            _unit(self._shifted(_turned(one, degrees), self.margin if degrees == 0 else min(1, self.margin)))
            for one in _both(_blur(grey, SOFT))
            for degrees in DEGREES
        ]
        views = torch.cat(views, dim=1)
        alike = torch.maximum(*torch.bmm(views, self._left(near).transpose(1, 2)).chunk(len(WIDTHS), dim=2))
        best, view = alike.max(dim=1)
        distance = (2 - 2 * best.double()).clamp(min=0).sqrt()
        one = distance.argmin(dim=1, keepdim=True)
        nearest, usual = distance.gather(1, one)[:, 0], distance.median(dim=1).values
        ratio = torch.where(usual > 0, nearest / usual.clamp(min=1e-12), torch.zeros(()).double()).round(decimals=4)
        return tuple(x.numpy() for x in (near.gather(1, one)[:, 0], nearest, ratio, view.gather(1, one)[:, 0]))

    def _left(self, near: torch.Tensor) -> torch.Tensor:
        """The windows of these images (b, k), blurred by one width after the other: (b, widths k, pixels)."""
        if self.windows is not None:
            return self.windows[torch.cat([near + i * len(self) for i in range(len(WIDTHS))], dim=1)]
        images = self.images[near.flatten()]
        return torch.cat([_blurred(images, width).unflatten(0, near.shape) for width in WIDTHS], dim=1)

    def _shifted(self, grey: torch.Tensor, reach: int) -> torch.Tensor:
        """(b, shifts of at most `reach`, h, w), in the order of `shifts`."""
        h, w = (size - 2 * self.margin for size in grey.shape[1:])
        beyond = self.margin - reach
        grey = grey[:, beyond : grey.shape[1] - beyond, beyond : grey.shape[2] - beyond]
        return grey.unfold(1, h, 1).unfold(2, w, 1).flatten(1, 2)

    def _shifted_small(self, grey: torch.Tensor) -> torch.Tensor:
        """`_shrunk` of every shift, (b, shifts, pixels); squares of pixels that two shifts share are averaged once."""
        size = [side - 2 * self.margin for side in grey.shape[1:]]
        if min(size) < ENOUGH or any(side % 2 for side in size):  # an odd side ends with half a square
            shifted = self._shifted(grey, self.margin)
            return _shrunk(shifted.flatten(0, 1)).unflatten(0, shifted.shape[:2])
        means, (h, w) = F.avg_pool2d(grey[:, None], 2, stride=1)[:, 0], (side - 1 for side in size)
        return _unit(means.unfold(1, h, 1)[..., ::2].unfold(2, w, 1)[..., ::2].flatten(1, 2))


def _both(grey: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return grey, grey.flip(-1)


def small_grey(images: NDArray[np.uint8]) -> torch.Tensor:
    """uint8 (n, c, h, w) -> float32 (n, h', w'), means of channels and of blocks, 32 or fewer a side.

    >>> tuple(small_grey(np.zeros((2, 3, 64, 48), np.uint8)).shape)
    (2, 32, 24)
    """
    grey = torch.tensor(images).float().mean(dim=1)
    block = math.ceil(max(grey.shape[1:]) / SIDE)
    return F.avg_pool2d(grey[:, None], block)[:, 0] if block > 1 else grey


def _margin(grey: torch.Tensor) -> int:
    return min(REACH, min(grey.shape[1:]) // OF_SIDE)


def _window(grey: torch.Tensor) -> torch.Tensor:
    """The inner part."""
    (h, w), m = grey.shape[1:], _margin(grey)
    return grey[:, m : h - m, m : w - m]


def _unit(window: torch.Tensor) -> torch.Tensor:
    """(..., h, w) -> (..., h w) of mean 0 and length 1; 0 where there is nothing to see."""
    rows = window.flatten(-2)
    rows = rows - rows.mean(dim=-1, keepdim=True)
    length = rows.norm(dim=-1, keepdim=True)
    return rows.div_(length.masked_fill_(length <= FLAT * rows.shape[-1] ** 0.5, torch.inf))


def _blurred(images: torch.Tensor, sigma: float) -> torch.Tensor:
    return torch.cat([_unit(_window(_blur(some.float(), sigma))) for some in images.split(MADE_AT_ONCE)])


def _shrunk(window: torch.Tensor) -> torch.Tensor:
    """The same of half as many pixels a side, where there are enough."""
    small = min(window.shape[1:]) < ENOUGH
    return _unit(window if small else F.avg_pool2d(window[:, None], 2, ceil_mode=True)[:, 0])


def _blur(grey: torch.Tensor, sigma: float) -> torch.Tensor:
    """A Gaussian over five pixels; the edge is repeated."""
    down, along = (_weights(size, sigma) for size in grey.shape[1:])
    return down @ grey @ along.T


@cache
def _weights(size: int, sigma: float) -> torch.Tensor:
    """(size, size): what each pixel adds to each after the blur along one side."""
    offsets = torch.arange(-2, 3)
    weight = torch.exp(-(offsets.float() ** 2) / (2 * sigma**2))
    rows = torch.arange(size)[:, None].expand(size, 5)
    matrix = torch.zeros(size, size)
    return matrix.index_put_((rows, (rows + offsets).clamp(0, size - 1)), (weight / weight.sum()).expand(size, 5), True)


def _turned(grey: torch.Tensor, degrees: float) -> torch.Tensor:
    if degrees == 0:
        return grey
    n, h, w = grey.shape
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix = torch.tensor([[[c, -s * h / w, 0], [s * w / h, c, 0]]])
    grid = F.affine_grid(matrix, [1, 1, h, w], align_corners=False).expand(n, h, w, 2)
    return F.grid_sample(grey[:, None], grid, padding_mode="border", align_corners=False)[:, 0]
