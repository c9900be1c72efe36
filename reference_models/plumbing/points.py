"""Points in the plane with known modes: three toys, each frozen under a versioned name, sampled without end.

`ring-v1` and `grid-v1` are the mixtures of VEEGAN (Srivastava et al. 2017, arXiv:1705.07761) and PacGAN (Lin et al.
2018, arXiv:1712.04086): 8 Gaussians of standard deviation 0.01 on the unit circle; 25 of 0.05 on {-4, -2, 0, 2, 4}^2.
2,500 points are judged. One is of high quality within three standard deviations of its nearest centre (98.9 % of the
real ones are), and a mode is captured by one such point. `parabola-v1` is (x, x^2) with x uniform on [-1/2, 1/2]: a
point is of high quality within 0.02 of the curve above the interval, and the modes are 20 equal parts of the interval.

Published numbers of one name differ in radius, spread, sample size and rule, so that "GAN" captures 1 mode of the ring
in one paper and 6.3 in the other: compare within a version only.

A point is an image of one pixel, its coordinates the channels: float (n, 2, 1, 1). Like pixels, networks see it over
its reach, in about [-1, 1]; samples come back in the units of the toy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.metrics.modes import count_modes, modes_of_points
from ganeval.numerics.intervals import wilson
from ganeval.records.scores import Score
from reference_models.plumbing.data import Data
from reference_models.plumbing.seeds import generator

SHAPE = (2, 1, 1)  # of one point, as (c, h, w)
JUDGED = 2500  # points that a protocol judges
RADIUS = 3.0  # standard deviations within which a point is of high quality
BLOCK = 4096  # points that are always drawn together
HELD_OUT = 1000  # points put aside to watch the discriminator
PICTURE = 256  # pixels a side


@dataclass(frozen=True, eq=False)
class Toy:
    """A distribution in the plane and how a generator of it is judged: both are what `version` names."""

    name: str
    version: str
    draw: Callable[[int, torch.Generator], torch.Tensor]  # (n, rng) -> (n, 2)
    judge: Callable[[torch.Tensor], Score]  # (n, 2) -> modes captured, with `high_quality` in the details
    reach: float  # largest coordinate of a centre
    window: tuple[float, float, float, float]  # left, right, bottom, top of a picture


@dataclass(frozen=True, eq=False)
class Points(Data):
    """An endless training set of points: point i is a function of (seed, i), and none comes twice."""

    toy: Toy = field(kw_only=True)

    @classmethod
    def of(cls, toy: Toy, seed: int = 0) -> Self:
        held = as_images(toy, toy.draw(HELD_OUT, generator(seed, toy.version, "held out")))
        none, labels = torch.zeros((0, *SHAPE)), torch.zeros(HELD_OUT, dtype=torch.int64)
        return cls(
            toy.name, (toy.name,), none, labels[:0], held, labels, seed=seed, used=f"{toy.version}, endless", toy=toy
        )

    @cached_property
    def frequencies(self) -> torch.Tensor:
        return torch.ones(1, dtype=torch.float64)

    def batch(self, seen: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        blocks = range(seen // BLOCK, -(-(seen + size) // BLOCK))
        drawn = torch.cat([self._block(number) for number in blocks])
        return drawn[seen - blocks[0] * BLOCK :][:size], torch.zeros(size, dtype=torch.int64, device=self.device)

    def held_out(self, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.held_images[:size], self.held_labels[:size]

    def export(self, images: torch.Tensor) -> NDArray[Any]:
        return (images.float() * self.toy.reach).cpu().numpy()

    def _block(self, number: int) -> torch.Tensor:
        if number not in self._order:
            if len(self._order) > 1:  # a batch may end one block and begin the next
                self._order.clear()
            points = self.toy.draw(BLOCK, generator(self.seed, self.toy.version, number))
            self._order[number] = as_images(self.toy, points).to(self.device)
        return self._order[number]

    def only(self, classes: Any) -> Self:
        return replace(self, _order={}) if list(classes) == [0] else super().only(classes)


def as_images(toy: Toy, points: torch.Tensor) -> torch.Tensor:
    """(n, 2) in the toy's units -> (n, 2, 1, 1) over its reach."""
    return points.float()[:, :, None, None] / toy.reach


def measure(toy: Toy, points: NDArray[np.float32]) -> dict[str, float]:
    """A protocol's numbers of (n, 2, 1, 1) points, as a log holds them."""
    score = toy.judge(torch.from_numpy(points).flatten(1))
    quality = score.details["high_quality"]["value"]
    return {"modes": float(score), "high_quality": quality, "reverse_kl": score.details.get("reverse_kl", math.nan)}


def render_points(toy: Toy, points: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A picture uint8 (3, h, w) on white: as many real points in grey, on them the given (n, 2, 1, 1) in blue."""
    picture = np.full((PICTURE, PICTURE, 3), 255, np.uint8)
    real = toy.draw(len(points), generator(0, toy.version, "picture")).numpy()
    for rows, colour in ((real, (205, 205, 205)), (points.reshape(-1, 2), (20, 70, 200))):
        _dot(picture, rows, toy.window, colour)
    return picture.transpose(2, 0, 1)


def _dot(
    picture: NDArray[np.uint8], points: NDArray[np.float32], window: tuple[float, ...], colour: tuple[int, ...]
) -> None:
    left, right, bottom, top = window
    places = (points - (left, bottom)) / (right - left, top - bottom) * (PICTURE - 1)
    columns, heights = places[np.isfinite(places).all(axis=1)].clip(-1, PICTURE).round().astype(int).T
    inside = (columns >= 0) & (columns < PICTURE) & (heights >= 0) & (heights < PICTURE)
    picture[PICTURE - 1 - heights[inside], columns[inside]] = colour


def mixture(name: str, version: str, centres: torch.Tensor, sigma: float) -> Toy:
    """Equal round Gaussians of standard deviation `sigma` at `centres`, (k, 2)."""

    def draw(n: int, rng: torch.Generator) -> torch.Tensor:
        chosen = torch.randint(len(centres), (n,), generator=rng)
        return centres[chosen] + sigma * torch.randn(n, 2, generator=rng)

    def judge(points: torch.Tensor) -> Score:
        return modes_of_points(points, centres, sigma, radius=RADIUS)

    reach = float(centres.abs().max())
    edge = 1.3 * reach
    return Toy(name, version, draw, judge, reach, (-edge, edge, -edge, edge))


PARTS, TOLERANCE = 20, 0.02  # of the parabola's interval; distance in y


def draw_parabola(n: int, rng: torch.Generator) -> torch.Tensor:
    x = torch.rand(n, generator=rng) - 0.5
    return torch.stack([x, x.square()], dim=1)


def judge_parabola(points: torch.Tensor) -> Score:
    """How many of the 20 parts of the curve are reached."""
    x, y = points.double().unbind(1)
    good = (x.abs() <= 0.5) & ((y - x.square()).abs() <= TOLERANCE)
    part = ((x[good] + 0.5) * PARTS).long().clamp(max=PARTS - 1)
    hits, n, k = torch.bincount(part, minlength=PARTS).numpy(), len(points), int(good.sum())
    quality = {"value": k / n, "interval": list(wilson(k, n))}
    if k == 0:
        return Score(0, n=n, details={"possible": PARTS, "high_quality": quality, "hits": hits.tolist()})
    score = count_modes(hits)
    return Score(float(score), n=n, details={**score.details, "high_quality": quality})


_ANGLES = torch.arange(8) * (2 * math.pi / 8)
_LINE = torch.arange(-4.0, 5.0, 2.0)
TOYS = {
    toy.name: toy
    for toy in (
        Toy("parabola", "parabola-v1", draw_parabola, judge_parabola, 0.5, (-0.6, 0.6, -0.1, 0.35)),
        mixture("ring", "ring-v1", torch.stack([_ANGLES.cos(), _ANGLES.sin()], dim=1), 0.01),
        mixture("grid", "grid-v1", torch.cartesian_prod(_LINE, _LINE), 0.05),
    )
}
