"""Folders of pictures with numbers in their names: PyTorch-GAN (400.png), the DCGAN example
(fake_samples_epoch_007.png), denoising-diffusion-pytorch (sample-12.png), class exercises. What the numbers count,
steps or samples, `ganeval.runs.series` says. Folders 0, 1, ... of pictures are samples, one folder a class; so are
folders of seeds (EDM: 001000/001017.png).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ganeval.runs.parsing import IMAGES, names_in
from ganeval.runs.reader import Reader
from ganeval.runs.record import RunRecord, SampleSet
from ganeval.runs.series import PLAIN, pictured, series_in


def probe(folder: Path) -> int:
    return 30 if series_in(folder) or _of_folders(folder) else 0


def read(folder: Path) -> list[RunRecord]:
    if _of_folders(folder):
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


def _of_folders(folder: Path) -> bool:
    """Whether the folder holds nothing but folders 0, 1, ... k - 1 that each begin with pictures (steps leave gaps), or
    folders each named by the first number of the block that its pictures are of (in folders of steps they begin anew).
    """
    names = [name for name in names_in(folder) if not name.startswith(".")]
    if len(names) < 2 or not all(name.isascii() and name.isdigit() and len(name) < 10 for name in names):
        return False
    inner = {name: [path for path in names_in(folder / name) if path.lower().endswith(IMAGES)] for name in names}
    if not all(inner.values()):
        return False
    return {*names} == {str(i) for i in range(len(names))} or _blocks(inner)


def _blocks(inner: dict[str, list[str]]) -> bool:
    starts = sorted(map(int, inner))
    ends = dict(zip(starts, [*starts[1:], 10**9], strict=True))
    stems = [(int(name), Path(path).stem) for name, paths in inner.items() for path in paths]
    return all(stem.isascii() and stem.isdigit() and at <= int(stem) < ends[at] for at, stem in stems)


READER = Reader("pictures", probe, read)
