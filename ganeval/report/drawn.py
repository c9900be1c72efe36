"""What a run has drawn, step by step: the pictures that its trainer kept, else a look into its sample sets.

Whatever was measured is seen: a set of samples that no picture of the run shows is shown beside them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganeval.report.glimpse import Glimpse, glimpse_of
from ganeval.report.pictures import BrokenPictureError, load_picture, sheet_in, sprite_of, tiles_of
from ganeval.report.view import Page, RunView
from ganeval.runs.record import Grid, RunRecord, SampleSet

Source = Grid | SampleSet
MAX_COLUMNS = 8


@dataclass(frozen=True)
class Drawn:
    """One picture of a run. `tiles` are its images where they are known, `rows` x `columns` of them; `of` how many the
    set has that they were taken from, 0 for a picture.
    """

    step: float
    pixels: NDArray[np.uint8]
    tiles: NDArray[np.uint8] | None = None
    rows: int = 0
    columns: int = 0
    labels: tuple[int, ...] = ()
    latents: str = ""
    of: int = 0


def course_of(run: RunRecord) -> tuple[Source, ...]:
    """What the run has drawn over the training."""
    return run.grids or tuple(sorted(run.samples, key=lambda samples: samples.step))


def apart_of(run: RunRecord) -> SampleSet | None:
    """The last set of samples where the pictures of the run do not show it: those of our own trainers do, step by
    step, and so do sheets of which the samples are the tiles.
    """
    if not run.grids or not run.samples:
        return None
    last = max(run.samples, key=lambda samples: samples.step)
    paths, steps = {grid.path for grid in run.grids}, {grid.step for grid in run.grids}
    seen = bool({last.path, *last.files} & paths) or (run.reader == "ganeval" and last.step in steps)
    return None if seen else last


def cover_of(run: RunRecord) -> Source | None:
    """The one picture that stands for the run: of what was measured where it is seen apart, else of the last step."""
    course = course_of(run)
    return apart_of(run) or (course[-1] if course else None)


def draw_one(page: Page, run: RunView, source: Source) -> Drawn:
    """Raises `BrokenPictureError` with a sentence where it cannot be shown."""
    return _of_set(page, run, source) if isinstance(source, SampleSet) else _of_grid(page, source)


def _of_grid(page: Page, grid: Grid) -> Drawn:
    pixels = load_picture(grid.path, grid.span, grid.frame)
    if grid.rows and grid.columns:
        tiles = tiles_of(pixels, grid.rows, grid.columns)
        labels = grid.labels if len(grid.labels) == len(tiles) else ()
        return Drawn(grid.step, pixels, tiles, grid.rows, grid.columns, labels, grid.latents)
    sheet = sheet_in(pixels, grid.path, page.found.size)
    if sheet is None:
        return Drawn(grid.step, pixels, latents=grid.latents)
    return _laid_out(grid.step, Glimpse(sheet.tiles(pixels), 0), sheet.columns)


def _of_set(page: Page, run: RunView, samples: SampleSet) -> Drawn:
    classes = len(run.class_names) if run.evaluation else 0
    try:
        found = glimpse_of(samples, classes=classes, tile=page.found.size)
    except BrokenPictureError:
        if (kept := _kept(run, samples)) is None:
            raise
        found = kept
    n = len(found.tiles)
    columns = n // len({*found.labels}) if found.labels else min(MAX_COLUMNS, -(-n // max(1, n // MAX_COLUMNS)))
    return _laid_out(samples.step, found, columns)


def _kept(run: RunView, samples: SampleSet) -> Glimpse | None:
    """The images of the set that its evaluation has kept."""
    evaluation = run.evaluation
    kept = run.evidence("neighbours").get("fake") if evaluation and (evaluation.step or 0) == samples.step else None
    return None if evaluation is None or kept is None else Glimpse(kept, evaluation.fake.n)


def _laid_out(step: float, found: Glimpse, columns: int) -> Drawn:
    tiles, rows = found.tiles, -(-len(found.tiles) // columns)
    return Drawn(step, sprite_of(tiles, columns), tiles, rows, columns, found.labels, of=found.of)
