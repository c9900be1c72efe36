"""Augmentation for a discriminator with few images: it sees nothing but changed images, real and generated alike.

`diff` is DiffAugment (Zhao et al. 2020, arXiv:2006.10738): every change is made to every image. `ada` is adaptive
discriminator augmentation (Karras et al. 2020, arXiv:2006.06676): each change is made to each image with probability p,
and p follows a sign of overfitting, r_t = E sign D(real) (eq. 1), up while it is above 0.6 and down while below. The
changes are differentiable in the image, so the generator learns through them; what it draws is never changed.

| change | range | |
|---|---|---|
| brightness | [-0.5, 0.5] added, images being [-1, 1] | not cut to [-1, 1] afterwards: a cut has no gradient |
| saturation | factor [0, 2] around the mean of the channels | three channels only |
| contrast | factor [0.5, 1.5] around the mean of the image | |
| translation | whole pixels, up to 1/8 of each side | |
| cutout | a square of 1/4 of the side | |
| flip | left-right, in half of the cases | not by default: a mirrored digit is no digit |

Differs from DiffAugment: what comes in from outside is -1, the background of ink on black, not 0, which is mid grey;
the square is a quarter of the side and not half, which at 28 pixels hides a whole digit; saturation is left out for
grey images. Differs from the paper's ADA: the changes are those above instead of 18; the ramp is 50,000 images long
instead of 500,000, for data sets of a few hundred images and trainings of some thousand steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch

from ganeval.core.registry import unknown_name
from ganeval.errors import UnknownNameError, WrongInputError

Mode = Literal["none", "diff", "ada"]
TARGET = 0.6  # of r_t; Karras et al. 2020, section 3
INTERVAL = 4  # batches between two adjustments of p; the same
OUTSIDE = -1.0  # what lies beyond the border, and under a cutout
POLICY = ("brightness", "saturation", "contrast", "translation", "cutout")


class Augmenter:
    """Changes images with probability `p` for each change and image; `p` is its state, and belongs into a checkpoint.

    `mode`: none (p = 0, draws no random numbers), diff (p = 1) or ada (p starts at 0 and follows `observe`).
    `ramp`: images after which an ever overfitting discriminator has driven p from 0 to 1.
    """

    def __init__(self, mode: Mode, rng: torch.Generator, *, policy: Sequence[str] = POLICY, ramp: int = 50_000) -> None:
        for name in policy:
            if name not in CHANGES:
                raise UnknownNameError(unknown_name("change of images", name, CHANGES))
        if mode not in ("none", "diff", "ada"):
            raise UnknownNameError(unknown_name("augmentation", mode, ("none", "diff", "ada")))
        self.mode, self.policy, self.ramp = mode, tuple(policy), ramp
        self.p = 1.0 if mode == "diff" else 0.0
        self.r_t = 0.0  # at the last adjustment
        self._rng = rng
        self._signs: list[float] = []

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Float (n, c, h, w) in [-1, 1] -> the same shape, changed; the very same tensor where p is 0."""
        return self._change(images, self._rng)

    def look(self, images: torch.Tensor) -> torch.Tensor:
        """The same with random numbers of its own: for what is only logged and must not move the training."""
        return self._change(images, torch.Generator(images.device).manual_seed(0))

    def observe(self, logits: torch.Tensor) -> None:
        """Hear D's logits of a batch of (changed) real images; adjusts p after every fourth batch in mode ada."""
        if self.mode != "ada":
            return
        self._signs.append(logits.detach().sign().mean().item())
        if len(self._signs) == INTERVAL:
            self.r_t, self._signs = sum(self._signs) / INTERVAL, []
            up = 1 if self.r_t > TARGET else -1
            self.p = min(1.0, max(0.0, self.p + up * INTERVAL * len(logits) / self.ramp))

    def state_dict(self) -> dict[str, Any]:
        return {"mode": self.mode, "p": self.p, "r_t": self.r_t, "signs": list(self._signs)}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        if state["mode"] != self.mode:
            raise WrongInputError(
                f"This augmentation is {self.mode!r}; the state is of {state['mode']!r}. Keep the mode."
            )
        self.p, self.r_t, self._signs = state["p"], state["r_t"], list(state["signs"])

    def _change(self, images: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
        if self.p <= 0:
            return images
        for name in self.policy:
            draws = torch.rand(len(images), 3, 1, 1, 1, generator=rng, device=images.device)
            chosen, first, second = draws.unbind(1)
            images = torch.where(chosen < self.p, CHANGES[name](images, first, second), images)
        return images


def brightness(images: torch.Tensor, u: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    """u (n, 1, 1, 1) uniform in [0, 1), like the second one of each change."""
    return images + (u - 0.5)


def saturation(images: torch.Tensor, u: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    return around(images, images.mean(dim=1, keepdim=True), 2 * u) if images.shape[1] == 3 else images


def contrast(images: torch.Tensor, u: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    return around(images, images.mean(dim=(1, 2, 3), keepdim=True), u + 0.5)


def around(images: torch.Tensor, centre: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    return centre + (images - centre) * factor


def translation(images: torch.Tensor, u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """By whole pixels, each shift up to an eighth of its side as likely as the others."""
    for dim, draw in ((2, u), (3, v)):
        images = shifted(images, dim, within(draw, -(images.shape[dim] // 8), images.shape[dim] // 8))
    return images


def shifted(images: torch.Tensor, dim: int, by: torch.Tensor) -> torch.Tensor:
    """Each image moved by its own number of pixels, (n, 1, 1, 1) integers, along one dimension."""
    size = images.shape[dim]
    source = places(images, dim) - by
    inside = (source >= 0) & (source < size)
    moved = images.gather(dim, source.clamp(0, size - 1).expand(images.shape))
    return moved.where(inside, OUTSIDE)


def cutout(images: torch.Tensor, u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """A square whose centre may lie anywhere: at the border part of it is outside."""
    hidden = torch.ones((), dtype=torch.bool, device=images.device)
    for dim, draw in ((2, u), (3, v)):
        side = max(1, images.shape[dim] // 4)
        start = within(draw, -(side // 2), images.shape[dim] - 1 - side // 2)
        hidden = hidden & (places(images, dim) >= start) & (places(images, dim) < start + side)
    return images.masked_fill(hidden, OUTSIDE)


def flip(images: torch.Tensor, u: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    return torch.where(u < 0.5, images.flip(3), images)


def within(u: torch.Tensor, low: int, high: int) -> torch.Tensor:
    """Uniform [0, 1) -> uniform integers low..high."""
    return low + (u * (high - low + 1)).floor().long()


def places(images: torch.Tensor, dim: int) -> torch.Tensor:
    """0, 1, ... along one dimension, the others 1 wide."""
    shape = [1] * images.ndim
    shape[dim] = -1
    return torch.arange(images.shape[dim], device=images.device).view(shape)


CHANGES: dict[str, Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "brightness": brightness,
    "saturation": saturation,
    "contrast": contrast,
    "translation": translation,
    "cutout": cutout,
    "flip": flip,
}
