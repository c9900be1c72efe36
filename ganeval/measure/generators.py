"""A generator as something that can be asked for more: n -> `Evaluation` of n images, always of the same latents.

The gate and the pytest plugin draw until a rule is decided. One seed gives one stream of latents, cut where n ends, so two
generators that are asked with the same seed, n and labels are asked for the same images: their evaluations can be paired.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.core.extractor import Extractor
from ganeval.core.registry import load_object
from ganeval.errors import WrongInputError
from ganeval.features.extraction import extract, load_extractor
from ganeval.images import image_set
from ganeval.images.generated import AT_ONCE, modules_of
from ganeval.images.imageset import ImageSet
from ganeval.measure.evaluation import evaluate
from ganeval.records.scores import Evaluation


def sampler(
    generator: Callable[..., Any],
    real: Any,
    *,
    train: Any = None,
    heldout: Any = None,
    classifier: str | Extractor | None = None,
    extractor: str | Extractor | None = None,
    metrics: Iterable[str] | None = None,
    labels: str = "balanced",
    seed: int = 0,
    name: str = "",
) -> Callable[[int], Evaluation]:
    """A function that draws n images from `generator` and measures them against `real`.

    train, heldout: as in `ganeval.evaluate`; what copying is measured against.
    generator: `(n, labels, torch.Generator) -> images`. labels: "balanced" asks for the classifier's classes in turn, as many
    of each; "none" passes None. Without a classifier nothing knows the classes, and None is passed.
    """
    opened, trained, held = (
        image_set(images) if isinstance(images, (str, Path)) else images for images in (real, train, heldout)
    )
    names = tuple(metrics) if metrics is not None else None
    classes = len(load_extractor(classifier).class_names) if classifier is not None and labels == "balanced" else 0

    def sample(n: int) -> Evaluation:
        asked = balanced_labels(n, classes) if classes else None
        found = evaluate(
            opened, generator, train=trained, heldout=held, classifier=classifier, extractor=extractor, labels=asked,
            metrics=names, n=n, seed=seed, floor=False, name=name,
        )  # fmt: skip
        return with_latents(found, latents_id(seed, asked), asked)

    return sample


def drawing(
    generator: Callable[..., Any], classifier: str | Extractor | None, labels: str = "balanced"
) -> Callable[[int, int], tuple[NDArray[np.uint8], NDArray[np.int64] | None]]:
    """`(seed, n) -> images, labels`: what `ganeval.gate.calibrate` draws with."""
    classes = len(load_extractor(classifier).class_names) if classifier is not None and labels == "balanced" else 0

    def draw(seed: int, n: int) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
        found = image_set(generator, n=n, labels=balanced_labels(n, classes) if classes else None, seed=seed)
        return found.array(), found.labels

    return draw


def measuring(
    real: Any, *, train: Any = None, heldout: Any = None, classifier: str | Extractor | None = None,
    extractor: str | Extractor | None = None, metrics: Iterable[str] | None = None,
) -> Callable[[NDArray[np.uint8], NDArray[np.int64] | None, str], Evaluation]:  # fmt: skip
    """`(images, labels, latents) -> Evaluation` against one real set; the throw-away images are kept in no cache."""
    known, trained, held = (_seen(images, extractor or classifier or "inception") for images in (real, train, heldout))
    names = tuple(metrics) if metrics is not None else None

    def measure(images: NDArray[np.uint8], labels: NDArray[np.int64] | None, latents: str) -> Evaluation:
        fakes = ImageSet.from_array(images, source="drawn", labels=labels)
        found = evaluate(
            known,
            fakes,
            train=trained,
            heldout=held,
            classifier=classifier,
            extractor=extractor,
            metrics=names,
            floor=False,
            name="drawn",
            cache=False,
        )
        return with_latents(found, latents, labels)

    return measure


def _seen(images: Any, network: str | Extractor) -> Any:
    """The features of a set that is measured against many times; None stays None."""
    opened = image_set(images) if isinstance(images, (str, Path)) else images
    return extract(opened, network) if isinstance(opened, ImageSet) else opened


def with_latents(found: Evaluation, latents: str, asked: NDArray[np.int64] | None) -> Evaluation:
    """Which latents ("" where unknown) and labels the images were drawn for: what pairing and a balanced sample's error need."""
    labels = {} if asked is None else {"asked.label": asked.astype(np.float32)}
    settings = {**found.settings, **({"latents": latents} if latents else {})}
    return replace(found, settings=settings, per_sample={**found.per_sample, **labels})


def balanced_labels(n: int, classes: int) -> NDArray[np.int64]:
    """0, 1, ... classes - 1, 0, 1, ...: the first rows of a longer list are the shorter list.

    >>> balanced_labels(5, 3).tolist()
    [0, 1, 2, 0, 1]
    """
    return np.arange(n, dtype=np.int64) % classes


def latents_id(seed: int, labels: NDArray[np.int64] | None) -> str:
    """Equal strings mean: row by row the same latent and the same label, drawn in calls of the same size."""
    asked = "none" if labels is None else hashlib.sha256(labels.astype("<i8").tobytes()).hexdigest()[:16]
    return f"torch.Generator seed {seed}, {AT_ONCE} a call, labels {asked}"


def load_generator(where: str) -> Callable[..., Any]:
    """The callable that "package.module:function" names; modules of the current folder count."""
    found = load_object(where, "generator")
    if not callable(found):
        raise WrongInputError(f"A generator must be callable, (n, labels, rng) -> images; {where!r} is {found!r}.")
    return found


def perturbed(generator: Callable[..., Any], *, scale: float, seed: int) -> Callable[..., Any] | None:
    """The generator with every weight moved by `scale` of its tensor's spread; None where no weights are to be found.

    The weights are those of `ganeval.images.generated.modules_of`. They are moved for the time of a call only.
    """
    import torch

    parameters = list(dict.fromkeys(p for module in modules_of(generator) for p in module.parameters()))
    if not parameters:
        return None
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        moved = [(p, p.clone(), p + _step(p, rng) * scale) for p in parameters]

    def broken(n: int, labels: Any, drawn_with: torch.Generator) -> Any:
        with torch.no_grad():
            try:
                for parameter, _, other in moved:
                    parameter.copy_(other)
                return generator(n, labels, drawn_with)
            finally:
                for parameter, before, _ in moved:
                    parameter.copy_(before)

    functools.update_wrapper(broken, generator, assigned=("__name__",), updated=())
    return broken


def _step(parameter: Any, rng: Any) -> Any:
    import torch

    spread = parameter.float().std() if parameter.numel() > 1 else parameter.float().abs().sum()
    return (torch.randn(parameter.shape, generator=rng).to(parameter) * spread).to(parameter.dtype)
