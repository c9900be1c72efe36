"""What numbered pictures are: one a step of the training, or generated samples; by their names,
their number and their size.

Names are cut at their numbers. Names that differ in one number are a series; in two, they have two axes: step and
index, or class and index. What was told (`Told`) goes first, then the size of the real images, then what names and
sizes suggest.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ganeval.core.files import require_regular
from ganeval.runs.parsing import IMAGES, names_in
from ganeval.runs.record import Grid, RunRecord, SampleSet

Size = tuple[int, int]
Pictures = Literal["auto", "samples", "steps", "sheets"]
BESIDE = ("real", "reals", "real_images", "real_samples", "reference", "real.npz", "reals.npz", "reference.npz")
SAMPLES = 500  # numbered pictures of one name: beyond it they are a set of samples
PLAIN = frozenset(
    {"images", "samples", "results", "output", "outputs", "out", "img", "imgs", "pictures"}
)  # names of folders
FEW = 50  # so many small pictures that are numbered without a gap are samples, too
SMALL = 64  # pixels: a picture for people, of several tiles, is larger
MAX_CLASSES = 1000
_NUMBER = re.compile(r"\d{1,9}")
NO_SAMPLES = re.compile(
    r"(screen[-_ ]?shot|fig(ure)?|diagram|plot|chart|page|slide|logo|loss|curve)s?[^a-z]*", re.IGNORECASE
)
_GENERATED = re.compile(r"(?<![a-z])(generated|fakes?|samples?|sheet|grid)(?![a-z])", re.IGNORECASE)
_STEP = re.compile(
    r"(?:epochs?|steps?|iter(?:ation)?s?|itrs?|kimg|batch(?:es)?|ticks?|milestone|ep|it)[^a-z]*$", re.IGNORECASE
)


@dataclass(frozen=True)
class Told:
    """What the caller knows of folders of pictures: what they are, and the height and width of the real images."""

    pictures: Pictures = "auto"
    size: Size | None = None


NOTHING = Told()
told: ContextVar[Told] = ContextVar("told", default=NOTHING)


@dataclass(frozen=True)
class Series:
    """Pictures whose names differ in numbers only: `numbers` has the varying ones of each file,
    `before` what precedes them.
    """

    files: tuple[Path, ...]
    numbers: tuple[tuple[int, ...], ...]
    before: tuple[str, ...]

    @property
    def steps(self) -> tuple[int, ...]:
        """The number that counts steps, of each file: the one after a word such as epoch, else the first."""
        return tuple(row[self._step_axis or 0] for row in self.numbers)

    @property
    def _step_axis(self) -> int | None:
        return next((axis for axis, text in enumerate(self.before) if _STEP.search(text)), None)

    @property
    def unit(self) -> str:
        axis = self._step_axis
        words = self.before[axis].lower() if axis is not None else ""
        return next((unit for unit in ("epoch", "kimg", "itr") if unit in words), "step")

    @property
    def many_a_step(self) -> bool:
        """Whether the first axis counts steps, each with several pictures: it says so,
        or leaves gaps as classes do not.
        """
        firsts = sorted(set(self.steps))
        if len(self.before) < 2 or len(firsts) == len(self.files):
            return False
        return self._step_axis is not None or firsts != list(range(firsts[0], firsts[0] + len(firsts))) or firsts[0] > 1

    @property
    def are_samples(self) -> bool:
        """Whether each picture is one generated image."""
        known = told.get()
        if known.pictures != "auto" or len(self.files) < 2:
            return known.pictures == "samples"
        size = known.size or _size_beside(self.files[0].parent)
        if size is not None and (own := picture_size(self.files[0])) is not None:
            return own == size
        if len(self.files) > SAMPLES or (len(self.before) > 1 and len(set(self.steps)) < len(self.files)):
            return True
        return self._step_axis is None and self._dense and max(picture_size(self.files[0]) or (SMALL + 1,)) <= SMALL

    @property
    def _dense(self) -> bool:
        numbers = [row[0] for row in self.numbers]
        return len(numbers) >= FEW and numbers[0] in (0, 1) and numbers[-1] - numbers[0] == len(numbers) - 1

    @property
    def labels(self) -> tuple[int, ...]:
        """The class of each sample where names are class and index; else none."""
        firsts = sorted({row[0] for row in self.numbers})
        classes = len(self.before) == 2 and len(firsts) < len(self.files) and firsts == list(range(len(firsts)))
        return tuple(row[0] for row in self.numbers) if classes and 1 < len(firsts) <= MAX_CLASSES else ()


def series_in(folder: Path) -> Series | None:
    """The largest series of numbered pictures in a folder, generated before real ones; None where there is none.

    One picture is a series where its name says that it was generated: sample_grid.png, fake_samples_epoch_024.png.
    """
    groups: dict[tuple[str, ...], list[tuple[tuple[int, ...], Path]]] = defaultdict(list)
    for name in names_in(folder):
        path = folder / name
        numbers = tuple(map(int, _NUMBER.findall(path.stem))) or ((0,) if _says_generated(path) else ())
        if path.suffix.lower() in IMAGES and not NO_SAMPLES.match(name) and numbers:
            groups[*_NUMBER.split(path.stem), path.suffix.lower()].append((numbers, path))
    merged = [
        _merged(template, found) for template, found in groups.items() if len(found) > 1 or _says_generated(found[0][1])
    ]
    return min(merged, key=lambda s: ("real" in s.files[0].stem.lower(), -len(s.files), s.files[0].name), default=None)


def _says_generated(path: Path) -> bool:
    return bool(_GENERATED.search(path.stem)) and "real" not in path.stem.lower()


def _merged(template: Sequence[str], found: list[tuple[tuple[int, ...], Path]]) -> Series:
    """The series of one template of names, in order; a number that never changes is a part of the name."""
    found = sorted(found)
    axes = [axis for axis in range(len(found[0][0])) if len({numbers[axis] for numbers, _ in found}) > 1] or [0]
    rows = tuple(tuple(numbers[axis] for axis in axes) for numbers, _ in found)
    return Series(tuple(path for _, path in found), rows, tuple(template[axis] for axis in axes))


def pictured(folder: Path) -> tuple[tuple[Grid, ...], tuple[SampleSet, ...]]:
    """The numbered pictures of a folder as steps of a training, or as sets of samples."""
    series = series_in(folder)
    if series is None:
        return (), ()
    if series.are_samples:
        return (), _samples(folder, series)
    pictures = dict(zip(series.steps, series.files, strict=True))
    return tuple(Grid(step, path) for step, path in sorted(pictures.items())), ()


def as_sheets(run: RunRecord) -> RunRecord:
    """The tiles of a run's pictures as its samples, where that was told and the run has no other samples."""
    if told.get().pictures != "sheets" or run.samples or run.reader == "ganeval":
        return run
    whole = [grid for grid in run.grids if grid.span is None]
    return replace(run, samples=tuple(SampleSet(g.step, g.path, sheet=(g.rows or 0, g.columns or 0)) for g in whole))


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


def picture_size(path: Path) -> Size | None:
    """(height, width) from a picture's header; None where it cannot be read."""
    from PIL import Image

    try:
        with Image.open(require_regular(path)) as picture:
            return picture.height, picture.width
    except Exception:  # noqa: BLE001 - damaged pictures make Pillow raise a dozen kinds
        return None


def real_beside(folder: Path) -> Path | None:
    """Real images that lie inside a run's folder or beside it."""
    places = (place / name for place in (folder, folder.parent) for name in BESIDE)
    return next((path for path in places if path != folder and path.exists()), None)


def _size_beside(folder: Path) -> Size | None:
    real = real_beside(folder)
    pictures = (
        [name for name in names_in(real)[:100] if name.lower().endswith(IMAGES)] if real and real.is_dir() else []
    )
    return picture_size(real / pictures[0]) if real and pictures else None
