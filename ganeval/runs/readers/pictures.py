"""Folders of pictures with the step in their names: PyTorch-GAN (400.png), the DCGAN example
(fake_samples_epoch_007.png), denoising-diffusion-pytorch (sample-12.png), class exercises. Many numbered pictures are
samples, not steps, and so are folders 0, 1, ... of pictures: one a class."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from ganeval.runs.parsing import IMAGES, names_in
from ganeval.runs.reader import Reader
from ganeval.runs.record import Grid, RunRecord, SampleSet

SAMPLES = 500  # numbered pictures of one name: beyond it they are a set of samples
PLAIN = frozenset({"images", "samples", "results", "output", "outputs", "out", "img", "imgs", "figures", "pictures"})
_NUMBERED = re.compile(r"(.*?)(\d{1,9})(\D*)")


def probe(folder: Path) -> int:
    return 30 if len(_series(folder)) >= 2 or _by_class(folder) else 0


def read(folder: Path) -> list[RunRecord]:
    if _by_class(folder):
        return [
            RunRecord(id=folder.name, path=folder, reader="pictures", name=folder.name, samples=(SampleSet(0, folder),))
        ]
    series = _series(folder)
    prefix = _NUMBERED.fullmatch(series[0][1].stem) if series else None
    words = prefix[1].lower() if prefix else ""
    unit = next(
        (unit for unit in ("epoch", "kimg", "itr") if unit in words), "milestone" if "sample-" in words else "step"
    )
    name = f"{folder.parent.name}/{folder.name}" if folder.name.lower() in PLAIN else folder.name
    if len(series) > SAMPLES:
        found = RunRecord(id=folder.name, path=folder, reader="pictures", name=name, samples=(SampleSet(0, folder),))
    else:
        found = RunRecord(id=folder.name, path=folder, reader="pictures", name=name, step_unit=unit,
                          grids=tuple(Grid(step, path) for step, path in series))  # fmt: skip
    return [found]


def _by_class(folder: Path) -> bool:
    """Whether the folder holds nothing but folders 0, 1, ... k - 1 that each begin with pictures. Steps leave gaps."""
    names = [name for name in names_in(folder) if not name.startswith(".")]
    if len(names) < 2 or {*names} != {str(i) for i in range(len(names))}:
        return False
    return all(any(inner.lower().endswith(IMAGES) for inner in names_in(folder / name)[:2]) for name in names)


def _series(folder: Path) -> list[tuple[int, Path]]:
    """(number, path) of the largest group of pictures whose names differ in one number only; generated before real."""
    groups: dict[tuple[str, str], dict[int, Path]] = defaultdict(dict)
    for name in names_in(folder):
        path = folder / name
        match = _NUMBERED.fullmatch(path.stem) if path.suffix.lower() in IMAGES else None
        if match:
            groups[match[1], match[3] + path.suffix.lower()][int(match[2])] = path
    if not groups:
        return []
    best = min(groups, key=lambda key: ("real" in key[0].lower(), -len(groups[key]), key))
    return sorted(groups[best].items())


READER = Reader("pictures", probe, read)
