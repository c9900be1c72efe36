"""What a kind of folder is, and what several kinds write: digits for generated images, sheets of them, a log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganeval.datasets.dataset import DATASETS, Split

PAD = 2
SHEETS = ("--as", "sheets")


@dataclass(frozen=True)
class Kind:
    """One way in which a trainer leaves its folder: `write(folder)` does it, with other names and other values."""

    name: str
    who: str  # keeps such folders
    write: Callable[[Path], None]
    options: tuple[str, ...] = ()  # beyond --real and --classifier, what it takes to measure it
    missed: str = ""  # what of it is not read or not measured, and why


@cache
def table() -> Split:
    """The digits that stand for generated images."""
    return DATASETS["digits"].load("train")


def digits(n: int, start: int = 0) -> NDArray[np.uint8]:
    """(n, 8, 8) images, uint8."""
    images = table().images
    return images[(start + np.arange(n)) % len(images), 0]


def save(folder: Path, names: Sequence[str], images: NDArray[np.uint8]) -> None:
    for name, image in zip(names, images, strict=True):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)


def sheet(rows: int, columns: int, start: int = 0) -> NDArray[np.uint8]:
    """As torchvision's `save_image`: tiles with black separators of two pixels between and around them."""
    tiles = digits(rows * columns, start).reshape(rows, columns, 8, 8)
    framed = np.pad(tiles, ((0, 0), (0, 0), (PAD, 0), (PAD, 0)))
    return np.pad(framed.transpose(0, 2, 1, 3).reshape(rows * (8 + PAD), -1), (0, PAD))[: rows * 10 + PAD]


def sheets(folder: Path, names: Sequence[str]) -> None:
    """One sheet of 64 images a name."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(names):
        Image.fromarray(sheet(8, 8, 64 * i)).save(folder / name)


def text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
