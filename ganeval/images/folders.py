"""Folders of images; `layout.py` has the rules by which their names become labels."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import MissingFileError, WrongInputError
from ganeval.images.files import from_files
from ganeval.images.imageset import ImageSet
from ganeval.images.layout import LISTING, image_names, labels_of_layout, labels_of_listing

MAX_DEPTH = 16
MAX_LISTING = 256 * 2**20


def from_folder(path: Path) -> ImageSet:
    """Images in the natural order of their names (2 before 10); links are followed."""
    if not path.exists():
        raise MissingFileError(
            f"There is no file or folder {path}. A data set is written name:split, for example hoda:test or digits:test."
        )
    if not path.is_dir():
        raise WrongInputError(f"{path} must be a folder, or a .zip, .npz or .npy file of images; it is another file.")
    files, folders = _walk(path)
    names = image_names(files, str(path))
    listed = LISTING in files
    labels, class_names = (_listed(path, names), ()) if listed else labels_of_layout(names, folders, str(path))
    return from_files(names, lambda name: path / name, source=str(path), labels=labels, class_names=class_names)


def _walk(path: Path) -> tuple[list[str], list[str]]:
    """All files and all folders below `path`, POSIX and relative; hidden folders are not entered."""
    files: list[str] = []
    folders: list[str] = []
    for folder, children, names in os.walk(path, onerror=_refuse, followlinks=True):
        children[:] = [child for child in children if not child.startswith(".")]
        base = Path(folder).relative_to(path)
        if len(base.parts) > MAX_DEPTH:
            raise WrongInputError(f"{path} must not be nested more than {MAX_DEPTH} deep. Does a link lead back up?")
        files += [(base / name).as_posix() for name in names]
        folders += [(base / child).as_posix() for child in children]
    return files, folders


def _refuse(error: OSError) -> None:
    raise WrongInputError(
        f"The folder {error.filename} cannot be read: {error.strerror}. Mend its permissions."
    ) from error


def _listed(path: Path, names: list[str]) -> NDArray[np.int64] | None:
    with (path / LISTING).open("rb") as file:
        return labels_of_listing(names, file.read(MAX_LISTING), ".", str(path))
