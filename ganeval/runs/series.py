"""The pictures of a folder: one a step of the training, or generated samples, or sheets of them.

Names are cut at their numbers. Names that differ in numbers only are a series (`ganeval.runs.numbered`); names that
have nothing in common are samples where there are many of them of one size.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ganeval.runs.animations import animation_in
from ganeval.runs.numbered import FEW, SAMPLES, SMALL, Series
from ganeval.runs.parsing import IMAGES, names_in, picture_size
from ganeval.runs.reals import says_generated, says_real, size_beside
from ganeval.runs.record import Grid, RunRecord, SampleSet
from ganeval.runs.told import told

PLAIN = frozenset(
    {"images", "samples", "results", "output", "outputs", "out", "img", "imgs", "pictures"}
)  # names of folders
LOOKED_AT = 2000  # pictures whose headers are read to find those of one size
_NUMBER = re.compile(r"\d{1,9}")
NO_SAMPLES = re.compile(
    r"(screen[-_ ]?shot|fig(ure)?|diagram|plot|chart|page|slide|logo|loss|curve)s?[^a-z]*", re.IGNORECASE
)
_OTHER = re.compile(
    r"(?<![a-z])(rec(on(s|structions?|structed)?)?|interp(olat\w*)?|walk|traversal|lerp)(?![a-z])", re.IGNORECASE
)

Group = tuple[tuple[str, ...], list[tuple[tuple[int, ...], Path]]]


def series_in(folder: Path) -> Series | None:
    """The largest series of pictures in a folder, generated before reconstructed and real ones; None where there is
    none.

    One picture is a series where its name says that it was generated: sample_grid.png, fake_samples_epoch_024.png.
    """
    groups = _groups(folder)
    merged = [
        (_merged(template, found), template)
        for template, found in groups
        if _counts(found) and (len(found) > 1 or says_generated(found[0][1].stem))
    ]
    best, template = min(merged, key=lambda one: _rank(one[0]), default=(None, ()))
    together = _together(folder, best, template, groups)
    if together is not None:
        return together
    return None if best is None else replace(best, others=_others(groups, template))


def _groups(folder: Path) -> list[Group]:
    """The pictures of a folder by what is left of their names without the numbers, each with its numbers."""
    groups: dict[tuple[str, ...], list[tuple[tuple[int, ...], Path]]] = defaultdict(list)
    for name in names_in(folder):
        path = folder / name
        if path.suffix.lower() in IMAGES and not NO_SAMPLES.match(name) and not name.startswith("."):
            numbers = tuple(map(int, _NUMBER.findall(path.stem)))
            groups[*_NUMBER.split(path.stem), path.suffix.lower()].append((numbers or (0,), path))
    return list(groups.items())


def _counts(found: list[tuple[tuple[int, ...], Path]]) -> bool:
    """Whether the names of a group hold a number, or one of them says that it was generated."""
    return _NUMBER.search(found[0][1].stem) is not None or says_generated(found[0][1].stem)


def _rank(series: Series) -> tuple[int, int, bool, str]:
    stem = series.files[0].stem
    kind = 2 if says_real(stem) else 1 if _OTHER.search(stem) else 0
    return kind, -len(series.files), not says_generated(stem), series.files[0].name


def _together(folder: Path, best: Series | None, template: tuple[str, ...], groups: list[Group]) -> Series | None:
    """All pictures of one size as one set, where their names have nothing in common before their first number.

    What has one beginning and several ends (0-ema.png beside 0.png) is several series of one thing.
    """
    if best is not None and len(best.files) > 1 and _rank(best)[0]:
        return None
    known = {numbers for other, found in groups if other == template for numbers, _ in found}
    apart = [(other, found) for other, found in groups if other != template and not _are_variants(found, known)]
    paths = [path for _, found in apart for _, path in found if not (says_real(path.stem) or _OTHER.search(path.stem))]
    own = list(best.files) if best is not None and len(best.files) > 1 else []
    real = told.get().size or size_beside(folder)
    size = real or (picture_size((own or paths)[0]) if own or paths else None)
    if size is None or told.get().pictures == "steps" or len(paths) < max(2, len(own) // 4):
        return None
    files = sorted(path for path in (*own, *paths) if len(own) + len(paths) > LOOKED_AT or picture_size(path) == size)
    enough = told.get().pictures != "sheets" and (len(files) > SAMPLES or (len(files) >= FEW and max(size) <= SMALL))
    if not (enough or (len(files) > 1 and size == real)):
        return None
    return Series(tuple(files), tuple((place,) for place in range(len(files))), ("",), loose=True)


def _are_variants(found: list[tuple[tuple[int, ...], Path]], known: set[tuple[int, ...]]) -> bool:
    """Whether pictures have the numbers of the others, and a word behind them: 0-ema.png, 0-mr.png."""
    own = {numbers for numbers, _ in found}
    return len(own) > 1 and own == known and bool(re.match(r"\d", found[0][1].stem))


def _others(groups: list[Group], template: tuple[str, ...]) -> tuple[str, ...]:
    """What else a folder holds, for people: 3 pictures like 0-mr.jpg."""
    rest = [found for other, found in groups if other != template]
    return tuple(
        f"{len(found)} picture{'s' * (len(found) != 1)} like {min(path.name for _, path in found)}"
        for found in sorted(rest, key=lambda found: (-len(found), found[0][1].name))
    )


def _merged(template: Sequence[str], found: list[tuple[tuple[int, ...], Path]]) -> Series:
    """The series of one template of names, in order; a number that never changes is a part of the name."""
    found = sorted(found)
    axes = [axis for axis in range(len(found[0][0])) if len({numbers[axis] for numbers, _ in found}) > 1] or [0]
    rows = tuple(tuple(numbers[axis] for axis in axes) for numbers, _ in found)
    return Series(tuple(path for _, path in found), rows, tuple(template[axis] for axis in axes))


def pictured(folder: Path) -> tuple[tuple[Grid, ...], tuple[SampleSet, ...]]:
    """The pictures of a folder as steps of a training, or as sets of samples; else the frames of its animation."""
    series = series_in(folder)
    return (animation_in(folder), ()) if series is None else shown(folder, series)


def pictures_of(run: Path) -> tuple[tuple[Grid, ...], tuple[SampleSet, ...]]:
    """The pictures of a run's folder, else those of the first folder in it, or in web/, that is named as such."""
    places = [place / name for place in (run, run / "web") for name in names_in(place) if name.lower() in PLAIN]
    return next((found for place in (run, *places) if any(found := pictured(place))), ((), ()))


def shown(folder: Path, series: Series) -> tuple[tuple[Grid, ...], tuple[SampleSet, ...]]:
    """A series of that folder as steps of a training, or as sets of samples."""
    if series.are_samples:
        return (), _samples(folder, series)
    pictures = dict(zip(series.steps, series.files, strict=True))
    return tuple(Grid(step, path) for step, path in sorted(pictures.items())), ()


def as_sheets(run: RunRecord) -> RunRecord:
    """The tiles of a run's pictures as its samples, where that was told and the run has no other samples."""
    if told.get().pictures != "sheets" or run.samples or run.reader == "ganeval":
        return run
    whole = [grid for grid in run.grids if grid.span is None]
    frames = [grid for grid in whole if grid.frame is not None]
    if frames and run.step_unit != "frame":  # frames and the steps of its log have no common axis
        whole = [replace(frames[-1], step=0)]
    sets = (SampleSet(g.step, g.path, sheet=(g.rows or 0, g.columns or 0), frame=g.frame) for g in whole)
    return replace(run, samples=tuple(sets))


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
