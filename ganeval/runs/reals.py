"""Real images that lie inside a run's folder or beside it: what the run is compared with, and no run themselves."""

from __future__ import annotations

import re
from pathlib import Path

from ganeval.runs.parsing import IMAGES, names_in, picture_size
from ganeval.runs.told import Size

STEMS = ("real", "reals", "real_images", "real_samples", "reference")
BESIDE = (*STEMS, *(f"{stem}{kind}" for kind in (".npz", ".npy", ".zip") for stem in STEMS))
_GENERATED = re.compile(r"(?<![a-z])(gen|generated|fakes?|samples?|synth(etic)?|sheet|grid)(?![a-z])", re.IGNORECASE)
_REAL = re.compile(
    r"real|(?<![a-z])(orig(inal)?s?|ground[-_ ]?truth|gt|inputs?|targets?|masks?)(?![a-z])", re.IGNORECASE
)
_DATA = re.compile(
    r"(?<![a-z])(data|datasets?|train(ing)?|test|val(id(ation)?)?|labels?|masks?|stats?|statistics)(?![a-z])"
)


def real_beside(folder: Path) -> Path | None:
    """The first of `BESIDE` in a run's folder, else beside it."""
    places = (place / name for place in (folder, folder.parent) for name in BESIDE)
    return next((path for path in places if path != folder and path.exists()), None)


def size_beside(folder: Path) -> Size | None:
    """(height, width) of the real images that lie there."""
    real = real_beside(folder)
    pictures = (
        [name for name in names_in(real)[:100] if name.lower().endswith(IMAGES)] if real and real.is_dir() else []
    )
    return picture_size(real / pictures[0]) if real and pictures else None


def is_data(stem: str) -> bool:
    """Whether a file's name, without its ending, says that it holds real images or no images at all.

    >>> is_data("real_images"), is_data("mnist_train"), is_data("samples_train_500"), is_data("retrained")
    (True, True, False, False)
    """
    return stem in STEMS or (_DATA.search(stem.lower()) is not None and not says_generated(stem))


def says_real(stem: str) -> bool:
    return _REAL.search(stem) is not None


def says_generated(stem: str) -> bool:
    return _GENERATED.search(stem) is not None and not says_real(stem)
