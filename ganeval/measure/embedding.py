"""One part of a set, seen by the network of a protocol and written to a folder of parts: `ganeval embed`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ganeval.core.compute import HERE, Compute
from ganeval.errors import WrongInputError, guarded
from ganeval.features.parts import checked_part, embed_part
from ganeval.features.ranks import Ranks
from ganeval.images.imageset import ImageSet
from ganeval.measure.measure import require_how
from ganeval.measure.sources import open_sources
from ganeval.numerics.settings import undisturbed
from ganeval.records.protocol import Protocol


@undisturbed()
@guarded
def embed(
    images: Any,
    protocol: Protocol,
    compute: Compute = HERE,
    *,
    part: str = "1/1",
    out: str | Path,
    labels: Any = None,
    generator: Any = None,
) -> Path:
    """Embed part i of k of a set and write it into the folder `out`; `measure` takes the folder in place of the images.

    images, labels, generator: as for `measure`. protocol: its extractor or its classifier is the network; n, seed and
    labels choose the images. part: "i/k". Parts may be made in any order, on any machine, twice or after a crash:
    what is there is not made again. Returns the file of the part.

    >>> import numpy as np, tempfile
    >>> images = np.random.default_rng(0).integers(0, 256, (60, 4, 4), dtype=np.uint8)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     protocol = Protocol(extractor="pixels")
    ...     [embed(images, protocol, Compute(batch_size=20), part=f"{i}/2", out=folder).name for i in (1, 2)]
    ['part-1-of-2.safetensors', 'part-2-of-2.safetensors']
    """
    require_how(protocol, compute)
    number, of = checked_part(part)
    networks = [n for n in dict.fromkeys((protocol.extractor, protocol.classifier)) if n is not None]
    if len(networks) != 1:
        raise WrongInputError(
            f"Parts hold what one network made of the images; {'none' if not networks else 'two'} were named. Pass an "
            "extractor or a classifier"
            + (", and write the parts of the other into another folder." if networks else ".")
        )
    alone = protocol.with_(real=None, train=None, heldout=None)
    sources = open_sources(images, alone, labels=labels, generator=generator, ranks=Ranks(number - 1, of))
    if not isinstance(sources.fake, ImageSet):
        raise WrongInputError("embed looks at images; these are features already. Save them: Features.save(path).")
    return embed_part(
        sources.fake,
        networks[0],
        (number, of),
        out,
        drawn=sources.drawn,
        precision=protocol.precision,
        compute=replace(compute, ranks=None),
    )
