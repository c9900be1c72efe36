"""TensorBoard event files: scalars as curves, the richest picture tag as the samples over training."""

from __future__ import annotations

import math
from pathlib import Path

from ganeval.runs.events import Events, event_files, read_events
from ganeval.runs.parsing import iso
from ganeval.runs.points import curves_of
from ganeval.runs.reader import Reader
from ganeval.runs.record import Grid, RunRecord


def probe(folder: Path) -> int:
    return 40 if event_files(folder) else 0


def read(folder: Path) -> list[RunRecord]:
    events = read_events(event_files(folder))
    tag, grids = _pictures(events)
    notes = [f"pictures of {tag!r}"] if tag else []
    others = sorted(set(events.pictures) - {tag})
    notes += [f"other pictures, not shown: {', '.join(others[:8])}"] if others else []
    return [
        RunRecord(
            id=folder.name,
            path=folder,
            reader="tensorboard",
            name=folder.name,
            created=iso(events.started) if math.isfinite(events.started) else "",
            curves=curves_of(events.scalars),
            grids=grids,
            notes=(*notes, *events.torn),
        )
    ]


def _pictures(events: Events) -> tuple[str, tuple[Grid, ...]]:
    """The tag with the most pictures, generated before real ones."""
    tags = sorted(events.pictures, key=lambda tag: ("real" in tag.lower(), -len(events.pictures[tag]), tag))
    if not tags:
        return "", ()
    found = {step: Grid(step, path, span=(start, size)) for step, path, start, size in events.pictures[tags[0]]}
    return tags[0], tuple(found[step] for step in sorted(found))


READER = Reader("tensorboard", probe, read)
