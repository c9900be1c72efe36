"""What a control is: a name, its known fault, and a function from a data set to something that draws images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ganeval.core.registry import Registry
from ganeval.errors import TooFewSamplesError, WrongInputError
from reference_models.plumbing.data import Data
from reference_models.plumbing.points import Points
from reference_models.plumbing.sampling import BLOCK, Sampler
from reference_models.plumbing.seeds import derive, generator
from reference_models.plumbing.stacked import Stacked


@dataclass(frozen=True, eq=False)
class Control:
    """`make(data)` looks at a data set once and returns what draws from it."""

    name: str
    fault: str  # what is wrong with its images, for people
    make: Callable[[Data], Sampler]


CONTROLS = Registry(Control, "reference_models.controls", "control")


def build(name: str, data: Data) -> Sampler:
    """The control `name` on a data set of labelled images, each class of which must be there.

    >>> from reference_models.plumbing.loading import load_data
    >>> build("one_per_class", load_data("digits"))(torch.tensor([3, 3, 7]).numpy(), seed=0).shape
    (3, 1, 8, 8)
    """
    control = CONTROLS[name]
    if isinstance(data, (Points, Stacked)):
        raise WrongInputError(
            f"{name} is made of labelled images; {data.name} draws without end. Take hoda, mnist or digits."
        )
    return control.make(data)


class Places(Sampler):
    """Draws by a row's place in the sequence instead of by a latent: `draw` gets (BLOCK, 2), the seed and the place."""

    def inputs(self, seed: int, block: int) -> torch.Tensor:
        places = torch.arange(block * BLOCK, (block + 1) * BLOCK)
        return torch.stack([torch.full_like(places, derive(seed, "places")), places], dim=1)


def by_class(images: torch.Tensor, labels: torch.Tensor, data: Data, least: int = 1) -> list[torch.Tensor]:
    """The images of each class, uint8 (n_c, c, h, w), in their old order."""
    parts = [images[labels == c] for c in range(len(data.class_names))]
    for c, part in enumerate(parts):
        if len(part) < least:
            raise TooFewSamplesError(
                f"A control needs images of every class, {least} at least; class {data.class_names[c]!r} of "
                f"{data.name} has {len(part)}."
            )
    return parts


def walk(n: int, seed: int, label: int, places: torch.Tensor) -> torch.Tensor:
    """Which of `n` images of a class is shown at each place: a shuffled order, without repetition as long as it lasts.

    The order holds a prime number of images (at most a few are left out), so that places which follow each other at any
    regular distance, class after class or all classes in turn, visit every one before any comes again.

    >>> len(set(walk(8, 0, 0, torch.arange(7)).tolist())), len(set(walk(8, 0, 0, 10 * torch.arange(7)).tolist()))
    (7, 7)
    """
    size = next(m for m in range(n, 0, -1) if m < 4 or all(m % d for d in range(2, int(m**0.5) + 1)))
    order = torch.randperm(n, generator=generator(seed, "order", label))[:size]
    return order[places % size]


def choose(images: list[torch.Tensor], u: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """For each row one image of its class, chosen with repetition by a standard normal number `u` (n,)."""
    share = torch.special.ndtr(u.double())
    rows = [
        images[int(c)][min(int(s * len(images[int(c)])), len(images[int(c)]) - 1)]
        for s, c in zip(share, labels, strict=True)
    ]
    return torch.stack(rows)
