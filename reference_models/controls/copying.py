"""Controls that show images which exist: all of the training set, few of it, or some that nobody trained on."""

from __future__ import annotations

from functools import partial

import torch

from ganeval.measure.faults import FAULTS
from reference_models.controls.control import Control, Places, by_class, choose, walk
from reference_models.plumbing.data import Data, to_float
from reference_models.plumbing.sampling import Sampler

FEW = 10  # images of each class that `k_per_class` knows
NOISE = FAULTS["noise"].strength / 127.5  # of `train_plus_noise`, whose images lie in [-1, 1] and not in [0, 255]


def memoriser(data: Data) -> Sampler:
    """Training images in a shuffled order, none twice until a class is used up."""
    return _shown(data, data.images, data.labels)


def held_out_real(data: Data) -> Sampler:
    """Like the memoriser, of images that were held out from training: what a perfect generator would draw."""
    return _shown(data, data.held_images, data.held_labels)


def k_per_class(data: Data, k: int = FEW) -> Sampler:
    """The first `k` training images of each class, over and over."""
    few = [part[:k] for part in by_class(data.images.cpu(), data.labels.cpu(), data, least=k)]
    return Sampler(
        lambda z, labels: to_float(choose(few, z[:, 0], labels)),
        (1,),
        len(few),
        torch.device("cpu"),
        export=data.export,
    )


def train_plus_noise(data: Data, noise: float = NOISE) -> Sampler:
    """Training images with Gaussian noise of standard deviation `noise` on every pixel, cut to the range."""
    parts = by_class(data.images.cpu(), data.labels.cpu(), data)
    return noisy(data, parts, noise)


def noisy(data: Data, parts: list[torch.Tensor], noise: float) -> Sampler:
    """Images of each class, drawn with repetition, under Gaussian noise: `z` is the choice and one number per pixel."""
    c, h, w = data.native

    def draw(z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return to_float(choose(parts, z[:, 0], labels)) + noise * z[:, 1:].view(-1, c, h, w)

    return Sampler(draw, (1 + c * h * w,), len(parts), torch.device("cpu"), export=data.export)


def _shown(data: Data, images: torch.Tensor, labels: torch.Tensor) -> Sampler:
    parts = by_class(images.cpu(), labels.cpu(), data)

    def draw(places: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
        shown = torch.empty(len(asked), *data.native, dtype=torch.uint8)
        for c in asked.unique().tolist():
            mine = asked == c
            shown[mine] = parts[c][walk(len(parts[c]), int(places[0, 0]), c, places[mine, 1])]
        return to_float(shown)

    return Places(draw, (2,), len(parts), torch.device("cpu"), export=data.export)


MEMORISER = Control("memoriser", "copies of training images", memoriser)
HELD_OUT_REAL = Control("held_out_real", "none: real images nobody trained on", held_out_real)
ONE_PER_CLASS = Control("one_per_class", "one training image of each class", partial(k_per_class, k=1))
K_PER_CLASS = Control("k_per_class", f"{FEW} training images of each class", k_per_class)
TRAIN_PLUS_NOISE = Control(
    "train_plus_noise", f"training images under noise, {FAULTS['noise'].how_much}", train_plus_noise
)
