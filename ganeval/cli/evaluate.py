"""`ganeval evaluate`: all metrics of one set of images against another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from tyro.conf import OmitArgPrefixes

from ganeval.cli.flags import Measuring, compute_of, protocol_of, require_reference
from ganeval.cli.formats import Format, rendered
from ganeval.cli.say import note, require_places
from ganeval.cli.watch import watching
from ganeval.core.apart import require_apart
from ganeval.core.files import writing
from ganeval.core.shown import MaybePath, MaybeText
from ganeval.errors import WrongInputError, printable

if TYPE_CHECKING:
    from ganeval.measure.measure import Evaluation
    from ganeval.runs.record import RunRecord


def evaluate(
    measurement: OmitArgPrefixes[Measuring],
    fake: MaybeText = None,
    generator: MaybeText = None,
    json: MaybePath = None,
    all: bool = False,  # noqa: A002 - the flag is --all
    format: Annotated[Format, tyro.conf.arg()] = "table",  # noqa: A002 - the flag is --format
    watch: float = 0.0,
) -> int:
    """All metrics of one set of images against another, each with its error; prints the headline.

    Args:
        fake: The generated images: a folder, a zip, an npz; or a run, whose run.json then says what the flags do not.
        generator: In place of fake: a shipped generator such as hoda-cgan, or package.module:function, called as
            function(n, labels, torch.Generator) -> images. Beside --fake RUN: the function that opens the run's folder
            as such a generator.
        json: Write the evaluation here.
        all: Print every metric, and why some have no value.
        format: How to print it; json and csv always hold everything.
        watch: Look every so many seconds whether the images have changed, and measure them again, until Ctrl-C.
    """
    from ganeval.features.ranks import current

    require_places(json)
    ranks = current()
    if watch > 0 and ranks.size > 1:
        raise WrongInputError("--watch is for one process; under torchrun each would see other changes.")
    compute = compute_of(measurement, ranks=ranks)

    def once() -> int:
        run = None if fake is None else _run_of(fake)
        protocol, notes = protocol_of(measurement, *(() if run is None else (("run.json", _said(run)),)))
        sets = (protocol.real, protocol.train, protocol.heldout, fake)
        require_apart({"--json": json}, [images for images in sets if isinstance(images, str)])
        evaluation = _measured(fake, generator, protocol, compute, run)
        if ranks.rank == 0:
            _deliver(evaluation, notes, json, lambda kept: rendered(evaluation, format, full=all, kept=kept))
        return 0 if any(record.ok for record in evaluation.scores.values()) else 3

    return watching(watch, fake, once)


def _deliver(evaluation: Evaluation, notes: Iterable[str], json: Path | None, render: Callable[[str], str]) -> None:
    for line in notes:
        note(line)
    if json is not None:
        with writing(json):
            evaluation.write(json)
    print(render(printable(json) if json else "").rstrip("\n"), flush=True)


def _run_of(fake: str) -> RunRecord | None:
    from ganeval.images.runs import is_run
    from ganeval.runs.readers.native import read_run

    return read_run(fake) if is_run(Path(fake)) else None


def _said(run: RunRecord) -> dict[str, Any]:
    from ganeval.measure.run_samples import said_by_run

    said, dropped = said_by_run(run)
    for line in dropped:
        note(line)
    return said


def _measured(
    fake: str | None, generator: str | None, protocol: Any, compute: Any, run: RunRecord | None
) -> Evaluation:
    from ganeval.measure.generators import load_generator
    from ganeval.measure.measure import measure
    from ganeval.runs.readers.npz import latents_of

    require_reference(protocol)
    if run is None and (fake is None) == (generator is None):
        raise WrongInputError("Pass either --fake, a set of images, or --generator package.module:function.")
    draws = None if generator is None else load_generator(generator)
    if run is None:
        return measure(fake, protocol, compute, generator=draws)
    if draws is not None:
        return measure(None, protocol, compute, generator=draws(run.path), name=run.id)
    latents = latents_of(Path(run.samples[-1].path)) if run.samples else ""
    return measure(fake, protocol, compute, latents=latents, name=run.id)
