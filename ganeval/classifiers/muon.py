"""Muon: momentum whose matrices are made orthogonal before they are used (Jordan et al. 2024).

Source: kellerjordan.github.io/posts/muon, and its use on CIFAR-10 in airbench.

An update that a few directions dominate teaches the others slowly; with all its singular values near one it teaches
all alike. Convolutions are read as matrices (outputs, inputs x kernel). Behind a BatchNorm the size of a weight means
nothing, so that each is held at the size it has for unit rows, and the rate says by what share it turns.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch

SERIES = (3.4445, -4.7750, 2.0315)  # the odd polynomial of Newton and Schulz, tuned to lift small singular values fast
ROUNDS = 5
MOMENTUM = 0.8


class Muon(torch.optim.Optimizer):
    """For the weights of convolutions and layers that a BatchNorm follows, (outputs, ...) each."""

    def __init__(self, parameters: Iterable[torch.Tensor], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] - nothing is evaluated again
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                moving = state.setdefault("moving", torch.zeros_like(weight.grad)).mul_(MOMENTUM).add_(weight.grad)
                turn = orthogonal((weight.grad + MOMENTUM * moving).flatten(1)).view_as(weight)
                weight.mul_(len(weight) ** 0.5 / weight.norm())
                weight.sub_(turn, alpha=group["lr"])


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """(m, n) -> U V' of its singular value decomposition, roughly: singular values in about [0.7, 1.2].

    >>> values = torch.linalg.svdvals(orthogonal(torch.diag(torch.tensor([1.0, 0.1, 0.02]))))
    >>> bool(((values > 0.65) & (values < 1.25)).all())
    True
    """
    a, b, c = SERIES
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.mT if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(ROUNDS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x
