"""docs/results/folders.md: folders of other people's trainers; of each what the report reads, measures and misses.

Each is written by a script of this folder as its trainer writes it, with digits for generated images, and handed to
`ganeval-report` as a user would.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections import Counter
from pathlib import Path

from ganeval.cli.main import report_main
from ganeval.core.files import write_atomic
from ganeval.errors import GanevalError
from ganeval.runs.advice import contents_of
from ganeval.runs.discovery import Found, find_runs
from studies.folders import arrays, habits, logs, pictures
from studies.folders.kind import Kind
from studies.page import RESULTS, markdown_table, render_document

PAGE = "folders.md"
KINDS = (*pictures.KINDS, *habits.KINDS, *arrays.KINDS, *logs.KINDS)
FLAGS = ("--real", "digits:test", "--classifier", "digits")
HEADS = ("kind", "as left by", "read", "measured", "missed")


def main(*, out: Path = RESULTS) -> Path:
    """Write the page.

    Args:
        out: folder of the page.
    """
    with tempfile.TemporaryDirectory() as scratch:
        rows = [row_of(kind, Path(scratch) / str(i)) for i, kind in enumerate(KINDS)]
    write_atomic(out / PAGE, document(rows).encode())
    return out / PAGE


def row_of(kind: Kind, place: Path) -> tuple[str, ...]:
    """What the report makes of one kind, written below `place`."""
    folder = place / "run"
    place.mkdir()
    kind.write(folder)
    read = read_of(found_in(kind, folder))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        code = report_main([str(folder), "--out", str(place / "r.html"), *FLAGS, *kind.options])
    if code not in (0, 6):
        raise GanevalError(f"Expected a page of {kind.name!r}; the report ended with {code}: {said.getvalue()}")
    return kind.name, kind.who, read, measured_in(find_runs(folder), kind), kind.missed


def found_in(kind: Kind, folder: Path) -> Found:
    """As the report finds it with the flags of this page."""
    return find_runs(folder, pictures="sheets" if "sheets" in kind.options else "auto", size=(8, 8))


def read_of(found: Found) -> str:
    """Who read how many runs, and what of them: equal ones are counted."""
    said = Counter(
        f"`{run.reader}`: {'said to be unreadable' if run.error else contents_of(run)}" for run in found.runs
    )
    return "; ".join(f"{n} x {text}" if n > 1 else text for text, n in said.items()) or "nothing"


def measured_in(found: Found, kind: Kind) -> str:
    sizes = [evaluation.fake.n for run in found.runs for evaluation in run.evaluations]
    option = f", `{' '.join(kind.options)}`" if kind.options else ""
    return f"{' + '.join(map(str, sizes))} images{option}" if sizes else "nothing"


def document(rows: list[tuple[str, ...]]) -> str:
    measured = sum(row[3] != "nothing" for row in rows)
    read = sum(row[2] != "nothing" for row in rows)
    flags = " ".join(FLAGS)
    parts = [
        (
            f"Of {len(rows)} kinds of folders {read} are read and {measured} are measured by `ganeval-report FOLDER "
            f"{flags}`, with the option that the table names. Names and values are replaced; generated images are "
            "digits of 8 x 8 pixels."
        ),
        markdown_table(HEADS, rows),
        (
            "Sheets are cut into their tiles only when told (`--as sheets`), as a sheet holds few images and their "
            "intervals are wide. What is not measured is shown with one line that says what to type; `--explain` says "
            "why."
        ),
    ]
    return render_document("Folders of other trainers", "folders", parts)
