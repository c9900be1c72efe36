"""Is this training well? Signals with a direction, each a plain function; none of them is a quality metric.

| signal | healthy | alarm |
|---|---|---|
| `batch_entropy` | near 1 | below 0.75: the batches are not shuffled (class-sorted data, too small a buffer) |
| `diversity` | near 1 | below 0.5: the batch of fakes is much more alike than a batch of reals (collapse) |
| `overfit_ratio` | near 0 | near 1: the discriminator knows the training images by heart |
| D(real) - D(fake) | positive, slowly moving | growing without end: D wins, G learns nothing |
| gradient norms | steady | rising by orders of magnitude: divergence; near 0 for G: D wins |
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch

ENTROPY_ALARM = 0.75
DIVERSITY_ALARM = 0.5
WARM_UP = 10  # log lines before `diversity` may sound: every generator begins with look-alikes


def alarms(values: Mapping[str, float], lines: int) -> dict[str, str]:
    """What is wrong by the table above, by signal, after so many log lines.

    >>> alarms({"batch_entropy": 0.5, "diversity": 0.1}, lines=3)
    {'batch_entropy': 'batch_entropy 0.50 is below 0.75'}
    """
    limits = {"batch_entropy": ENTROPY_ALARM, **({"diversity": DIVERSITY_ALARM} if lines > WARM_UP else {})}
    low = {tag: limit for tag, limit in limits.items() if values.get(tag, math.inf) < limit}
    return {tag: f"{tag} {values[tag]:.2f} is below {limit}" for tag, limit in low.items()}


def batch_entropy(labels: torch.Tensor, frequencies: torch.Tensor) -> torch.Tensor:
    """Entropy of the labels (n,) in one batch over that of the whole data, frequencies (k,): 1 when well shuffled.

    Over log n where that is less, all that a batch can have (1,000 classes in batches of 64). Slightly below 1 in small
    batches (by about (k - 1) / 2n nats before division); 1 where there is one class only.

    >>> batch_entropy(torch.tensor([0, 1, 0, 1]), torch.tensor([0.5, 0.5])).item()
    1.0
    >>> batch_entropy(torch.tensor([1, 1, 1, 1]), torch.tensor([0.5, 0.5])).item()
    0.0
    """
    counts = torch.bincount(labels, minlength=len(frequencies)).double()
    whole = _entropy(frequencies.double()).clamp(max=math.log(len(labels)))
    return _entropy(counts / counts.sum()) / whole if whole > 0 else torch.ones(())


def _entropy(p: torch.Tensor) -> torch.Tensor:
    return torch.special.entr(p).sum()


def diversity(fake: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Mean pairwise pixel distance of the fakes (n, c, h, w) over that of the reals: 0 for one image repeated."""
    spread = torch.pdist(real.flatten(1).float()).mean()
    return torch.pdist(fake.flatten(1).float()).mean() / spread.clamp(min=1e-12)


def overfit_ratio(real: torch.Tensor, held_out: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """r_v of Karras et al. 2020 (arXiv:2006.06676, eq. 1) from D's logits: 0 no overfitting, 1 complete.

    (E D(train) - E D(held out)) / (E D(train) - E D(fake)); meaningless where D cannot tell fakes, so cut to [-1, 2].
    """
    gap = real.mean() - fake.mean()
    return ((real.mean() - held_out.mean()) / gap.clamp(min=1e-3)).clamp(-1, 2)


def gradient_norm(parameters: Iterable[torch.Tensor]) -> torch.Tensor:
    """Euclidean norm of all gradients together."""
    return torch.stack([torch.linalg.vector_norm(p.grad) for p in parameters if p.grad is not None]).norm()
