"""What people have -> images or features that a network has seen: opened, labelled, cut to n, the same on every rank."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ganeval.classifiers.classifier import Classifier
from ganeval.core.extractor import Extractor
from ganeval.errors import IncomparableError, TooFewSamplesError, WrongInputError
from ganeval.features.extraction import Features, extract, still_gives
from ganeval.features.ranks import ALONE, Ranks
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.images.labels import checked_labels
from ganeval.images.subset import checked_count, checked_seed

Source = ImageSet | Features


@dataclass(frozen=True)
class Setup:
    """Everything between the images and the numbers that a caller may choose."""

    extractor: str | Extractor | None = None
    classifier: str | Extractor | None = None
    labels: Any = None
    n: int | None = None
    seed: int = 0
    device: str = "auto"
    precision: str = "fp32"
    cache: bool = True
    ranks: Ranks = ALONE

    def __post_init__(self) -> None:
        checked_seed(self.seed)
        if self.n is not None:
            checked_count(self.n)


def opened(source: Any, setup: Setup, *, fake: bool = False) -> Source | None:
    """One image set or one set of features; of the fakes only `n`, and with the labels that were asked for."""
    if source is None:
        return None
    if isinstance(source, Features):
        found: Source = source
    elif _is_features(source):
        found = Features.given(source)
    elif callable(source):
        if setup.n is None:
            raise WrongInputError("A generator can draw any number of images; pass n=, how many.")
        return image_set(source, n=setup.n, labels=setup.labels, seed=setup.seed)
    else:
        found = image_set(source)
    if not fake:
        return found
    return _some(_labelled(found, setup.labels), setup)


def _is_features(source: Any) -> bool:
    """A bare (n, d) floating-point array or tensor is rows, not pixels."""
    if isinstance(source, torch.Tensor):
        return source.ndim == 2 and source.is_floating_point()
    return isinstance(source, np.ndarray) and source.ndim == 2 and np.issubdtype(source.dtype, np.floating)


def _labelled(source: Source, labels: Any) -> Source:
    if labels is None:
        return source
    values = checked_labels(labels, len(source), "labels=, one per fake image,")
    if isinstance(source, ImageSet):
        return source.with_labels(values)
    rows = torch.as_tensor(values, device=source.embeddings.device)
    return replace(source, labels=rows, images=source.images and source.images.with_labels(values))


def _some(source: Source, setup: Setup) -> Source:
    if setup.n is None or setup.n == len(source):
        return source
    if setup.n > len(source):
        raise TooFewSamplesError(f"n={setup.n} fakes were asked for; {len(source)} came. Pass more, or a smaller n.")
    rows = np.random.default_rng(setup.seed).permutation(len(source))[: setup.n]
    return source.take(np.sort(rows))


def seen_by(source: Source, network: Extractor | None, setup: Setup) -> Features:
    if isinstance(source, Features):
        if setup.ranks.agree(yes=_made_by(source, network, setup)):
            return source
        source = _images_of(source, network, setup)
    assert network is not None
    return extract(
        source, network, device=setup.device, precision=setup.precision, cache=setup.cache, ranks=setup.ranks
    )


def _made_by(features: Features, network: Extractor | None, setup: Setup) -> bool:
    """Whether this very network made the features: a name can be worn by two, so the first image is asked, too."""
    if network is None:
        return True
    said, passport = _said(network, setup.precision), features.passport
    names = (passport.extractor, passport.weights_sha256, passport.preprocessing, passport.precision)
    return names == said and still_gives(network, features, device=setup.device, precision=setup.precision)


def _said(network: Extractor, precision: str) -> tuple[str, ...]:
    return network.name, network.weights_sha256, network.preprocessing, precision


def _images_of(features: Features, network: Extractor | None, setup: Setup) -> ImageSet:
    """The images behind features of another network, which have to go through this one."""
    assert network is not None
    if features.images is None:
        made, asked = features.passport, ", ".join(part for part in _said(network, setup.precision) if part)
        raise WrongInputError(
            f"The features of {made.source} were made by {made.extractor!r} and bring no images, so {network.name} ({asked}) "
            "cannot look at them. Leave extractor=, classifier= and precision= out, or pass the images."
        )
    return features.images


def require_same_sources(found: Mapping[str, Source | None], setup: Setup) -> None:
    """Every rank must have opened the same images, labels and features, to be looked at by the same networks."""
    if setup.ranks.size == 1:
        return
    facts: dict[str, object] = {"precision": setup.precision}
    for name, source in found.items():
        facts[f"{name} images"], facts[f"the number of {name} images"] = _content(source), source and len(source)
    for name in ("extractor", "classifier"):
        network = getattr(setup, name)
        facts[name] = network if network is None or isinstance(network, str) else _said(network, "")
    setup.ranks.require_same(facts)


def require_one_input(network: Extractor | None, sources: Iterable[Source | None]) -> None:
    """A judge that pools takes images of any size, but what it makes of one size says nothing about another.

    Two shapes are fine where its own preprocessing makes one of them, by resizing or by taking a single channel.
    """
    if not isinstance(network, Classifier):
        return
    shapes = {images.shape: images.source for images in _images_in(sources)}
    if len(shapes) > 1 and len({network.input_shape(shape) for shape in shapes}) > 1:
        listed = ", ".join(f"{name} {shape[1]} x {shape[2]} with {shape[0]} channels" for shape, name in shapes.items())
        raise IncomparableError(
            f"{network.name} must look at images of one shape; got {listed}. Resize one of them with antialiasing, or let "
            "preprocess= resize both."
        )


def shape_of(sources: Iterable[Source | None]) -> tuple[int, int, int] | None:
    """(c, h, w) of the first images among the sources; None where there are only bare features."""
    return next((images.shape for images in _images_in(sources)), None)


def _images_in(sources: Iterable[Source | None]) -> list[ImageSet]:
    found = [source.images if isinstance(source, Features) else source for source in sources]
    return [images for images in found if images is not None]


def _content(source: Source | None) -> str:
    """A line that is equal for two sources only where what they hold is."""
    if source is None or isinstance(source, ImageSet):
        return source.fingerprint if source else ""
    rows = [column for column in (source.embeddings, source.logits, source.labels) if column is not None]
    digests = [hashlib.sha256(column.detach().cpu().double().numpy().tobytes()).hexdigest() for column in rows]
    return f"{replace(source.passport, source='')} {digests}"
