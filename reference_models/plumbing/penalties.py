"""What keeps a discriminator smooth: R1 and R2, the WGAN gradient penalty, weight clipping, and a guard for critics.

- `r1`, `r2`: E |grad D(x)|^2 / 2 at real (R1) or generated (R2) images, times gamma
  (Mescheder et al. 2018, arXiv:1801.04406, eq. 9).
- `gradient_penalty`: E (|grad D(x^)| - 1)^2 on lines between real and generated images, times lambda
  (Gulrajani et al. 2017, arXiv:1704.00028, eq. 3).
- `clip_weights`: every parameter cut to [-c, c] after each critic step
  (Arjovsky et al. 2017, arXiv:1701.07875, algorithm 1).

Norms are Euclidean over all pixels and channels of one image; the factor 1/2 belongs to R1 and R2, gamma and lambda to
the caller. `discriminator(images, *conditions)` must treat the rows apart (no batch normalisation), or the gradient of
the sum over the batch is not the gradient of each row. The penalties are differentiable in the weights of D.

Implementations differ: in the place of 1/2 (here as in the paper: inside), in how the point between real and generated
is drawn (a well-known example draws it from a normal distribution, so that it leaves the line; here uniform, one number
per image), and in whether the norm is taken per channel (a known mistake; here over everything but the batch).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

import torch
from torch import nn
from torch.nn.utils import parametrize

from ganeval.errors import WrongInputError

Judge = Callable[..., torch.Tensor]  # (images (n, c, h, w), *conditions) -> (n,) or (n, 1)
WEIGHTED = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d, nn.Embedding)
SQUASHING = (nn.Sigmoid, nn.Softmax, nn.LogSoftmax, nn.LogSigmoid)


def r1(discriminator: Judge, real: torch.Tensor, *conditions: torch.Tensor) -> torch.Tensor:
    """Half the mean squared gradient norm of D at real images (n, c, h, w) (and their labels); a scalar, >= 0.

    >>> round(r1(lambda x: 3 * x.sum(dim=(1, 2, 3)), torch.zeros(2, 1, 1, 2)).item(), 6)
    9.0
    """
    return gradients(discriminator, real, *conditions).square().sum(dim=1).mean() / 2


def r2(discriminator: Judge, fake: torch.Tensor, *conditions: torch.Tensor) -> torch.Tensor:
    """The same at generated images. The generator gets no gradient from it: `fake` is cut from its graph."""
    return r1(discriminator, fake, *conditions)


def gradient_penalty(
    critic: Judge, real: torch.Tensor, fake: torch.Tensor, alpha: torch.Tensor, *conditions: torch.Tensor
) -> torch.Tensor:
    """How far the slope of the critic is from 1 between real and generated images, both (n, c, h, w): E (|grad| - 1)^2.

    `alpha` (n,) in [0, 1] says where on each line: 1 is the real image. `session.uniform(n)` draws it; `between` says
    what is done with it. Differs from much code in the wild: see the module's docstring.

    >>> x = torch.zeros(2, 1, 1, 1)
    >>> gradient_penalty(lambda x: 3 * x.sum(dim=(1, 2, 3)), x, x + 1, torch.tensor([0.2, 0.9])).item()
    4.0
    """
    slopes = gradients(critic, between(real, fake, alpha), *conditions).norm(dim=1)
    return (slopes - 1).square().mean()


def between(real: torch.Tensor, fake: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    """alpha real + (1 - alpha) fake, one alpha (n,) for the whole of each image."""
    if alpha.shape != (len(real),) or real.shape != fake.shape:
        raise WrongInputError(
            f"Real and generated images must have one shape and alpha one number per image; got {tuple(real.shape)}, "
            f"{tuple(fake.shape)} and {tuple(alpha.shape)}. Draw alpha with session.uniform({len(real)})."
        )
    return torch.lerp(fake, real, alpha.to(real.dtype).view(-1, *[1] * (real.ndim - 1)))


def gradients(discriminator: Judge, images: torch.Tensor, *conditions: torch.Tensor) -> torch.Tensor:
    """d D(x_i) / d x_i for each image, (n, c h w), itself differentiable in the weights of D.

    Call it outside of autocast: squares of small gradients vanish in half precision.
    """
    images = images.detach().requires_grad_()
    total = _uncompiled(discriminator)(images, *conditions).sum()
    (gradient,) = torch.autograd.grad(total, images, create_graph=True)
    return gradient.flatten(1)


def _uncompiled(judge: Judge) -> Judge:
    """The network as it was written: what torch has compiled has no second derivative."""
    if isinstance(judge, nn.Module) and judge._compiled_call_impl is not None:  # noqa: SLF001 - torch names no other
        return cast(Judge, judge._call_impl)  # noqa: SLF001 -- as above
    return judge


@torch.no_grad()
def clip_weights(net: nn.Module, bound: float) -> None:
    """Cut every parameter (biases too, as in the paper) to [-bound, bound], in place."""
    for weight in net.parameters():
        weight.clamp_(-bound, bound)


@torch.no_grad()
def share_clipped(net: nn.Module, bound: float) -> torch.Tensor:
    """Share of the parameters that sit at -bound or +bound: near 1, the critic has hardly any freedom left."""
    weights = torch.cat([weight.flatten() for weight in net.parameters()])
    return (weights.abs() >= bound).float().mean()


def require_lipschitz(critic: nn.Module, *, clip: float = 0.0, penalty: float = 0.0) -> None:
    """Refuse a critic whose slope nothing bounds: it needs weight clipping, a gradient penalty or spectral norm.

    Without one of them E D(real) - E D(fake) grows without end and estimates no distance. Spectral normalisation counts
    when every layer with weights has it. A squashed output (sigmoid, softmax) is refused too: the distance is not
    bounded, and gradients vanish where the critic is sure.
    """
    squashed = [name for name, module in critic.named_modules() if isinstance(module, SQUASHING)]
    if squashed:
        raise WrongInputError(
            f"A critic's output must be a real number of any size; layer {squashed[0]!r} squashes it. Remove that "
            "layer."
        )
    bare = [name for name, module in critic.named_modules() if isinstance(module, WEIGHTED) and not _normalised(module)]
    if clip <= 0 and penalty <= 0 and bare:
        raise WrongInputError(
            f"A critic must be Lipschitz; got clip {clip}, penalty {penalty} and no spectral normalisation on layer "
            f"{bare[0]!r}. Set a clip of .01, a gradient penalty of 10, or wrap every layer in spectral_norm."
        )


def _normalised(module: nn.Module) -> bool:
    if not parametrize.is_parametrized(module, "weight"):
        return False
    steps = cast("Iterable[nn.Module]", cast("nn.ModuleDict", module.parametrizations)["weight"])
    kinds = {type(step).__name__ for step in steps}
    return "_SpectralNorm" in kinds
