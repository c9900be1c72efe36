"""What a protocol names -> images or features: each source of one measurement is opened here, once.

Of the fakes only `n` are taken, by one rule whatever they are kept in: each class keeps its share
(`ganeval.images.subset`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.classifiers.classifier import Classifier
from ganeval.core.compute import Compute
from ganeval.core.extractor import Extractor
from ganeval.errors import IncomparableError, WrongInputError
from ganeval.features.embedding import EVERYTHING
from ganeval.features.extraction import load_extractor
from ganeval.features.known import outline
from ganeval.features.pair import rows_of
from ganeval.features.ranks import ALONE, Ranks
from ganeval.features.rows import Features
from ganeval.features.statistics import Statistics
from ganeval.images import image_set, is_generator
from ganeval.images.generated import SYNCHRONISED, from_generator, labels_to_draw, modules_of
from ganeval.images.imageset import ImageSet
from ganeval.images.labels import checked_labels
from ganeval.images.latents import BLOCK
from ganeval.images.subset import require_share, stratified_rows
from ganeval.measure.partners import first_partners, partners
from ganeval.measure.references import images_beside, images_of, published
from ganeval.metrics import METRICS, Metric
from ganeval.metrics.probes.generator import LatentGenerator
from ganeval.records.protocol import Protocol
from ganeval.records.scores import Passport

Source = ImageSet | Features


@dataclass(frozen=True)
class Sources:
    """The opened sets by their role, and the generator that metrics may ask for more images."""

    fake: Source
    real: Source | None = None
    train: Source | None = None
    heldout: Source | None = None
    generator: Any = None
    drawn: str = ""  # what chose these fakes among all that there are: "" where all were taken
    moments: Statistics | None = None  # of the real images, for the questions that need no more
    fake_moments: Statistics | None = None  # of the fakes, where these are all there is
    columns: frozenset[str] = EVERYTHING  # to keep, of those that a network gives
    asks: bool = True  # whether the generator may be asked for classes

    @property
    def passports(self) -> list[Passport]:
        """Of all that has been through a network already."""
        found = (self.real, self.fake, self.heldout, self.train, self.moments, self.fake_moments)
        return [one.passport for one in found if isinstance(one, (Features, Statistics))]


def open_sources(
    images: Any,
    protocol: Protocol,
    *,
    labels: Any = None,
    generator: Any = None,
    ranks: Ranks = ALONE,
    metrics: Sequence[Metric] = (),
) -> Sources:
    """Open the fakes and every set that the protocol names. `images` may be absent where there is a generator.

    Nothing is drawn from a generator that is not looked at: of the blocks of images each rank draws its own. metrics:
    what will be asked; of a file with images and statistics only what these need is read.
    """
    if images is None and generator is None:
        raise WrongInputError("Expected generated images or generator=; got neither. Pass one of them.")
    _require_generator(generator)
    if images is None and not callable(generator):
        raise WrongInputError(
            f"A {type(generator).__name__} with latent_dim and decode shows its latent space; it draws no set of "
            "images. Pass generated images beside it."
        )
    source = generator if images is None else images
    few = moments_suffice(protocol)
    real, moments = _reference(protocol.real, metrics, moments=few)
    train, heldout = (opened(getattr(protocol, role), role) for role in ("train", "heldout"))
    asks = protocol.labels != "none" or (is_generator(source) and labels is not None)
    if is_generator(source):
        labels = asked_labels(protocol) if labels is None else labels
        fake: Source = _drawn(source, protocol, labels, ranks)
        drawn = f"seed {protocol.seed}, labels {protocol.labels if fake.labels is not None else 'none'}"
        if protocol.paired:
            real = first_partners(real, fake)
        return Sources(fake, real, train, heldout, generator or source, drawn, moments, asks=asks)
    few = few and protocol.n is None and labels is None
    known = source if isinstance(source, Statistics) else published(source, moments=few)
    if isinstance(known, Statistics) and known.rows is None and known.images_at is None:
        _require_all(known, protocol, labels)
        return Sources(rows_of(known), real, train, heldout, generator, "", moments, known, asks=asks)
    everything = _labelled(opened(source if known is None else known, "the generated set"), labels)
    if protocol.paired:
        real = partners(real, everything, protocol)
    fake = _some(everything, protocol)
    drawn = "" if len(fake) == len(everything) else f"seed {protocol.seed} of {len(everything)}"
    return Sources(fake, real, train, heldout, generator, drawn, moments, asks=asks)


def take_buffers(generator: Any, ranks: Ranks) -> None:
    """Networks that processes train together get the buffers of rank 0 (BatchNorm's running statistics are of the
    images that each process saw), as at their next training step: all ranks then draw with one generator.
    """
    if ranks.size == 1 or not callable(generator):
        return
    parts = (part for network in modules_of(generator) for part in network.modules())
    joined = [part for part in parts if hasattr(part, SYNCHRONISED)]
    buffers = [buffer for network in joined for buffer in network.buffers()]
    ranks.require_same({"the buffers of the generator": [(tuple(one.shape), one.dtype) for one in buffers]})
    for buffer in buffers:
        buffer.copy_(ranks.broadcast(buffer, 0))


def columns_for(metrics: Iterable[Metric], protocol: Protocol) -> frozenset[str]:
    """The columns of a network's rows that somebody looks at: nobody at spatial features but who asks for them, and at
    verdicts only metrics that judge, and whoever names a classifier.
    """
    uses = {need.removeprefix("real_") for metric in metrics for need in metric.needs | metric.wants}
    judged = protocol.classifier is not None or uses & {"logits", "confusion"}
    return frozenset({"embeddings", *({"spatial"} & uses), *(["logits"] if judged else [])})


def moments_suffice(protocol: Protocol) -> bool:
    """Whether nobody asks for more than moments: neither a metric, nor an error, which needs the fakes' rows."""
    asked = [(METRICS[name], protocol.options.get(name, {})) for name in protocol.metrics]
    alone = protocol.classifier is None and protocol.heldout is None and protocol.train is None and not protocol.floor
    return bool(asked) and alone and all(metric.is_content_with_moments(options) for metric, options in asked)


def shares_suffice(protocol: Protocol) -> bool:
    """Whether all that is asked can be worked out where each process keeps its own rows."""
    asked = [(METRICS[name], protocol.options.get(name, {})) for name in protocol.metrics]
    others = (protocol.classifier, protocol.heldout, protocol.train, protocol.extractors or None)
    alone = all(one is None for one in others) and not protocol.floor and not protocol.paired
    return bool(asked) and alone and all(metric.takes_shares(metric.checked(options)) for metric, options in asked)


def _reference(source: Any, metrics: Sequence[Metric], *, moments: bool) -> tuple[Source | None, Statistics | None]:
    """The real images or rows, and their statistics: either may be all there is."""
    known = source if isinstance(source, Statistics) else published(source, moments=moments)
    if not isinstance(known, Statistics):
        return opened(source if known is None else known, "real"), None
    return images_beside(known, metrics), known


def _require_all(known: Statistics, protocol: Protocol, labels: Any) -> None:
    """Of moments no part can be taken, and none of their images has a label."""
    if protocol.n not in (None, known.n) or labels is not None:
        raise WrongInputError(
            f"{known.passport.source} holds moments of {known.n or 'an unknown number of'} images, of which no part "
            "can be taken and none has a label. Leave n= and labels= out, or pass the images."
        )


def _require_generator(generator: Any) -> None:
    if generator is not None and not callable(generator) and not isinstance(generator, LatentGenerator):
        raise WrongInputError(
            "generator= must be callable, (n, labels, rng) -> images, or have latent_dim and decode(z, labels); got "
            f"{type(generator).__name__}. Pass images as the second argument."
        )


def asked_labels(protocol: Protocol) -> NDArray[np.int64] | None:
    """The labels that a generator is asked for: the classifier's classes in turn, or None where nothing names
    classes.
    """
    if protocol.labels == "none" or protocol.classifier is None or protocol.n is None:
        return None
    classes = len(load_extractor(protocol.classifier).class_names)
    return balanced_labels(protocol.n, classes) if classes else None


def balanced_labels(n: int, classes: int) -> NDArray[np.int64]:
    """0, 1, ... classes - 1, 0, 1, ...: the first rows of a longer list are the shorter list.

    >>> balanced_labels(5, 3).tolist()
    [0, 1, 2, 0, 1]
    """
    return np.arange(n, dtype=np.int64) % classes


def _drawn(generator: Any, protocol: Protocol, labels: Any, ranks: Ranks) -> ImageSet:
    if protocol.n is None and labels is None:
        raise WrongInputError("A generator can draw any number of images; pass n=, how many.")
    asked = labels_to_draw(protocol.n, labels)
    count = int(protocol.n or 0) if asked is None else len(asked)
    first = ranks.span(-(-count // BLOCK))[0] * BLOCK
    return from_generator(generator, n=protocol.n, labels=asked, seed=protocol.seed, first=first)


def opened(source: Any, role: str) -> Any:
    """What a protocol or a call names, as images or features; None stays None."""
    found = opened_as_is(source)
    return images_of(found, role) if isinstance(found, Statistics) else found


def opened_as_is(source: Any) -> Any:
    """The same, and statistics where these are named: opened once, for many measurements."""
    if source is None or isinstance(source, (Features, Statistics)):
        return source
    if _is_rows(source):
        return Features.given(source)
    known = published(source)
    return image_set(source) if known is None else known


def _is_rows(source: Any) -> bool:
    """A bare (n, d) floating-point array or tensor is rows of features, not pixels."""
    if isinstance(source, torch.Tensor):
        return source.ndim == 2 and source.is_floating_point()
    return isinstance(source, np.ndarray) and source.ndim == 2 and np.issubdtype(source.dtype, np.floating)


def _labelled(source: Source, labels: Any) -> Source:
    if labels is None:
        return source
    values = checked_labels(labels, len(source), "the generated images")
    if isinstance(source, ImageSet):
        return source.with_labels(values)
    rows = torch.as_tensor(values, device=source.embeddings.device)
    return replace(source, labels=rows, images=source.images and source.images.with_labels(values))


def _some(source: Source, protocol: Protocol) -> Source:
    if protocol.n is None:
        return source
    if isinstance(source, ImageSet):
        return image_set(source, n=protocol.n, seed=protocol.seed)
    require_share(protocol.n, len(source), source.passport.source)
    if protocol.n == len(source):
        return source
    labels = None if source.labels is None else source.labels.cpu().numpy()
    return source.take(stratified_rows(labels, len(source), protocol.n, protocol.seed))


def said_by(network: Extractor, precision: str) -> tuple[str, ...]:
    """What a network says of itself: two that say the same are taken for one."""
    return network.name, network.weights_sha256, network.preprocessing, precision


def require_same_sources(sources: Sources, protocol: Protocol, compute: Compute) -> None:
    """Every rank must have opened the same images, labels and features, to be looked at by the same networks."""
    if compute.ranks is None or compute.ranks.size == 1:
        return
    compute.ranks.require_same(compute.ranks.together(lambda: _facts(sources, protocol)))


def _facts(sources: Sources, protocol: Protocol) -> dict[str, object]:
    facts: dict[str, object] = {"precision": protocol.precision}
    found = {"real": sources.real, "fake": sources.fake, "heldout": sources.heldout, "train": sources.train}
    for name, source in found.items():
        facts[f"{name} images"], facts[f"the number of {name} images"] = _content(source), source and len(source)
    for name, known in (("real", sources.moments), ("fake", sources.fake_moments)):
        facts[f"{name} statistics"] = known and known.content
    for name in ("extractor", "classifier"):
        network = getattr(protocol, name)
        facts[name] = _told(network)
    facts["extractors"] = [_told(network) for network in protocol.extractors]
    return facts


def _told(network: Any) -> object:
    return network if network is None or isinstance(network, str) else said_by(network, "")


def require_one_input(network: Extractor | None, sources: Iterable[Source | None]) -> None:
    """A classifier that pools takes images of any size, but what it makes of one size says nothing about another.

    Two shapes are fine where its own preprocessing makes one of them, by resizing or by taking a single channel.
    """
    if not isinstance(network, Classifier):
        return
    shapes = {images.shape: images.source for images in _images_in(sources)}
    if len(shapes) > 1 and len({network.input_shape(shape) for shape in shapes}) > 1:
        listed = ", ".join(f"{name} {shape[1]} x {shape[2]} with {shape[0]} channels" for shape, name in shapes.items())
        raise IncomparableError(
            f"{network.name} must look at images of one shape; got {listed}. Resize one of them with antialiasing, or "
            "let preprocess= resize both."
        )


def shape_of(sources: Iterable[Source | None]) -> tuple[int, int, int] | None:
    """(c, h, w) of the first images among the sources; None where there are only bare features."""
    return next((images.shape for images in _images_in(sources)), None)


def _images_in(sources: Iterable[Source | None]) -> list[ImageSet]:
    found = [source.images if isinstance(source, Features) else source for source in sources]
    return [images for images in found if images is not None]


def _content(source: Source | None) -> str:
    """A line that is equal for two sources where what they hold is; no image is decoded for it."""
    if source is None or isinstance(source, ImageSet):
        return outline(source) if source else ""
    rows = [column for column in (source.embeddings, source.logits, source.labels) if column is not None]
    digests = [hashlib.sha256(column.detach().cpu().double().numpy().tobytes()).hexdigest() for column in rows]
    return f"{replace(source.passport, source='')} {digests}"
