"""Folders: flat, one folder per class, or files named `<class>_<index>.png`."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import MissingFileError, WrongInputError
from ganeval.images.decode import is_image_name
from ganeval.images.files import from_files
from ganeval.images.imageset import ImageSet

CLASS_INDEX = re.compile(r"^(?P<label>\d{1,5})_(?P<index>\d+)$")
IGNORED = frozenset({"dataset.json", "layout.json", "thumbs.db"})


def from_folder(path: Path) -> ImageSet:
    """Images in the natural order of their names; classes are the sorted names of the sub-folders, or in the file names."""
    if not path.exists():
        raise MissingFileError(
            f"There is no file or folder {path}. A data set is written name:split, for example hoda:test or digits:test."
        )
    if not path.is_dir():
        raise WrongInputError(
            f"{path} must be a folder, a .zip, .npz or .npy file of images; it is another kind of file."
        )
    names = _image_names(path)
    folders = sorted({Path(name).parent.as_posix() for name in names})
    if folders == ["."]:
        labels, class_names = labels_of_names(names), ()
    else:
        labels, class_names = _labels_of_folders(names, folders, path)
    return from_files(names, lambda name: path / name, source=str(path), labels=labels, class_names=class_names)


def _image_names(path: Path) -> list[str]:
    names, strangers = [], []
    for folder, children, files in os.walk(path):
        children[:] = sorted(child for child in children if not child.startswith("."))
        base = Path(folder).relative_to(path)
        for file in files:
            if file.startswith(".") or file.lower() in IGNORED:
                continue
            (names if is_image_name(file) else strangers).append((base / file).as_posix())
    if strangers:
        raise WrongInputError(
            f"{path} must hold images only; {min(strangers)} is none ({len(strangers)} such files). Move them elsewhere."
        )
    if not names:
        raise WrongInputError(f"{path} must hold at least one image; it is empty. Was it the folder above or below?")
    return sorted(names, key=natural)


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts 2.png before 10.png.

    >>> sorted(["10.png", "2.png", "a.png"], key=natural)
    ['2.png', '10.png', 'a.png']
    """
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]


def labels_of_names(names: list[str]) -> NDArray[np.int64] | None:
    """Labels of `<class>_<index>.png` names, where every file has that form; else None.

    >>> labels_of_names(["3_0.png", "7_1.png"]).tolist()
    [3, 7]
    """
    matches = [CLASS_INDEX.match(Path(name).stem) for name in names]
    if not all(matches):
        return None
    return np.array([int(match["label"]) for match in matches if match], dtype=np.int64)


def _labels_of_folders(names: list[str], folders: list[str], path: Path) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    if "." in folders:
        stray = next(name for name in names if "/" not in name)
        raise WrongInputError(
            f"{path} holds both class folders and loose images ({stray}). Put every image into its class's folder."
        )
    deep = next((folder for folder in folders if "/" in folder), None)
    if deep:
        raise WrongInputError(f"{path} must have one folder per class; {deep} is nested deeper. Point at its parent.")
    classes = tuple(sorted(folders, key=natural))
    index = {folder: k for k, folder in enumerate(classes)}
    return np.array([index[Path(name).parent.as_posix()] for name in names], dtype=np.int64), classes
