"""The same images seen by each network of a protocol: one `Pair` a network, and one with the training images.

The *extractor* gives embeddings: how close two sets are. The *classifier* gives logits: what an image shows. With only
a classifier named it is both, and its pair is one object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ganeval.core.compute import Compute
from ganeval.core.extractor import Extractor
from ganeval.errors import MissingFileError, UndefinedError, WrongInputError
from ganeval.features.embedding import EVERYTHING
from ganeval.features.extraction import extract, load_extractor, networks_at_hand, registered, same_network, still_gives
from ganeval.features.pair import Pair, rows_of, same_classes
from ganeval.features.ranks import ALONE
from ganeval.features.rows import Features
from ganeval.features.statistics import Statistics
from ganeval.features.streaming import stream
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.measure.contact_sheets import require_single_images
from ganeval.measure.references import require_made_by, require_named, require_said, require_width, vouched
from ganeval.measure.sources import (
    Source,
    Sources,
    moments_suffice,
    require_one_input,
    said_by,
    shape_of,
    shares_suffice,
)
from ganeval.metrics import CLASSIFYING, METRICS, Metric
from ganeval.records.protocol import Protocol

INSTEAD = "Or ask for fid or kid, which look with any network."
REMEMBERED = 50_000  # images of a set whose rows are kept although moments suffice: 0.4 GiB of Inception's


@dataclass(frozen=True)
class Pairs:
    """`embedded` and `classified` are one object where one network is both."""

    embedded: Pair
    classified: Pair
    trained: Pair | None = None  # (train, fake) with held-out images, where the training set is known
    by_eye: Mapping[str, Pair | str] = field(default_factory=dict)  # of metrics with an extractor of their own
    seconds: dict[str, float] = field(default_factory=dict, compare=False)  # by metric, as far as they were asked

    def of(self, metric: Metric) -> Pair:
        """The pair that `metric` is a question about; `UndefinedError` where that needs a training set that is not
        known.
        """
        if metric.eye:
            return self._by_eye(metric)
        if metric.against == "train":
            if self.trained is None:
                raise UndefinedError(
                    f"{metric.name} compares with the images that the generator was trained on. Pass train=."
                )
            return self.trained
        if self.trained is not None and "heldout" in metric.wants | metric.needs:
            return self.trained
        return self.classified if metric.needs & CLASSIFYING else self.embedded

    def _by_eye(self, metric: Metric) -> Pair:
        found = self.by_eye.get(metric.eye, f"Name the metric: it is measured with {metric.eye} only when asked for.")
        if isinstance(found, str):
            raise UndefinedError(f"{metric.name} looks with {metric.eye}. {found}")
        return found


def pair_up(sources: Sources, protocol: Protocol, compute: Compute) -> Pairs:
    """Send each image through each network once, and pair the sets by what they are compared as."""
    require_single_images((sources.real, sources.fake, sources.heldout, sources.train))
    asked = (protocol.extractor, protocol.classifier, *protocol.extractors)
    named = next((one for one in asked if one is not None), None)
    first = _default_extractor(sources, protocol) if named is None else named
    sources = _vouched(sources, first, protocol)
    seen = _pair(sources, first, protocol, compute)
    seen.eyes = _eyes(sources, first, protocol, compute)
    two = protocol.classifier is not None and not _one_network(protocol.classifier, first)
    judged = _pair(replace(sources, moments=None), protocol.classifier, protocol, compute) if two else seen
    trained = None if sources.train is None else _trained(sources, seen, first, protocol, compute)
    embedded, judges = same_classes(seen), judged.fake.logits is not None
    classified = embedded if judged is seen and not judges else same_classes(judged, judged=judges)
    by_eye = _by_eye(sources, seen, first, protocol, compute)
    if trained is not None:
        trained = embedded if trained is seen else same_classes(trained)
    return Pairs(embedded, classified, trained, by_eye)


def _by_eye(sources: Sources, seen: Pair, first: Any, protocol: Protocol, compute: Compute) -> dict[str, Pair | str]:
    """What each extractor sees that a metric is defined by; where weights are missing, the sentence that says so."""
    plain, found = replace(sources, heldout=None, moments=None), {}
    bare = first is None and all(passport.extractor == "given" for passport in sources.passports)
    for eye in dict.fromkeys(METRICS[name].eye for name in protocol.metrics if METRICS[name].eye):
        try:
            its_own = bare or _one_network(eye, first)  # rows that name no network are taken at their word
            found[eye] = seen if its_own else _pair(plain, eye, protocol.with_(metrics=()), compute)
        except (MissingFileError, WrongInputError) as error:
            found[eye] = _without_classifiers(str(error), sources)
    return found


def _without_classifiers(said: str, sources: Sources) -> str:
    """What is wrong with a network that the metric is defined by: no other one would do, but another metric would."""
    shape = shape_of((sources.real, sources.fake))
    offered = "" if shape is None else networks_at_hand(shape)
    return said.replace(offered, INSTEAD) if offered else said


def _eyes(sources: Sources, first: Any, protocol: Protocol, compute: Compute) -> tuple[Pair, ...]:
    """The same images as each further network sees them; none where no metric that asks them is measured."""
    asks = not protocol.metrics or any(METRICS[name].several_eyes for name in protocol.metrics)
    others = [one for one in protocol.extractors if not _one_network(one, first)] if asks else []
    plain = replace(sources, heldout=None, moments=None)
    return tuple(_eye(plain, one, protocol.with_(metrics=()), compute) for one in others)


def _eye(sources: Sources, network: Any, protocol: Protocol, compute: Compute) -> Pair:
    try:
        return _pair(sources, network, protocol, compute)
    except MissingFileError as error:
        raise MissingFileError(f"{error} Or leave {network} out of extractors.") from error


def _one_network(one: Any, other: Any) -> bool:
    """Whether two are one object, or two names of one."""
    if not (isinstance(one, str) and isinstance(other, str)):
        return one is other
    return same_network(one, other)


def _pair(sources: Sources, network: Any, protocol: Protocol, compute: Compute) -> Pair:
    sets = (sources.real, sources.fake, sources.heldout)
    ranks = compute.ranks or ALONE
    loaded = ranks.together(lambda: _loaded(network, sources))
    require_one_input(loaded, sets)
    if loaded is None and network is not None:
        require_said(sources.passports, str(network), protocol.precision)
    if loaded is not None and moments_suffice(protocol):
        sources = _streamed(sources, loaded, protocol, compute)
        sets = (sources.real, sources.fake, sources.heldout)
    stay = sources.columns != EVERYTHING and shares_suffice(protocol)
    real, fake, heldout = (
        None if source is None else features_of(source, loaded, protocol, compute, sources.columns, stay=stay)
        for source in sets
    )
    assert fake is not None
    embed = None if loaded is None else partial(_embedded, loaded, protocol, compute)
    fake, known = fake.drawn_by(sources.drawn), sources.moments
    for one in (known, real, heldout):
        if one is not None:
            require_width(one.passport, fake.passport)
    if known is not None:
        require_made_by(known, loaded, protocol.precision)
    return Pair(
        real if known is None else replace(known, rows=real),
        fake if sources.fake_moments is None else sources.fake_moments,
        heldout=heldout,
        generator=sources.generator,
        embed=embed,
        seed=protocol.seed,
        paired=protocol.paired,
        ranks=ranks,
        asks=sources.asks,
    )


def _streamed(sources: Sources, network: Extractor, protocol: Protocol, compute: Compute) -> Sources:
    """Images looked at without keeping a row of them: moments in their place. Sets whose rows the cache has, or is to
    have for the next time, are left as they are.
    """
    real, fake = sources.real, sources.fake
    if isinstance(real, ImageSet) and sources.moments is None and not _remembered(real, network, compute):
        sources = replace(
            sources, real=None, moments=stream(real, network, precision=protocol.precision, compute=compute)
        )
    if isinstance(fake, ImageSet) and not _remembered(fake, network, compute):
        known = stream(fake, network, precision=protocol.precision, compute=compute)
        known = replace(known, passport=replace(known.passport, drawn=sources.drawn))
        sources = replace(sources, fake=rows_of(known), fake_moments=known)
    return sources


def _remembered(images: ImageSet, network: Extractor, compute: Compute) -> bool:
    """Whether the rows of the set are few enough to be kept for the next time, and may be."""
    kept = compute.cache and compute.cache_gib > 0 and network.weights_sha256 and images.trial is None
    return bool(kept) and len(images) <= REMEMBERED


def _vouched(sources: Sources, network: Any, protocol: Protocol) -> Sources:
    """The same sources, those that name no network now under the name of `network`."""
    if network is None or not any(passport.given for passport in sources.passports):
        return sources
    found = _loaded(network, sources)
    said = str(network) if found is None else said_by(found, protocol.precision)
    known = {role: one for role, one in vars(sources).items() if isinstance(one, (Features, Statistics))}
    named = {role: replace(one, passport=vouched(one.passport, said, sources.passports)) for role, one in known.items()}
    return replace(sources, **named)


def _loaded(network: Any, sources: Sources) -> Extractor | None:
    """The network; None where there is no image for it to look at and its weights are not here either."""
    if network is None:
        return None
    shape = shape_of((sources.real, sources.fake, sources.heldout, sources.train))
    try:
        return load_extractor(network, shape)
    except MissingFileError:
        if shape is not None or sources.generator is not None:
            raise
        return None


def _trained(sources: Sources, embedded: Pair, network: Any, protocol: Protocol, compute: Compute) -> Pair:
    """Training images in the place of the real ones; held out are those that are named so, else the real ones."""
    assert sources.train is not None
    loaded = None if network is None else load_extractor(network)
    require_one_input(loaded, (sources.train, embedded.fake))
    train = features_of(sources.train, loaded, protocol, compute, sources.columns)
    heldout = embedded.real if embedded.heldout is None else embedded.heldout
    if heldout is not None and heldout.content == train.content:
        heldout = None  # the very images that it was trained on are not held out
    if heldout is None and _is_the_real_set(train, embedded):
        return embedded
    return Pair(train, embedded.fake, heldout=heldout, embed=embedded.embed, seed=protocol.seed, ranks=embedded.ranks)


def _is_the_real_set(train: Features, pair: Pair) -> bool:
    """Whether a pair with the training images is this very one, so that neighbours are looked for once."""
    real, plain = pair.real, pair.real_moments is None and pair.fake_moments is None and pair.generator is None
    if real is None or not plain or pair.paired or pair.held or pair.heldout is not None:
        return False
    return real.passport == train.passport and real.content == train.content


def features_of(
    source: Source,
    network: Extractor | None,
    protocol: Protocol,
    compute: Compute,
    asked: frozenset[str],
    *,
    stay: bool = False,
) -> Features:
    """The rows of `source` by `network`; features that are given stay what they are, if this very network made them.

    asked: the columns to keep, of those that the network gives. stay: rows may stay with the process that made them.
    """
    if isinstance(source, Features):
        for one in (source, *source.also):
            if (compute.ranks or ALONE).agree(yes=_made_by(one, network, protocol, compute)):
                return one
        source = _images_of(source, network, protocol)
    assert network is not None
    return extract(source, network, precision=protocol.precision, compute=compute, asked=asked, stay=stay)


def _made_by(features: Features, network: Extractor | None, protocol: Protocol, compute: Compute) -> bool:
    """Whether this very network made the features: a name can be worn by two, so the first image is asked, too."""
    if network is None:
        return True
    passport = features.passport
    names = (passport.extractor, passport.weights_sha256, passport.preprocessing, passport.precision)
    if names != said_by(network, protocol.precision):
        return False
    return still_gives(network, features, device=compute.device, precision=protocol.precision)


def _images_of(features: Features, network: Extractor | None, protocol: Protocol) -> ImageSet:
    """The images behind features of another network, which have to go through this one."""
    assert network is not None
    if features.images is None:
        made, asked = features.passport, ", ".join(part for part in said_by(network, protocol.precision) if part)
        raise WrongInputError(
            f"The features of {made.source} were made by {made.extractor!r} and bring no images, so {network.name} "
            f"({asked}) cannot look at them. Leave extractor=, classifier= and precision= out, or pass the images."
        )
    return features.images


def _embedded(network: Extractor, protocol: Protocol, compute: Compute, images: Any, labels: Any = None) -> Features:
    """Features of images that a metric asked the generator for; drawn anew each time, so never cached."""
    alone = replace(compute, cache=False, ranks=None)
    return extract(image_set(images, labels=labels), network, precision=protocol.precision, compute=alone)


def _default_extractor(sources: Sources, protocol: Protocol) -> str | None:
    """Inception, which is what FID means; unless some rows are there already and name who made them, or nothing that is
    asked needs a network.
    """
    if not _is_bare(sources.fake):
        require_named(sources.passports)
    if not any(isinstance(s, ImageSet) for s in (sources.real, sources.fake, sources.heldout, sources.train)):
        return None
    if protocol.metrics and all(METRICS[name].only_pixels for name in protocol.metrics):
        return "pixels"
    if protocol.metrics and all(METRICS[name].eye for name in protocol.metrics):
        return "pixels"  # nobody asks it
    named = {passport.extractor: passport.source for passport in sources.passports}
    name, source = next(iter(named.items())) if len(named) == 1 else ("given", "")
    if name != "given" and registered(name) is None:
        raise WrongInputError(
            f"{source} was made by {name!r}, and the other images have to go through the same network. Pass it as "
            "extractor= or classifier=: the object, or the file that holds it."
        )
    return "inception" if name == "given" else name


def _is_bare(source: Source) -> bool:
    """Rows in memory of which nobody says what made them: they are compared with what their owner pairs them with."""
    return isinstance(source, Features) and source.passport.extractor == "given" and not source.passport.given
