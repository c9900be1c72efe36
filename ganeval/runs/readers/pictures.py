"""Folders of pictures with numbers in their names: PyTorch-GAN (400.png), the DCGAN example (fake_samples_epoch_007.png),
denoising-diffusion-pytorch (sample-12.png), class exercises. What the numbers count, steps or samples, `ganeval.runs.series`
says. Folders 0, 1, ... of pictures are samples, one folder a class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ganeval.runs.parsing import IMAGES, names_in
from ganeval.runs.reader import Reader
from ganeval.runs.record import RunRecord, SampleSet
from ganeval.runs.series import PLAIN, pictured, series_in


def probe(folder: Path) -> int:
    series = series_in(folder)
    return 30 if (series and len(series.files) >= 2) or _by_class(folder) else 0


def read(folder: Path) -> list[RunRecord]:
    if _by_class(folder):
        return [_record(folder, folder.name, samples=(SampleSet(0, folder),))]
    series = series_in(folder)
    if series is None:
        return []
    name = f"{folder.parent.name}/{folder.name}" if folder.name.lower() in PLAIN else folder.name
    unit = "milestone" if "sample-" in series.before[0].lower() else series.unit
    grids, samples = pictured(folder)
    return [_record(folder, name, grids=grids, samples=samples, step_unit=unit)]


def _record(folder: Path, name: str, **rest: Any) -> RunRecord:
    return RunRecord(id=folder.name, path=folder, reader="pictures", name=name, **rest)


def _by_class(folder: Path) -> bool:
    """Whether the folder holds nothing but folders 0, 1, ... k - 1 that each begin with pictures. Steps leave gaps."""
    names = [name for name in names_in(folder) if not name.startswith(".")]
    if len(names) < 2 or {*names} != {str(i) for i in range(len(names))}:
        return False
    return all(any(inner.lower().endswith(IMAGES) for inner in names_in(folder / name)[:2]) for name in names)


READER = Reader("pictures", probe, read)
