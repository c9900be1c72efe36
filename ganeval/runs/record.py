"""What any run directory, ours or foreign, looks like to a reader: one plain record per run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganeval.records.scores import Evaluation


@dataclass(frozen=True)
class Curve:
    """One logged quantity over training; NaN marks a value that was NaN or infinite."""

    steps: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Grid:
    """One picture of samples at one step: a sprite of `rows` x `columns` tiles."""

    step: float
    path: Path
    rows: int | None = None
    columns: int | None = None
    labels: tuple[int, ...] = ()  # one per tile, row by row; empty when unknown
    latents: str = ""  # equal strings mean the same latents
    span: tuple[int, int] | None = None  # offset and length where the picture lies inside a larger file
    frame: int | None = None  # of an animation


@dataclass(frozen=True)
class SampleSet:
    """Images generated at one step, to be evaluated: anything `ganeval.images.image_set` opens.

    `files` are the images where the folder `path` holds other files, too. `labels` are their classes where names are
    class and index, which is so if the real images have as many classes (else they may be batches).
    """

    step: float
    path: Path
    files: tuple[Path, ...] = ()
    labels: tuple[int, ...] = ()
    sheet: tuple[int, int] | None = None  # `path` is one picture of so many rows and columns; (0, 0): as separators say
    frame: int | None = None  # of the animation that this picture is


@dataclass(frozen=True)
class RunRecord:
    """One run as it was found. A run that could not be read has `error` and nothing else of worth."""

    id: str  # path relative to the searched root, or the shortest unique suffix
    path: Path
    reader: str  # "ganeval", "stylegan", ...
    name: str = ""
    created: str = ""  # ISO 8601, "" when unknown
    status: str = "unknown"  # running, stopped (Ctrl-C; can be resumed), done, failed, unknown
    step_unit: str = "step"  # step, kimg, epoch, itr
    config: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    protocol: Mapping[str, Any] = field(
        default_factory=dict
    )  # how to evaluate: {"real": "hoda:test", "classifier": "hoda", "train": "hoda:train"}
    class_names: tuple[str, ...] = ()
    curves: Mapping[str, Curve] = field(default_factory=dict)
    grids: tuple[Grid, ...] = ()
    samples: tuple[SampleSet, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()  # ordered by step
    notes: tuple[str, ...] = ()  # what a reader should know: "resumed at step 400", "NaN at 3100"
    problems: tuple[str, ...] = ()  # what of the run could not be read; the rest of it stands
    error: str = ""
