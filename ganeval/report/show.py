"""One page about evaluations that lie in memory: written, and opened in the browser."""

from __future__ import annotations

import tempfile
import webbrowser
from pathlib import Path

from ganeval.core.files import writing
from ganeval.errors import WrongInputError, guarded
from ganeval.records.scores import Evaluation
from ganeval.report.build import build_report
from ganeval.runs import layout
from ganeval.runs.discovery import Found
from ganeval.runs.record import RunRecord


@guarded
def show(*evaluations: Evaluation, out: str | Path | None = None, browse: bool = True) -> Path:
    """Write one page about one or more evaluations and open it in the browser; returns where it lies.

    out: the page; left out, it is written to a new temporary folder. browse: False only writes. Pictures are on the
    page where the evaluation was made with `exhibits=True`.

    >>> from ganeval import Evaluation
    >>> show()
    Traceback (most recent call last):
    ...
    ganeval.errors.WrongInputError: show needs an evaluation; got none. Pass what ganeval.evaluate returned.
    """
    if not evaluations:
        raise WrongInputError("show needs an evaluation; got none. Pass what ganeval.evaluate returned.")
    for given in evaluations:
        if not isinstance(given, Evaluation):
            raise WrongInputError(
                f"show takes evaluations; got {type(given).__name__}. Pass what ganeval.evaluate returned, or "
                "Evaluation.read(path)."
            )
    page = Path(tempfile.mkdtemp(prefix="ganeval-")) / "report.html" if out is None else Path(out)
    with tempfile.TemporaryDirectory(prefix="ganeval-") as folder, writing(page):
        runs = tuple(_run(Path(folder) / str(place), given) for place, given in enumerate(evaluations))
        build_report(Found(Path(folder), runs), out=page, title=evaluations[0].name or "Evaluation")
    if browse:
        webbrowser.open(page.resolve().as_uri())
    return page


def _run(folder: Path, evaluation: Evaluation) -> RunRecord:
    """The evaluation as the only one of a run, its pictures on disk where the page looks for them."""
    evaluation.write(layout.result_path(folder, evaluation.step or 0))
    return RunRecord(
        id=folder.name,
        path=folder,
        reader="ganeval",
        name=evaluation.name,
        created=evaluation.created,
        evaluations=(evaluation,),
    )
