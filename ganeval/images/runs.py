"""The samples of a run directory (`ganeval.runs.layout`): the newest ones that its trainer wrote."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from ganeval.errors import WrongInputError, printable
from ganeval.images.imageset import ImageSet
from ganeval.images.numpy_files import from_numpy_file
from ganeval.runs import layout
from ganeval.runs.readers.native import read_run


def is_run(path: Path) -> bool:
    """Whether a run.json lies there: the folder is a run, and no folder of images."""
    return os.path.isfile(path / layout.RUN)  # noqa: PTH113 - of a folder that may not be entered Path.is_file raises


def from_run(path: Path) -> ImageSet:
    """The images of the newest step in samples/eval, with their labels and the names of the run's classes."""
    run = read_run(path)
    if not run.samples:
        raise WrongInputError(
            f"The run {printable(path)} must hold samples (samples/eval/step-NNNNNN.npz) to be opened as images; it "
            "has none yet. Let it train to its end, or name generated images."
        )
    opened = replace(from_numpy_file(Path(run.samples[-1].path)), source=str(path))
    named = opened.labels is not None and run.class_names and int(opened.labels.max()) < len(run.class_names)
    return opened.with_class_names(run.class_names) if named else opened
