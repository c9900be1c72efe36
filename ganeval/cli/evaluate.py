"""`ganeval evaluate`: all metrics of one set of images against another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tyro.conf import OmitArgPrefixes

from ganeval.cli.flags import Measuring, compute_of, protocol_of, require_reference
from ganeval.cli.say import require_places
from ganeval.core.apart import require_apart
from ganeval.core.files import writing

if TYPE_CHECKING:
    from ganeval.measure.measure import Evaluation


def evaluate(
    how: OmitArgPrefixes[Measuring], fake: str | None = None, generator: str | None = None, json: Path | None = None
) -> int:
    """All metrics of one set of images against another, each with its error.

    Args:
        fake: The generated images: a folder, a zip, an npz.
        generator: In place of fake: package.module:function, called as function(n, labels, torch.Generator) -> images.
        json: Write the evaluation here.
    """
    from ganeval.cli.tables import render_evaluation
    from ganeval.features.ranks import current

    require_places(json)
    ranks = current()
    protocol, _ = protocol_of(how)
    sets = (protocol.real, protocol.train, protocol.heldout, fake)
    require_apart({"--json": json}, [images for images in sets if isinstance(images, str)])
    evaluation = _measured(fake, generator, protocol, compute_of(how, ranks=ranks))
    if ranks.rank == 0:
        if json is not None:
            with writing(json):
                evaluation.write(json)
        print(render_evaluation(evaluation))
    return 0 if any(record.ok for record in evaluation.scores.values()) else 3


def _measured(fake: str | None, generator: str | None, protocol: Any, compute: Any) -> Evaluation:
    from ganeval.errors import WrongInputError
    from ganeval.measure.generators import load_generator
    from ganeval.measure.measure import measure

    require_reference(protocol)
    if (fake is None) == (generator is None):
        raise WrongInputError("Pass either --fake, a set of images, or --generator package.module:function.")
    draws = None if generator is None else load_generator(generator)
    return measure(fake, protocol, compute, generator=draws)
