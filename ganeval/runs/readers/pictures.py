"""Folders of pictures: PyTorch-GAN (400.png), the DCGAN example (fake_samples_epoch_007.png),
denoising-diffusion-pytorch (sample-12.png), class exercises; folders of them, one a class, a step (epoch_010/) or a
block of seeds (EDM: 001000/). What the numbers in names count, steps or samples, `ganeval.runs.series` says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ganeval.runs.animations import animation_in
from ganeval.runs.parsing import IMAGES, names_in
from ganeval.runs.reader import Reader
from ganeval.runs.record import Grid, RunRecord, SampleSet
from ganeval.runs.series import PLAIN, series_in, shown
from ganeval.runs.told import told

MOST = 4  # other series of a folder that are named
_STEP = re.compile(r"(epochs?|steps?|iter(?:ation)?s?|itrs?|kimg|checkpoint|ckpt|ep)[-_= ]?(\d{1,9})", re.IGNORECASE)
_CLASS = re.compile(r"(?:class|label|cls|digit|category)?[-_= ]?(\d{1,3})", re.IGNORECASE)

Folders = dict[str, list[str]]  # the pictures of each


def probe(folder: Path) -> int:
    inner = _folders(folder)
    return (
        30
        if _is_one_set(inner) or _classes(inner) or _of_steps(folder) or series_in(folder) or animation_in(folder)
        else 0
    )


def read(folder: Path) -> list[RunRecord]:
    inner = _folders(folder)
    if (classes := _classes(inner)) is not None:
        return [_record(folder, folder.name, samples=(_labelled(folder, inner, classes),))]
    if _is_one_set(inner):
        return [_record(folder, folder.name, samples=(SampleSet(0, folder),))]
    if found := _of_steps(folder):
        return [_over_steps(folder, found)]
    series, name = series_in(folder), _name(folder)
    if series is None:
        frames = animation_in(folder)
        return [_record(folder, name, grids=frames, step_unit="frame")] if frames else []
    unit = "milestone" if "sample-" in series.before[0].lower() else series.unit
    grids, samples = shown(folder, series)
    said = [f"also here, not shown: {', '.join(series.others[:MOST])}"] if series.others else []
    return [_record(folder, name, grids=grids, samples=samples, step_unit=unit, notes=tuple(said))]


def _name(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}" if folder.name.lower() in PLAIN else folder.name


def _record(folder: Path, name: str, **rest: Any) -> RunRecord:
    return RunRecord(id=folder.name, path=folder, reader="pictures", name=name, **rest)


def _folders(folder: Path) -> Folders:
    """The folders of a folder that holds nothing else, if there are two or more and each holds pictures; else none."""
    names = [name for name in names_in(folder) if not name.startswith(".")]
    if len(names) < 2 or not all((folder / name).is_dir() for name in names):
        return {}
    inner = {name: [path for path in names_in(folder / name) if path.lower().endswith(IMAGES)] for name in names}
    return inner if all(inner.values()) else {}


def _classes(inner: Folders) -> dict[str, int] | None:
    """The class of each folder: by the names of the real images' classes, or by the numbers 0 to k - 1 after one
    word.
    """
    known = told.get().classes
    names = {name.casefold(): place for place, name in enumerate(known)}
    if inner and {name.casefold() for name in inner} == {*names} and len(inner) == len(known):
        return {name: names[name.casefold()] for name in inner}
    found = {name: match for name in inner if (match := _CLASS.fullmatch(name))}
    numbers = {name: int(match[1]) for name, match in found.items()}
    words = {name[: match.start(1)] for name, match in found.items()}
    whole = len(found) == len(inner) and len(words) == 1 and words != {""}
    return numbers if whole and sorted(numbers.values()) == list(range(len(inner))) else None


def _labelled(folder: Path, inner: Folders, classes: dict[str, int]) -> SampleSet:
    files = [
        (folder / name / path, classes[name]) for name in sorted(inner, key=classes.__getitem__) for path in inner[name]
    ]
    return SampleSet(0, folder, tuple(path for path, _ in files), tuple(label for _, label in files))


def _is_one_set(inner: Folders) -> bool:
    """Whether folders are called 0, 1, ... k - 1 (steps leave gaps), or each by the first number of the block that its
    pictures are of (in folders of steps they begin anew).
    """
    if not inner or not all(name.isascii() and name.isdigit() and len(name) < 10 for name in inner):
        return False
    return {*inner} == {str(i) for i in range(len(inner))} or _blocks(inner)


def _blocks(inner: Folders) -> bool:
    starts = sorted(map(int, inner))
    ends = dict(zip(starts, [*starts[1:], 10**9], strict=True))
    stems = [(int(name), Path(path).stem) for name, paths in inner.items() for path in paths]
    return all(stem.isascii() and stem.isdigit() and at <= int(stem) < ends[at] for at, stem in stems)


def _of_steps(folder: Path) -> list[tuple[int, str, Path]]:
    """(step, its word, folder of pictures) of the folders that are named by steps: epoch_010,
    checkpoint-2000/samples.
    """
    named = [
        (name, match) for name in names_in(folder) if (match := _STEP.fullmatch(name)) and (folder / name).is_dir()
    ]
    places = [(int(match[2]), match[1].lower(), _pictured_in(folder / name)) for name, match in named]
    found = [(step, word, place) for step, word, place in places if place is not None]
    return sorted(found) if len(found) > 1 and len({word for _, word, _ in found}) == 1 else []


def _pictured_in(folder: Path) -> Path | None:
    places = [folder, *(folder / name for name in names_in(folder) if name.lower() in PLAIN)]
    return next((place for place in places if series_in(place)), None)


def _over_steps(folder: Path, found: list[tuple[int, str, Path]]) -> RunRecord:
    """One run: of each folder its samples, else its first picture, with all of them as sheets where that was told."""
    grids: list[Grid] = []
    samples: list[SampleSet] = []
    for step, _, place in found:
        series = series_in(place)
        drawn, sets = shown(place, series) if series else ((), ())
        samples += [SampleSet(step, one.path, one.files, one.labels) for one in sets]
        if drawn:
            grids.append(Grid(step, drawn[0].path))
            if told.get().pictures == "sheets":
                samples.append(SampleSet(step, place, tuple(grid.path for grid in drawn), sheet=(0, 0)))
    unit = next((unit for unit in ("epoch", "kimg", "itr") if unit in found[0][1]), "step")
    return _record(folder, folder.name, grids=tuple(grids), samples=tuple(samples), step_unit=unit)


READER = Reader("pictures", probe, read)
