"""Questions to the generator itself: does it obey a changed label, is its latent space smooth?

Label swap: the same latents under another label must show the other class. Path length: perceptual path length
(Karras et al. 2019, arXiv:1812.04948, section 4.1) in the embedding of the evaluation's extractor, or by LPIPS.
"""

from __future__ import annotations

import math
from numbers import Integral
from typing import Annotated, Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.core.options import OneOf, Share, Within
from ganeval.errors import UndefinedError
from ganeval.extractors.perceptual import load_lpips
from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.images import image_set
from ganeval.images.generated import asked_of, evaluating, require_callable_so
from ganeval.images.tensors import as_numpy
from ganeval.metrics import metric
from ganeval.numerics.intervals import wilson
from ganeval.records.scores import Score

LPIPS = "lpips"
REPEATED = 32  # images drawn twice to see whether a seed repeats them
ROUNDING = 1.0  # grey levels by which two passes of one network may differ
AT_ONCE = 64  # pairs of images that LPIPS sees together: 50 MB of feature maps at 28 x 28


@runtime_checkable
class LatentGenerator(Protocol):
    """A generator whose latent space can be walked. `decode(z, labels)` returns images, z is (n, latent_dim)
    float32.
    """

    latent_dim: int

    def decode(self, z: torch.Tensor, labels: torch.Tensor | None) -> Any: ...


@metric(
    "label_swap",
    better="higher",
    perfect=None,
    version=1,
    paper="arXiv:1802.05637",
    question="label",
    within=(0, 1),
    needs=("generator", "embed", "logits"),
)
def label_swap(pair: Pair, *, n: Annotated[int, Within(2, 1_000_000)] = 1000) -> Score:
    """Share of latents whose image shows the asked class under a first label and, the latents unchanged, under a
    second.

    n latents, labels balanced over the classifier's classes, the second label drawn among the others. A generator that
    ignores its label gets at most 0.5 (it can be right once), in the mean under 1/k; a classifier's own errors lower
    the ceiling.
    `details`: share that follows each label alone, and share whose predicted class changes at all.

    Returns: [0, 1]. Standard error: binomial, with a Wilson interval. Bias: none.
    Raises: WrongInputError for a classifier with one class; UndefinedError where the protocol's labels="none" says that
    the generator is asked for no class.
    """
    assert pair.fake.logits is not None
    if not pair.asks:
        raise UndefinedError(
            'label_swap asks the generator for classes, and labels="none" says that it is asked for none. Pass '
            'labels="balanced" (--labels balanced) if it takes labels.'
        )
    k = pair.fake.logits.shape[1]
    rng = np.random.default_rng(pair.seed)
    first = np.arange(n) % k
    second = (first + rng.integers(1, k, n)) % k
    _require_repeatable(pair, first[:REPEATED])
    shown = [_predicted(pair, labels) for labels in (first, second)]
    follows = [shown[0] == first, shown[1] == second]
    both = follows[0] & follows[1]
    p = float(both.mean())
    details = {
        "first": float(follows[0].mean()),
        "second": float(follows[1].mean()),
        "changes": float((shown[0] != shown[1]).mean()),
        "classes": k,
    }
    return Score(p, se=math.sqrt(p * (1 - p) / n), interval=wilson(int(both.sum()), n), n=n, details=details)


def _predicted(pair: Pair, labels: np.ndarray) -> np.ndarray:
    """Predicted class of images made with one seed and these labels, so that only the labels differ between calls."""
    logits = _embedded(pair, _drawn(pair, labels), labels).logits
    assert logits is not None
    return logits.argmax(dim=1).cpu().numpy()


def _drawn(pair: Pair, labels: np.ndarray) -> Any:
    assert pair.generator is not None
    require_callable_so(pair.generator, "the generator")
    rng = torch.Generator().manual_seed(pair.seed)
    with evaluating(pair.generator):
        return asked_of(pair.generator, "generator", n=len(labels), labels=torch.from_numpy(labels), rng=rng)


def _require_repeatable(pair: Pair, labels: np.ndarray) -> None:
    """Raise where one seed gives other images the second time: the latents would change together with the label."""
    once, again = (_pixels(_drawn(pair, labels)) for _ in range(2))
    if once.shape != again.shape or np.abs(once - again).mean() > ROUNDING:
        raise UndefinedError(
            "Changing the label and nothing else needs a generator that draws from the torch.Generator it is given; "
            "two calls with one seed gave other images. Pass generator=rng to torch.randn."
        )


def _pixels(drawn: Any) -> NDArray[np.float64]:
    images = drawn[0] if isinstance(drawn, tuple) else drawn
    return as_numpy(images, "the images of the generator").astype(np.float64)


@metric(
    "path_length",
    better="lower",
    perfect=None,
    version=1,
    paper="arXiv:1812.04948",
    question="latent",
    within=(0, math.inf),
    needs=("generator", "embed"),
)
def path_length(
    pair: Pair,
    *,
    n: Annotated[int, Within(2, 1_000_000)] = 1000,
    step: Share = 0.05,
    classes: Annotated[int, Within(0, 100_000)] = 0,
    distance: Annotated[str, OneOf((LPIPS,))] | None = None,
) -> Score:
    """Mean squared change of the embedding per squared step along random great circles between latents.

    E |f(G(slerp(z0, z1; t + step))) - f(G(slerp(z0, z1; t)))|^2 / step^2, t uniform, one label per path. Needs a
    generator with `latent_dim` and `decode(z, labels)` (see `LatentGenerator`). `classes` > 0 draws labels among so
    many. `distance="lpips"` takes LPIPS of the two images in the place of the squared difference, as the paper does; it
    needs published weights (see `lpips`).

    Returns: [0, inf), in squared units of the embedding (of LPIPS: unitless). Lower is smoother; a constant generator
    scores 0, so never read it alone.
    Standard error: of the mean over paths. Bias: none in n.
    Differs from StyleGAN: step 0.05 instead of 1e-4, because uint8 images do not move in a thousandth of a step; the
    extractor's embedding unless LPIPS is asked for; no trimming of the extremes, no cropping or resizing of the images.
    Raises: UnknownNameError for another distance; MissingFileError where the weights of LPIPS are not there.
    """
    generator = pair.generator
    if not isinstance(generator, LatentGenerator):
        raise UndefinedError(
            "Path length needs interpolations between latents: pass a generator object with latent_dim and decode(z, "
            "labels)."
        )
    whole = isinstance(generator.latent_dim, Integral) and not isinstance(generator.latent_dim, bool)
    if not whole or generator.latent_dim < 1:
        raise UndefinedError(f"latent_dim must be a whole number of at least 1; got {generator.latent_dim!r:.60}.")
    g = torch.Generator().manual_seed(pair.seed)
    z0, z1 = (torch.randn(n, int(generator.latent_dim), generator=g) for _ in range(2))
    t = torch.rand(n, 1, generator=g) * (1 - step)
    labels = torch.randint(classes, (n,), generator=g) if classes else None
    with evaluating(generator):
        ends = [walked(generator, slerp(z0, z1, at), labels) for at in (t, t + step)]
    lengths = _moved(pair, ends[0], ends[1], distance) / step**2
    details = {"median": float(np.median(lengths)), "step": step}
    return Score(float(lengths.mean()), se=float(lengths.std(ddof=1) / math.sqrt(n)), n=n, details=details)


def walked(generator: LatentGenerator, z: torch.Tensor, labels: torch.Tensor | None) -> Any:
    """The images that the generator decodes from the latents z (n, d)."""
    return asked_of(generator.decode, "generator's decode", z=z, labels=labels)


def _moved(pair: Pair, before: Any, after: Any, distance: str | None) -> NDArray[np.float64]:
    """(n,) squared differences of the embeddings of two batches of images, or their LPIPS."""
    if distance is None:
        first, second = (_embedded(pair, images, None).embeddings.double() for images in (before, after))
        return (second - first).square().sum(dim=1).cpu().numpy()
    network = pair.once("lpips network", load_lpips).to(pair.fake.embeddings.device)
    first, second = (torch.from_numpy(image_set(images).array()) for images in (before, after))
    parts = [network(a, b) for a, b in zip(first.split(AT_ONCE), second.split(AT_ONCE), strict=True)]
    return torch.cat(parts).double().cpu().numpy()


def slerp(z0: torch.Tensor, z1: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Great-circle interpolation of rows, lengths interpolated linearly; t (n, 1) in [0, 1].

    >>> slerp(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([[0.5]])).round(decimals=4).tolist()
    [[0.707099974155426, 0.707099974155426]]
    """
    length0, length1 = z0.norm(dim=1, keepdim=True), z1.norm(dim=1, keepdim=True)
    a, b = z0 / length0, z1 / length1
    angle = (a * b).sum(dim=1, keepdim=True).clamp(-1 + 1e-7, 1 - 1e-7).acos()
    direction = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
    return direction * (length0 + t * (length1 - length0))


def _embedded(pair: Pair, images: Any, labels: np.ndarray | None) -> Features:
    assert pair.embed is not None
    return pair.embed(images, labels)
