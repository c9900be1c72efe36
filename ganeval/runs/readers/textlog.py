"""Trainers that print lines: PyTorch-GAN, the DCGAN example, CycleGAN's loss_log.txt, in any .log or .txt of the
folder.

What `ganeval.runs.textlogs` recognises; with it the pictures of the same folder or of one named as such.
"""

from __future__ import annotations

from pathlib import Path

from ganeval.runs.parsing import logs_in
from ganeval.runs.points import Points, curves_of
from ganeval.runs.reader import Reader
from ganeval.runs.record import RunRecord
from ganeval.runs.series import pictures_of
from ganeval.runs.textlogs import SUFFIXES, is_log, points_in

MOST = 5  # of one folder that are read


def probe(folder: Path) -> int:
    return 32 if _logs(folder) else 0


def read(folder: Path) -> list[RunRecord]:
    unit, points = "step", dict[str, Points]()
    notes = []
    for path in _logs(folder):
        own_unit, own = points_in(path)
        if points and own_unit != unit:
            notes.append(f"{path.name} counts in {own_unit}, not in {unit}: it is left out")
            continue
        unit = own_unit
        points.update({tag: found for tag, found in own.items() if tag not in points})
    grids, samples = pictures_of(folder)
    return [
        RunRecord(
            id=folder.name,
            path=folder,
            reader="textlog",
            name=folder.name,
            step_unit=unit,
            curves=curves_of(points),
            grids=grids,
            samples=samples,
            notes=tuple(notes),
        )
    ]


def _logs(folder: Path) -> list[Path]:
    """The logs of a folder and of logs/ in it."""
    return [path for path in logs_in(folder, SUFFIXES) if is_log(path)][:MOST]


READER = Reader("textlog", probe, read, guesses=True)
