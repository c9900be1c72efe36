"""diffusers with accelerate: a pipeline folder (model_index.json, unet/, scheduler/), checkpoint-STEP/,
logs/**/events.
"""

from __future__ import annotations

import re
from pathlib import Path

from ganeval.runs.events import Events, event_files, read_events
from ganeval.runs.parsing import IMAGES, document, iso, names_in, numbered
from ganeval.runs.points import curves_of
from ganeval.runs.reader import Reader
from ganeval.runs.record import Grid, RunRecord

INDEX = "model_index.json"
DEPTH = 3  # accelerate writes logs/PROJECT/EVENTS
_CHECKPOINT = re.compile(r"checkpoint-(\d{1,9})")
_SAMPLE = re.compile(r"\D*(\d{1,9})\.(?:png|jpe?g|webp)")


def probe(folder: Path) -> int:
    return 60 if (folder / INDEX).is_file() else 0


def read(folder: Path) -> list[RunRecord]:
    index = document(folder / INDEX)
    scheduler = document(folder / "scheduler" / "scheduler_config.json")
    model = document(folder / "unet" / "config.json") or document(folder / "transformer" / "config.json")
    events = read_events([file for place in _folders(folder / "logs", DEPTH) for file in event_files(place)])
    saved = [step for step, _ in numbered(folder, _CHECKPOINT)]
    return [
        RunRecord(
            id=folder.name,
            path=folder,
            reader="diffusers",
            name=folder.name,
            created=iso(events.started),
            config={"pipeline": index, "scheduler": scheduler, "model": model},
            curves=curves_of(events.scalars),
            grids=_grids(folder, events),
            notes=(*([f"checkpoints at {', '.join(map(str, saved[-5:]))}"] if saved else []), *events.torn),
        )
    ]


def _folders(folder: Path, depth: int) -> list[Path]:
    if not folder.is_dir() or folder.is_symlink():
        return []
    below = [folder / name for name in names_in(folder) if depth and (folder / name).is_dir()]
    return [folder, *(place for child in below for place in _folders(child, depth - 1))]


def _grids(folder: Path, events: Events) -> tuple[Grid, ...]:
    """Pictures logged as `test_samples`, else files in samples/."""
    tags = sorted(events.pictures, key=lambda tag: (tag != "test_samples", -len(events.pictures[tag]), tag))
    if tags:
        found = {step: Grid(step, path, span=(start, size)) for step, path, start, size in events.pictures[tags[0]]}
        return tuple(found[step] for step in sorted(found))
    pictures = [item for item in numbered(folder / "samples", _SAMPLE) if item[1].suffix.lower() in IMAGES]
    return tuple(Grid(step, path) for step, path in pictures)


READER = Reader("diffusers", probe, read)
