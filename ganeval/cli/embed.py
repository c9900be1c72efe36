"""`ganeval embed`: one part of a large set through a network, for jobs on a cluster."""

from __future__ import annotations

from pathlib import Path

from tyro.conf import OmitArgPrefixes, Positional

from ganeval.cli.flags import Embedding, compute_of, protocol_of
from ganeval.cli.say import require_places
from ganeval.core.apart import place_of
from ganeval.core.shown import MaybeText, OptionalText


def embed(
    out: Path,
    measurement: OmitArgPrefixes[Embedding],
    source: Positional[OptionalText] = None,
    part: str = "1/1",
    generator: MaybeText = None,
) -> int:
    """Embed part i of k of a set of images. Then: ganeval evaluate --fake OUT, with the same network.

    Args:
        out: The folder of the parts; a part that is there already is not made again.
        source: The images: a folder, a zip, shards, an address.
        part: Which part, as i/k: 1/7, 2/7 ... 7/7, in any order and on any machine.
        generator: In place of a source: package.module:function, called as function(n, labels, torch.Generator) ->
            images.
    """
    from ganeval.errors import WrongInputError
    from ganeval.measure.embedding import embed as embed_images
    from ganeval.measure.generators import load_generator

    if (source is None) == (generator is None):
        raise WrongInputError("Name either a source of images or --generator package.module:function.")
    require_places(out / "part")
    _require_outside(out, source)
    draws = None if generator is None else load_generator(generator)
    print(
        embed_images(source, protocol_of(measurement)[0], compute_of(measurement), part=part, out=out, generator=draws)
    )
    return 0


def _require_outside(out: Path, source: str | None) -> None:
    """Parts among the images would be strangers there when the next part is made."""
    from ganeval.errors import WrongInputError, printable

    if source and place_of(out).is_relative_to(place_of(source)):
        raise WrongInputError(f"--out must lie outside of {printable(source)}. Name another folder.")
