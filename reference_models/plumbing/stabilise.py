"""Three old ways to hold a discriminator back: smoothed targets, flipped targets, noise on what it sees. All on logits.

- One-sided smoothing: real images get the target 0.9, generated ones keep 0: D is never rewarded for certainty
  (Salimans et al. 2016, arXiv:1606.03498, section 3.4).
- Flips: each target is exchanged with its opposite with probability p, independently
  (Chintala et al. 2016, "How to train a GAN").
- Instance noise: real and generated images get normal noise, which fades: the two always overlap
  (Sonderby et al. 2017, arXiv:1610.04490, section 4).

Implementations differ, and two founding mistakes are refused here. Targets drawn from (0.9, 1.1) are not smoothing:
above 1 the cross-entropy falls without end as the logit grows, which rewards the certainty that smoothing is to punish.
And flipping rows that were picked with replacement flips fewer than asked for; here every row has its own coin, and the
realised share is returned so that it can be logged. Smoothing the fakes too (a target above 0) makes the optimal D
depend on the generator's density where there are no real images (Salimans, eq. of section 3.4), hence one side only.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ganeval.errors import WrongInputError


def targets(
    n: int, *, smoothing: float = 0.0, flips: float = 0.0, random: torch.Generator | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """What D shall say of `n` real images and then of `n` generated ones, (2n,), and the share of them flipped.

    Real images have the target 1 - smoothing, generated ones 0; a flipped row has that of the other kind. `random`
    draws the flips, on its own device; without flips it is not touched.

    >>> targets(2, smoothing=0.1)[0].tolist() == [torch.tensor(0.9).item()] * 2 + [0.0] * 2
    True
    """
    require_targets(1 - smoothing)
    if not 0 <= flips <= 1:
        raise WrongInputError(f"The probability of a flip must lie in [0, 1]; got {flips:g}. Start with 0.05.")
    device = random.device if random is not None else torch.device("cpu")
    real = torch.arange(2 * n, device=device) < n
    flipped = torch.zeros_like(real)
    if flips:
        flipped = torch.rand(2 * n, generator=random, device=device) < flips
    return (real ^ flipped).float() * (1 - smoothing), flipped.float().mean()


def cross_entropy(logits: torch.Tensor, target: torch.Tensor | float) -> torch.Tensor:
    """Mean of -t log s(d) - (1 - t) log(1 - s(d)), s the logistic function; targets t in [0, 1],
    one for all or one a row.

    Smallest where s(d) = t: at target 0.9 the logit log 9, and the gradient turns back beyond it.

    >>> round(cross_entropy(torch.zeros(3), 0.9).item(), 4)
    0.6931
    """
    if not isinstance(target, torch.Tensor):
        require_targets(target)
        target = torch.full_like(logits, target)
    return F.binary_cross_entropy_with_logits(logits, target.to(logits))


def require_targets(value: float) -> None:
    if not 0 <= value <= 1:
        raise WrongInputError(
            f"A target must lie in [0, 1]; got {value:g}. Above 1 the cross-entropy has no lower bound: smooth to 0.9."
        )


def fading(start: float, step: int, steps: int, *, until: float = 1.0) -> float:
    """A strength that falls linearly from `start` to 0 when the share `until` of the training is over.

    >>> [fading(0.2, step, 100, until=0.5) for step in (0, 25, 50, 100)]
    [0.2, 0.1, 0.0, 0.0]
    """
    return start * max(0.0, 1 - step / (until * steps)) if start else 0.0


def with_noise(images: torch.Tensor, deviation: float, random: torch.Generator) -> torch.Tensor:
    """The images (n, c, h, w) with independent normal noise of that standard deviation, not cut to their range."""
    if not deviation:
        return images
    noise = torch.randn(images.shape, generator=random, device=random.device, dtype=images.dtype)
    return images + deviation * noise
