"""`ganeval evaluate`: all metrics of one set of images against another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from tyro.conf import OmitArgPrefixes

from ganeval.cli.flags import Measuring, compute_of, protocol_of, require_reference
from ganeval.cli.formats import Format, rendered
from ganeval.cli.say import require_places
from ganeval.cli.watch import watching
from ganeval.core.apart import require_apart
from ganeval.core.files import writing
from ganeval.errors import WrongInputError, printable

if TYPE_CHECKING:
    from ganeval.measure.measure import Evaluation


def evaluate(
    how: OmitArgPrefixes[Measuring],
    fake: str | None = None,
    generator: str | None = None,
    json: Path | None = None,
    all: bool = False,  # noqa: A002 - the flag is --all
    format: Annotated[Format, tyro.conf.arg()] = "table",  # noqa: A002 - the flag is --format
    watch: float = 0.0,
) -> int:
    """All metrics of one set of images against another, each with its error; prints the headline.

    Args:
        fake: The generated images: a folder, a zip, an npz.
        generator: In place of fake: package.module:function, called as function(n, labels, torch.Generator) -> images.
        json: Write the evaluation here.
        all: Print every metric, and why some have no value.
        format: How to print it; json and csv always hold everything.
        watch: Look every so many seconds whether the images have changed, and measure them again, until Ctrl-C.
    """
    from ganeval.features.ranks import current

    require_places(json)
    ranks = current()
    protocol, _ = protocol_of(how)
    sets = (protocol.real, protocol.train, protocol.heldout, fake)
    require_apart({"--json": json}, [images for images in sets if isinstance(images, str)])
    if watch > 0 and ranks.size > 1:
        raise WrongInputError("--watch is for one process; under torchrun each would see other changes.")
    compute = compute_of(how, ranks=ranks)

    def once() -> int:
        evaluation = _measured(fake, generator, protocol, compute)
        if ranks.rank == 0:
            _deliver(evaluation, json, format, full=all)
        return 0 if any(record.ok for record in evaluation.scores.values()) else 3

    return watching(watch, fake, once)


def _deliver(evaluation: Evaluation, json: Path | None, shape: Format, *, full: bool) -> None:
    if json is not None:
        with writing(json):
            evaluation.write(json)
    print(rendered(evaluation, shape, full=full, kept=printable(json) if json else "").rstrip("\n"), flush=True)


def _measured(fake: str | None, generator: str | None, protocol: Any, compute: Any) -> Evaluation:
    from ganeval.measure.generators import load_generator
    from ganeval.measure.measure import measure

    require_reference(protocol)
    if (fake is None) == (generator is None):
        raise WrongInputError("Pass either --fake, a set of images, or --generator package.module:function.")
    draws = None if generator is None else load_generator(generator)
    return measure(fake, protocol, compute, generator=draws)
