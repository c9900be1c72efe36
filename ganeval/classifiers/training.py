"""The one training loop of the zoo: AdamW (and Muon), warm-up and cosine, a moving average, seeded throughout.

Repeats bit for bit on one machine with one number of threads: every random number comes from generators seeded by
`Recipe.seed`, the order of the images included, and `Recipe.threads` fixes the number of threads while it trains.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm

from ganeval.classifiers.augment import Augment, augment
from ganeval.classifiers.muon import Muon
from ganeval.classifiers.network import Architecture, SmallCNN, new_network
from ganeval.core.machine import quiet
from ganeval.errors import WrongInputError


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, apart from the images."""

    architecture: Architecture
    epochs: float
    seed: int = 0
    batch: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    warmup: float = 0.2  # share of all steps
    label_smoothing: float = 0.0
    mixup: float = 0.0  # Beta(a, a) of Zhang et al. 2018, arXiv:1710.09412; 0 is off
    muon: float = 0.0  # learning rate of Muon, for the weights that a BatchNorm follows; 0: AdamW has them too
    average: float = 0.995  # decay of the moving average of the weights, per step
    bfloat16: bool = False  # arithmetic of the convolutions; weights and averages stay float32
    augment: Augment = field(default_factory=Augment)
    threads: int | None = 1  # None leaves torch's setting; results repeat only for one setting

    def with_steps(self, steps: int, images: int) -> Self:
        """The same recipe, `steps` batches long on a set of this many images."""
        return replace(self, epochs=steps * self.batch / images)


def fit(
    images: torch.Tensor,
    labels: torch.Tensor,
    recipe: Recipe,
    *,
    soft_targets: torch.Tensor | None = None,
    weights: torch.Tensor | None = None,
    start: SmallCNN | None = None,
    progress: str = "",
    device: torch.device | str = "cpu",
) -> SmallCNN:
    """Train on uint8 (n, c, h, w) images and int64 (n,) labels; returns the averaged network, folded, uncalibrated.

    `soft_targets` (n, k), rows summing to one, replace the labels: the distillation of Hinton et al. 2015
    (arXiv:1503.02531) at temperature 1. `weights` (n,) multiply the loss of each image; their mean should be 1.
    `start` is the network to begin with, a new one unless given; what in it asks for no gradient stays.
    `progress` is the text beside the bar on a terminal.
    """
    generator = torch.Generator().manual_seed(recipe.seed)
    network = (start or new_network(recipe.architecture, generator)).to(device).train()
    targets = _targets(labels, recipe, soft_targets)
    targets = (targets if weights is None else targets * weights[:, None]).to(device)
    mixer = np.random.default_rng(recipe.seed)
    steps = max(1, math.ceil(recipe.epochs * len(images) / recipe.batch))
    optimisers = _optimisers(network, recipe)
    average = {name: value.clone() for name, value in network.state_dict().items()}
    batches = _batches(len(images), recipe.batch, steps, generator)
    hidden = not progress or quiet()
    with fixed_threads(recipe.threads):
        for step, rows in enumerate(tqdm(batches, total=steps, desc=progress, disable=hidden)):
            x = augment(images[rows].to(device).float() / 255, recipe.augment, generator)
            y = targets[rows.to(targets.device)]
            if recipe.mixup:
                x, y = _mixed(x, y, mixer.beta(recipe.mixup, recipe.mixup))
            rate = learning_rate_factor(step / steps, recipe.warmup)
            for group in (group for optimiser in optimisers for group in optimiser.param_groups):
                group["lr"] = group["full"] * rate
            _descend(network, optimisers, x, y, bfloat16=recipe.bfloat16)
            _update_average(average, network, recipe.average, step)
        _require_finite(average, recipe)
        network.load_state_dict(average)
        return network.folded()


def learning_rate_factor(done: float, warmup: float) -> float:
    """Rises linearly to 1 over `warmup`, then falls to 0 along a half cosine; `done` in [0, 1).

    >>> [round(learning_rate_factor(t, 0.2), 2) for t in (0.1, 0.2, 0.6, 1.0)]
    [0.5, 1.0, 0.5, 0.0]
    """
    if done < warmup:
        return done / warmup
    return 0.5 + 0.5 * math.cos(math.pi * (done - warmup) / (1 - warmup))


def stratified_split(labels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers (kept, held out), sorted; each class gives `share` of its rows, rounded, but at least one."""
    rng = np.random.default_rng(seed)
    held: list[np.ndarray] = []
    for k in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == k))
        held.append(rows[: max(1, round(share * len(rows)))])
    out = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(len(labels)), out), out


def _targets(labels: torch.Tensor, recipe: Recipe, soft: torch.Tensor | None) -> torch.Tensor:
    hard = F.one_hot(labels.long(), recipe.architecture.classes).float() if soft is None else soft.float()
    return (1 - recipe.label_smoothing) * hard + recipe.label_smoothing / recipe.architecture.classes


def _batches(n: int, size: int, steps: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """`steps` batches of row numbers: shuffled passes over all rows, joined end to end, no row left out."""
    rows = torch.empty(0, dtype=torch.int64)
    for _ in range(steps):
        while len(rows) < size:
            rows = torch.cat([rows, torch.randperm(n, generator=generator)])
        yield rows[:size]
        rows = rows[size:]


def _descend(
    network: SmallCNN, optimisers: Sequence[torch.optim.Optimizer], x: torch.Tensor, y: torch.Tensor, *, bfloat16: bool
) -> None:
    with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=bfloat16):
        _, logits = network(x)
    network.zero_grad(set_to_none=True)
    F.cross_entropy(logits.float(), y).backward()
    for optimiser in optimisers:
        optimiser.step()


def _require_finite(weights: dict[str, torch.Tensor], recipe: Recipe) -> None:
    for name, value in weights.items():
        if not bool(torch.isfinite(value).all()):
            raise WrongInputError(
                f"Training diverged: {name} is not finite after it, with learning rate {recipe.learning_rate}. Lower "
                "it."
            )


def _mixed(x: torch.Tensor, y: torch.Tensor, share: float) -> tuple[torch.Tensor, torch.Tensor]:
    return share * x + (1 - share) * x.flip(0), share * y + (1 - share) * y.flip(0)


def _optimisers(network: SmallCNN, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Each group remembers its `full` rate. Weights decay; biases and BatchNorm's scales do not."""
    learnt = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    turned = [p for name, p in learnt if recipe.muon and p.ndim > 1 and not name.startswith("head")]
    held = {id(p) for p in turned}
    groups = [
        {"params": [p for _, p in learnt if p.ndim > 1 and id(p) not in held], "weight_decay": recipe.weight_decay},
        {"params": [p for _, p in learnt if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimisers: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=recipe.learning_rate)]
    if turned:
        optimisers.append(Muon(turned, lr=recipe.muon))
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["full"] = group["lr"]
    return optimisers


@torch.no_grad()
def _update_average(average: dict[str, torch.Tensor], network: SmallCNN, decay: float, step: int) -> None:
    """The decay rises from 0.1 to its value, so that the random start is forgotten."""
    decay = min(decay, (1 + step) / (10 + step))
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - decay)
        else:
            average[name].copy_(value)


@contextmanager
def fixed_threads(count: int | None) -> Iterator[None]:
    """Within, torch uses `count` threads; None leaves its setting. Sums over threads depend on their number."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
