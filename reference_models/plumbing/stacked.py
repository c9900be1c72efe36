"""Stacked digits: three digits as the channels of one image, 1,000 classes of known frequency (VEEGAN, PacGAN).

Metz et al. 2017 (arXiv:1611.02163) stacked MNIST; VEEGAN (arXiv:1705.07761) and PacGAN (arXiv:1712.04086, table 2)
count how many of the 1,000 modes 26,000 generated images reach, as a digit classifier reads the channels one by one,
and the reverse KL of the counts to uniform. `stacked_mnist` stacks MNIST (28 x 28), `stacked_digits` the 8 x 8 digits.

Differs from those: they fix 128,000 stacks once, here the training set is endless: stack i has its three digits from
three independent shuffles, each a full permutation per epoch, so it is a function of (seed, i) and every digit is in
each channel equally often. And the judge's errors, which would invent modes, are allowed for (`judged_modes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.errors import WrongInputError
from ganeval.metrics.modes import count_modes, stacked_hits
from ganeval.records.scores import Score
from reference_models.plumbing.data import Data, resample
from reference_models.plumbing.seeds import derive, generator

STACKED = {"stacked_mnist": "mnist", "stacked_digits": "digits"}  # name -> the digits it is made of
CHANNELS = 3
JUDGED = 26_000  # generated images that the modes are counted in; PacGAN, table 2


@dataclass(frozen=True, eq=False)
class Stacked(Data):
    """An endless training set of stacks. `held_images` are stacks of held-out digits; `images` holds nothing."""

    orders: tuple[Data, ...] = field(kw_only=True)  # the same digits in three orders, one a channel

    @classmethod
    def of(cls, name: str, digits: Data) -> Self:
        """Stacks of the training digits; held-out stacks come from the digits that `digits` has put aside."""
        orders = tuple(replace(digits, seed=derive(digits.seed, name, c), _order={}) for c in range(CHANNELS))
        n = len(digits.held_images)
        rows = [torch.randperm(n, generator=generator(order.seed, "held out")) for order in orders]
        held = torch.cat([digits.held_images[row] for row in rows], dim=1)
        labels = in_one([digits.held_labels[row] for row in rows])
        names = tuple(map("".join, product(digits.class_names, repeat=CHANNELS)))
        return cls(
            name,
            names,
            held[:0],
            labels[:0],
            held,
            labels,
            seed=digits.seed,
            used=f"stacks of {digits.used}, endless",
            orders=orders,
        )

    @cached_property
    def frequencies(self) -> torch.Tensor:
        one = self.orders[0].frequencies
        return torch.einsum("i,j,k->ijk", one, one, one).flatten()

    def batch(self, seen: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        images, labels = zip(*(order.batch(seen, size) for order in self.orders), strict=True)
        return resample(torch.cat(images, dim=1), self.shape), in_one(labels)

    def to(self, device: torch.device) -> Self:
        return replace(super().to(device), orders=tuple(order.to(device) for order in self.orders))

    def only(self, classes: Any) -> Self:
        raise WrongInputError(f"{self.name} is trained on with all its classes; got {classes}. Leave classes empty.")


def in_one(labels: Sequence[torch.Tensor]) -> torch.Tensor:
    """Digits a, b, c of the three channels -> classes 100 a + 10 b + c, (n,)."""
    a, b, c = labels
    return 100 * a + 10 * b + c


def judged_modes(digits: NDArray[np.int64], confusion: NDArray[np.int64]) -> Score:
    """Modes captured by what a judge reads in the three channels, (n, 3), beyond what its errors explain.

    `confusion` (10, 10): the judge's on real digits, true classes in rows. The channels are read one by one, so errors
    are independent and the confusion of the stacks is the threefold Kronecker product. `details`: `naive`, the count
    that is usually published; `reverse_kl`; `missing`.
    """
    whole = confusion.astype(np.int64)
    for _ in range(CHANNELS - 1):
        whole = np.kron(whole, confusion.astype(np.int64))
    return count_modes(stacked_hits(digits), confusion=whole)
