"""Zip files of images, laid out like the folders, with or without StyleGAN's `dataset.json` of labels."""

from __future__ import annotations

import json
import threading
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.errors import MissingFileError, WrongInputError
from ganeval.images.decode import is_image_name
from ganeval.images.files import from_files
from ganeval.images.folders import IGNORED, labels_of_names, natural
from ganeval.images.imageset import ImageSet

MAX_MEMBER = 256 * 2**20
MAX_MEMBERS = 5_000_000
MAX_RATIO = 1000  # a real image never shrinks a thousandfold; a bomb does


def from_zip(path: Path) -> ImageSet:
    """Members are read in memory one at a time; nothing is ever extracted to disk."""
    if not path.exists():
        raise MissingFileError(f"There is no file {path}.")
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise WrongInputError(
            f"{path} cannot be read as a zip file: {error}. It is truncated or something else."
        ) from error
    members = {info.filename: info for info in archive.infolist() if not info.is_dir()}
    _require_safe(members, path)
    lock = threading.Lock()

    def read(name: str) -> bytes:
        with lock:
            return _member(archive, name, path)

    names = _image_names(members, path)
    labels, class_names = _labels(names, members, read, path)
    return from_files(names, read, source=str(path), labels=labels, class_names=class_names)


def _require_safe(members: dict[str, zipfile.ZipInfo], path: Path) -> None:
    if len(members) > MAX_MEMBERS:
        raise WrongInputError(f"{path} must hold at most {MAX_MEMBERS:,} files; it lists {len(members):,}.")
    for name, info in members.items():
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            raise WrongInputError(f"{path} holds a member outside the archive: {name!r}. Do not trust that file.")
        if info.file_size > MAX_MEMBER or info.file_size > MAX_RATIO * max(info.compress_size, 1):
            raise WrongInputError(
                f"{name} in {path} unpacks from {info.compress_size:,} to {info.file_size:,} bytes; that is no image. "
                "Do not trust that file."
            )


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    try:
        with archive.open(name) as file:
            data = file.read(MAX_MEMBER + 1)
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
        raise WrongInputError(f"{name} in {path} cannot be read: {error}. Pack the images again.") from error
    if len(data) > MAX_MEMBER:
        raise WrongInputError(f"{name} in {path} unpacks to more than {MAX_MEMBER:,} bytes; do not trust that file.")
    return data


def _image_names(members: dict[str, zipfile.ZipInfo], path: Path) -> list[str]:
    visible = [n for n in members if not any(p.startswith((".", "__MACOSX")) for p in PurePosixPath(n).parts)]
    names = [name for name in visible if is_image_name(name)]
    strangers = sorted(n for n in visible if not is_image_name(n) and PurePosixPath(n).name.lower() not in IGNORED)
    if strangers:
        raise WrongInputError(f"{path} must hold images only; {strangers[0]} is none ({len(strangers)} such files).")
    if not names:
        raise WrongInputError(f"{path} must hold at least one image; it holds none.")
    return sorted(names, key=natural)


def _labels(
    names: list[str], members: dict[str, Any], read: Any, path: Path
) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    listing = next((name for name in members if PurePosixPath(name).name == "dataset.json"), None)
    if listing is not None:
        return _listed_labels(names, read(listing), path), ()
    folders = sorted({PurePosixPath(name).parent.name for name in names}, key=natural)
    if len(folders) < 2:
        return labels_of_names(names), ()
    index = {folder: k for k, folder in enumerate(folders)}
    return np.array([index[PurePosixPath(n).parent.name] for n in names], dtype=np.int64), tuple(folders)


def _listed_labels(names: list[str], listing: bytes, path: Path) -> NDArray[np.int64] | None:
    """`{"labels": [[file name, class], ...]}`, or `"labels": null`."""
    try:
        entries = json.loads(listing).get("labels")
        given = None if entries is None else {str(name): label for name, label in entries}
    except (ValueError, AttributeError, TypeError) as error:
        raise WrongInputError(f"dataset.json in {path} must be {{'labels': [[name, class], ...]}}; {error}.") from error
    if given is None:
        return None
    missing = next((name for name in names if name not in given), None)
    if missing is not None:
        raise WrongInputError(f"dataset.json in {path} must label every image; {missing} has no label.")
    wrong = next((name for name in names if not isinstance(given[name], int) or given[name] < 0), None)
    if wrong is not None:
        raise WrongInputError(f"dataset.json in {path} must hold class numbers; {wrong} has {given[wrong]!r}.")
    return np.array([given[name] for name in names], dtype=np.int64)
