"""Folders of pictures with numbers in their names: PyTorch-GAN (400.png), the DCGAN example (fake_samples_epoch_007.png),
denoising-diffusion-pytorch (sample-12.png), class exercises. What the numbers count, steps or samples, `ganeval.runs.series`
says. Folders 0, 1, ... of pictures are samples, one folder a class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ganeval.runs.parsing import IMAGES, names_in
from ganeval.runs.reader import Reader
from ganeval.runs.record import Grid, RunRecord, SampleSet
from ganeval.runs.series import Series, series_in

PLAIN = frozenset({"images", "samples", "results", "output", "outputs", "out", "img", "imgs", "pictures"})


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
    if series.are_samples:
        return [_record(folder, name, samples=_samples(folder, series), step_unit=unit)]
    pictures = dict(zip(series.steps, series.files, strict=True))
    return [
        _record(folder, name, grids=tuple(Grid(step, path) for step, path in sorted(pictures.items())), step_unit=unit)
    ]


def _record(folder: Path, name: str, **rest: Any) -> RunRecord:
    return RunRecord(id=folder.name, path=folder, reader="pictures", name=name, **rest)


def _samples(folder: Path, series: Series) -> tuple[SampleSet, ...]:
    """One set a step where names say steps; else all of them, as the folder itself where it holds nothing else."""
    if series.many_a_step:
        return tuple(
            SampleSet(
                step, folder, tuple(path for own, path in zip(series.steps, series.files, strict=True) if own == step)
            )
            for step in sorted(set(series.steps))
        )
    alone = len(series.files) == len([name for name in names_in(folder) if not name.startswith(".")])
    return (
        (SampleSet(0, folder),) if alone and not series.labels else (SampleSet(0, folder, series.files, series.labels),)
    )


def _by_class(folder: Path) -> bool:
    """Whether the folder holds nothing but folders 0, 1, ... k - 1 that each begin with pictures. Steps leave gaps."""
    names = [name for name in names_in(folder) if not name.startswith(".")]
    if len(names) < 2 or {*names} != {str(i) for i in range(len(names))}:
        return False
    return all(any(inner.lower().endswith(IMAGES) for inner in names_in(folder / name)[:2]) for name in names)


READER = Reader("pictures", probe, read)
