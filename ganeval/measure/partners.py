"""Which real image is the partner of which generated one: row i of row i, and what to do where that cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np

from ganeval.errors import IncomparableError, WrongInputError
from ganeval.features.rows import Features
from ganeval.images.imageset import ImageSet
from ganeval.images.subset import require_share, stratified_rows
from ganeval.records.protocol import Protocol

Source = ImageSet | Features


def partners(real: Source | None, fake: Source, protocol: Protocol) -> Source:
    """The real images that belong to those `protocol.n` of `fake` that are looked at: the same rows."""
    real = _there(real)
    require_partners(real, fake)
    if protocol.n is None or protocol.n == len(fake):
        return real
    require_share(protocol.n, len(fake), name_of(fake))
    return real.take(stratified_rows(_labels(fake), len(fake), protocol.n, protocol.seed))


def first_partners(real: Source | None, drawn: Source) -> Source:
    """The first real images, as many as were drawn: a generator is asked for its rows from the first on."""
    real = _there(real)
    if len(real) < len(drawn):
        raise WrongInputError(
            f"Pairs need one real image for each generated one; {len(drawn)} were drawn and {name_of(real)} holds "
            f"{len(real)}. Pass n={len(real)} (in a gate --n {len(real)} --max-n {len(real)})."
        )
    if len(real) > len(drawn):
        real = real.take(np.arange(len(drawn), dtype=np.int64))
    require_partners(real, drawn)
    return real


def require_partners(real: Source, fake: Source) -> None:
    """Raise unless there are as many real as generated images, of one size."""
    if len(real) != len(fake):
        raise WrongInputError(
            f"Pairs need one real image for each generated one; {name_of(real)} holds {len(real)}, {name_of(fake)} "
            f"holds {len(fake)}. Leave out what has no partner, name both alike so that both are read in one order, or "
            "leave paired out."
        )
    (a, b) = (_shape(real), _shape(fake))
    if a is not None and b is not None and a != b:
        sizes = " and ".join(f"{h} x {w} with {c} channel{'s' * (c > 1)}" for c, h, w in (a, b))
        raise IncomparableError(
            f"Pairs need images of one size; {name_of(real)} and {name_of(fake)} are {sizes}. Resize the smaller "
            "side's output to the real size, as the generator's users would, or leave paired out."
        )


def name_of(source: Source) -> str:
    return source.passport.source if isinstance(source, Features) else source.source


def _there(real: Source | None) -> Source:
    if real is None:
        raise WrongInputError(
            "paired compares each generated image with its own real one, and no real images were named. Pass real=."
        )
    return real


def _labels(source: Source) -> Any:
    if isinstance(source, ImageSet) or source.labels is None:
        return source.labels
    return source.labels.cpu().numpy()


def _shape(source: Source) -> tuple[int, int, int] | None:
    images = source.images if isinstance(source, Features) else source
    return None if images is None else images.shape
