"""Two published FIDs derived again, where the published weights and CIFAR-10 are at hand.

Both are of CIFAR-10's 10,000 test images against its 50,000 training images, as pytorch-image-generation-metrics
states them: 3.1508 by the original TensorFlow code, 3.1525 by the weights of pytorch-fid. `GANEVAL_WEIGHTS` must name
the folder of the weights, or the page says that it was not run.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ganeval.core.files import write_atomic
from ganeval.errors import MissingFileError
from ganeval.measure.functions import evaluate
from studies.page import RESULTS, machine, markdown_table, render_document

REAL, FAKE = "cifar10:train", "cifar10:test"
CLOSE = 0.01  # relative: what their authors allow between the two
HEADS = ("published by", "extractor", "published", "here", "relative difference")


@dataclass(frozen=True)
class Published:
    """A FID that somebody printed, and the extractor that looks as theirs did."""

    by: str
    extractor: str
    value: float


KNOWN = (
    Published("the original TensorFlow code (TTUR)", "inception", 3.1508),
    Published("pytorch-image-generation-metrics, pytorch-fid's weights", "inception:pytorch-fid", 3.1525),
)


def main(*, out: Path = RESULTS, real: str = REAL, fake: str = FAKE, n: int | None = None) -> Path:
    """Write `out/published.md`.

    Args:
        out: folder of the page.
        real: the images whose statistics were published.
        fake: the images in the generator's place.
        n: fewer of these, to try the command; the published numbers are of all.
    """
    try:
        _require_weights()
        rows = [_row(one, real, fake, n) for one in KNOWN]
    except MissingFileError as error:
        return write_atomic(out / "published.md", _page([f"**This was not run here.** {error}", _promise()]))
    parts = [markdown_table(HEADS, rows), f"The images: `{fake}` against `{real}`. {_promise()}"]
    return write_atomic(out / "published.md", _page(parts))


def _require_weights() -> None:
    folder = os.environ.get("GANEVAL_WEIGHTS")
    if not folder or not Path(folder).is_dir():
        raise MissingFileError(
            "The published weights of Inception were not at hand: set GANEVAL_WEIGHTS to the folder that holds them, "
            "and GANEVAL_DATA to that of CIFAR-10, then run the command above."
        )


def _row(one: Published, real: str, fake: str, n: int | None) -> tuple[str, ...]:
    found = float(evaluate(real, fake, extractor=one.extractor, metrics=["fid"], n=n, floor=False)["fid"])
    gap = found / one.value - 1
    mark = "" if abs(gap) <= CLOSE else f" (more than {CLOSE:.0%})"
    return one.by, f"`{one.extractor}`", f"{one.value:.4f}", f"{found:.4f}", f"{gap:+.2%}{mark}"


def _promise() -> str:
    tested = "tests/oracles: given the same weights, features and preprocessing equal those of the installed libraries"
    return f"What is tested without the weights ({tested}) does not depend on this page."


def _page(parts: Sequence[str]) -> str:
    title = "Two published FIDs, derived again"
    return render_document(
        title, "published", [(__doc__ or "").partition("\n\n")[2].strip(), *parts], said=f"On {machine()}."
    )
