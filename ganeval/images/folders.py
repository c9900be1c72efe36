"""Folders of images; `layout.py` has the rules by which their names become labels."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ganeval.core.files import open_regular
from ganeval.errors import MissingFileError, WrongInputError, printable
from ganeval.images.decode import is_image_name
from ganeval.images.files import from_files
from ganeval.images.fitting import Fit
from ganeval.images.imageset import ImageSet
from ganeval.images.layout import image_names, labels_of
from ganeval.images.stamps import Stamps

MAX_DEPTH = 16
MAX_WAYS = 100  # by which links may lead to one folder
MAX_LISTING = 256 * 2**20


def from_folder(path: Path, classes: str = "auto", fit: Fit | None = None) -> ImageSet:
    """Images in the natural order of their names (2 before 10); links are followed."""
    where = printable(path)
    if path.is_symlink() and not path.exists():
        raise MissingFileError(f"{where} is a link to {printable(path.readlink())}, where nothing is. Fix the link.")
    if not path.exists():
        raise MissingFileError(
            f"There is no file or folder {where}. A data set is written name:split, for example hoda:test or "
            "digits:test."
        )
    if not path.is_dir() and is_image_name(path.name):
        raise WrongInputError(
            f"{where} is one picture, and a set is many. Pass its folder or a list of files. If it is a contact sheet, "
            "save its images one by one; ganeval-report measures those of sheets (--as sheets)."
        )
    if not path.is_dir():
        raise WrongInputError(f"{where} must be a folder, or a .zip, .npz or .npy file of images; it is another file.")
    files, folders = _walk(path)
    names = image_names(files, where)
    stamps = Stamps(str(path), names, lambda name: f"{path}/{name}")
    found = labels_of(names, files, folders, lambda name: _listing(path / name), where, classes)
    return from_files(
        names,
        stamps.require,
        fit=fit,
        source=str(path),
        require_unchanged=stamps.require_all,
        outline=stamps.outline,
        clocks=stamps.clocks,
        **found._asdict(),
    )


def from_paths(paths: Sequence[Path], fit: Fit | None = None) -> ImageSet:
    """One image a path, in the order given, without labels."""
    where = f"list of {len(paths)} paths"
    strangers = [path for path in paths if not is_image_name(path.name)]
    if strangers:
        raise WrongInputError(
            f"A list of paths must name image files; {printable(strangers[0])} is none. Open folders and archives one "
            "by one."
        )
    stamps = Stamps(where, map(str, paths), Path)
    return from_files(
        list(map(str, paths)),
        stamps.require,
        fit=fit,
        source=where,
        require_unchanged=stamps.require_all,
        outline=stamps.outline,
        clocks=stamps.clocks,
    )


def _walk(path: Path) -> tuple[list[str], list[str]]:
    """All files and all folders below `path`, POSIX and relative; hidden folders are not entered."""
    files: list[str] = []
    folders: list[str] = []
    ways: Counter[tuple[int, int]] = Counter()
    for folder, children, names in os.walk(path, onerror=_refuse, followlinks=True):
        children[:] = sorted(child for child in children if not child.startswith("."))
        base = Path(folder).relative_to(path)
        found = Path(folder).stat()
        ways[found.st_dev, found.st_ino] += 1
        if len(base.parts) > MAX_DEPTH:
            raise WrongInputError(
                f"{printable(path)} must not be nested more than {MAX_DEPTH} deep. Does a link lead back up?"
            )
        if ways[found.st_dev, found.st_ino] > MAX_WAYS:
            raise WrongInputError(
                f"{printable(path)} has too many links to one folder: {printable(base)} is one way there."
            )
        above = "" if not base.parts else f"{base.as_posix()}/"
        files += [f"{above}{name}" for name in names]
        folders += [f"{above}{child}" for child in children]
    return files, folders


def _refuse(error: OSError) -> None:
    raise WrongInputError(
        f"The folder {printable(error.filename)} cannot be read: {error.strerror}. Fix its permissions."
    ) from error


def _listing(path: Path) -> bytes:
    with open_regular(path) as file:
        return file.read(MAX_LISTING)
