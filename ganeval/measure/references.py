"""Statistics in the place of images: files that others publish, and what is measured from them when images lie beside.

A file that names no network takes the caller's word for it: the network of the protocol is written into its passport,
with the mark that it is given. Widths are compared; nothing else can be.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from ganeval.core.extractor import Extractor
from ganeval.core.uris import is_uri, local_path, require_no_secret
from ganeval.errors import IncomparableError, WrongInputError
from ganeval.features.extraction import same_network
from ganeval.features.parts import has_parts, join_parts, parts_moments
from ganeval.features.published import read_published
from ganeval.features.rows import Features
from ganeval.features.statistics import Statistics
from ganeval.features.stored import SUFFIXES
from ganeval.images import image_set
from ganeval.metrics import Metric
from ganeval.records.scores import Passport

_log = logging.getLogger(__name__)


def published(source: Any, *, moments: bool = False) -> Statistics | Features | None:
    """What a path names, where that is a file of statistics or of features, or a folder of parts; None for images.

    moments: of parts, whose rows may be many, the moments are enough.
    """
    if not isinstance(source, (str, Path)) or not str(source).strip():
        return None
    if is_uri(source):
        return _at_address(str(source).strip())
    if has_parts(Path(source)):
        return parts_moments(source) if moments else join_parts(source)
    return read_published(source)


def _at_address(address: str) -> Statistics | Features | None:
    """The same of a file that lies elsewhere."""
    require_no_secret(address)
    if PurePosixPath(urlsplit(address).path).suffix.lower() not in SUFFIXES:
        return None
    here = local_path(address)
    if here is not None:
        return read_published(here)
    from ganeval.images.remote import at_address

    found = at_address(address, read_published, lambda one: one.moments if isinstance(one, Statistics) else None)
    return found and replace(found, passport=replace(found.passport, source=address))


def images_beside(statistics: Statistics, metrics: Iterable[Metric]) -> Any:
    """The images in the file of the statistics, if a metric asks for more than moments;
    the log says what serves what.
    """
    if statistics.images_at is None:
        return statistics.rows
    chosen = [metric for metric in metrics if "real" in metric.roles]
    served = ", ".join(metric.name for metric in chosen if metric.takes_moments)
    others = ", ".join(metric.name for metric in chosen if not metric.takes_moments)
    images = image_set(statistics.images_at) if others else None
    parts = [f"From its mean and covariance: {served}." * bool(served), f"From its images: {others}." * bool(others)]
    said = " ".join(filter(None, parts)) or "Neither is asked for."
    _log.warning("%s holds images and statistics of images. %s", statistics.passport.source, said)
    return images


def images_of(statistics: Statistics, role: str) -> Any:
    """What stands for a set that has to be images or rows: those that the file also holds."""
    where = statistics.passport.source
    if statistics.rows is not None:
        return statistics.rows
    if statistics.images_at is None:
        raise WrongInputError(
            f"{role} must be images or features; {where} holds a mean and a covariance alone, which can stand for the "
            "real images only. Pass the images."
        )
    _log.warning("%s holds images and statistics of images; as %s its images are used.", where, role)
    return image_set(statistics.images_at)


def require_named(passports: Iterable[Passport]) -> None:
    """Raise for what names no network where no network was named by the caller either."""
    for passport in passports:
        if passport.given:
            raise WrongInputError(
                f"{passport.source} does not say which network made it. Pass extractor= (--extractor), for example "
                "inception for a published FID reference."
            )


def require_said(passports: Iterable[Passport], name: str, precision: str) -> None:
    """Raise for rows or statistics of another network than the named one, whose weights are not here to ask it."""
    for passport in passports:
        made, exactness = passport.extractor, passport.precision
        if not same_network(made, name) or not (passport.given or exactness == precision):
            said = "by a network that it does not name" if made == "given" else f"by {made} in {exactness}"
            raise WrongInputError(
                f"{passport.source} was made {said}; asked for is {name} in {precision}, whose weights are not here. "
                "Leave extractor=, classifier= and precision= out, or pass images and the weights."
            )


def vouched(passport: Passport, said: tuple[str, ...] | str, partners: Iterable[Passport]) -> Passport:
    """The passport with the network that the caller named: `said` of itself, or known by its name alone."""
    if passport.extractor != "given":
        return passport
    if isinstance(said, str):
        alike = (one for one in partners if one.extractor == said and not one.given)
        found = next(alike, None)
        said = (said, "", "", passport.precision) if found is None else _said_by(found)
    name, weights, preprocessing, precision = said
    return replace(passport, extractor=name, weights_sha256=weights, preprocessing=preprocessing, precision=precision)


def _said_by(passport: Passport) -> tuple[str, ...]:
    return passport.extractor, passport.weights_sha256, passport.preprocessing, passport.precision


def require_width(given: Passport, other: Passport) -> None:
    """Raise where a file that names no network has rows of another width than the network that the caller named."""
    if given.given and given.dim != other.dim:
        raise IncomparableError(
            f"{given.source} is of rows with {given.dim} numbers; {other.extractor} makes {other.dim}. Another "
            "network, or another layer, made that file: pass the extractor= that did."
        )


def require_made_by(statistics: Statistics, network: Extractor | None, precision: str) -> None:
    """Raise where statistics with a passport are of another network than the one that is asked for."""
    if network is None:
        return
    asked = (network.name, network.weights_sha256, network.preprocessing, precision)
    if _said_by(statistics.passport) != asked:
        made = ", ".join(part for part in _said_by(statistics.passport) if part)
        raise IncomparableError(
            f"{statistics.passport.source} holds statistics by {made}; asked for is {', '.join(filter(None, asked))}. "
            "Leave extractor= out, or make them again: ganeval stats make."
        )
